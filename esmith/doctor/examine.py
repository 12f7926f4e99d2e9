"""Running the checks: all side by side, each on its own, so that one which fails or waits stops no other."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from esmith.doctor import (
    accounts,
    backups,
    block_lists,
    certificates,
    clock,
    directories,
    files,
    fleet,
    leftovers,
    mail_dns,
    ports,
    programs,
    queue,
    served,
    services,
    signatures,
    space,
    units,
)
from esmith.doctor.case import Case, NoSettingsError
from esmith.doctor.finding import OK, SEVERITIES, Check, Checking, Finding, Result, skipped, warning
from esmith.errors import EsmithError, UsageError
from esmith.names import nearest
from esmith.printable import printable

#: The area that only a member of a fleet has.
FLEET = "fleet"
#: The areas in the order they are shown, each with its checks and what it is about.
AREAS: dict[str, tuple[str, dict[str, Checking]]] = {
    "programs": ("programs and Debian packages", programs.CHECKS),
    "accounts": ("unix accounts, homes and mailboxes", accounts.CHECKS),
    "directories": ("directories of services, and their rights", directories.CHECKS),
    "files": ("whose files these are, damage, what is interrupted", files.CHECKS),
    "units": ("what starts the services at boot", units.CHECKS),
    "services": ("whether services are up and of use", services.CHECKS),
    "ports": ("who listens where", ports.CHECKS),
    "certificates": (
        "the certificate: its end, its names, what ports serve",
        {**certificates.CHECKS, **served.CHECKS},
    ),
    "signatures": ("how old virus signatures are", signatures.CHECKS),
    "dns": ("what the DNS has of each domain", mail_dns.CHECKS),
    "block-lists": ("whether block lists list everybody, or nobody", block_lists.CHECKS),
    "queue": ("mail that waits", queue.CHECKS),
    "disk": ("space and inodes", space.CHECKS),
    "clock": ("whether the clock is right", clock.CHECKS),
    FLEET: ("of a member of a fleet: its certificate, its keys, the clocks", fleet.CHECKS),
    "backups": ("how old the last backup is", backups.CHECKS),
    "leftovers": ("what killed commands left", leftovers.CHECKS),
}
#: How long all of it may take, in seconds; a single question to a service or a name server takes less.
SECONDS = 60.0
_AT_ONCE = 24
#: What data that is not as it should be, and what cannot be read, raises. Anything else is a mistake of ours.
_DATA_ERRORS = (ValueError, LookupError)


@dataclass(frozen=True)
class Examination:
    """What came of all checks.

    :param results: the result of each check, in the order of the areas.
    :param seconds: how long it took.
    :param is_overdue: whether a check still waits for something.
    """

    results: tuple[Result, ...]
    seconds: float
    is_overdue: bool = False

    def findings(self, *severities: str) -> list[tuple[str, Finding]]:
        """Return the findings of some severities, by default all, each with its area."""
        wanted = severities or SEVERITIES
        return [
            (result.check.area, found)
            for result in self.results
            for found in result.findings
            if found.severity in wanted
        ]

    def joined(self, result: Result) -> Examination:
        """Return it with one more result."""
        return Examination((*self.results, result), self.seconds, self.is_overdue)

    def count(self, severity: str) -> int:
        """Return how many findings have a severity."""
        return len(self.findings(severity))


def chosen_checks(areas: Collection[str] = ()) -> list[Check]:
    """Return the checks of areas.

    :param areas: their names; all by default.
    :raises UsageError: when there is no such area.
    """
    for name in areas:
        if name not in AREAS:
            near = nearest(name, AREAS)
            hint = f"did you mean {near!r}?" if near else f"there are: {' '.join(AREAS)}"
            raise UsageError(f"there is no area {name!r}", hint=hint)
    return [
        Check(area, name, run)
        for area, (_, checks) in AREAS.items()
        if not areas or area in areas
        for name, run in checks.items()
    ]


def examine(case: Case, checks: Sequence[Check], *, seconds: float = SECONDS) -> Examination:
    """Run checks, and return what they found.

    :param seconds: how long it may take; a check that has not ended then is a finding.
    """
    begin = time.monotonic()
    pool = ThreadPoolExecutor(_AT_ONCE)
    # There is nothing to look at of a fleet that the server is not in.
    wanted = [check for check in checks if check.area != FLEET or case.fleet_host]
    running = [(check, pool.submit(_run, check, case)) for check in wanted]
    wait([future for _, future in running], timeout=seconds)
    results = tuple(Result(check, _result_of(check, future, seconds)) for check, future in running)
    # Threads cannot be ended; what they wait for may be a disk of the network.
    overdue = any(not future.done() for _, future in running)
    pool.shutdown(wait=not overdue, cancel_futures=True)
    return Examination(results, time.monotonic() - begin, overdue)


def _result_of(check: Check, future: Future[tuple[Finding, ...]], seconds: float) -> tuple[Finding, ...]:
    if future.done():
        return future.result()
    what = f"looking at {check.name} did not end within {seconds:g} s"
    return (
        warning(what, "it waits for a disk or a program that does not answer"),
        skipped(check.name, "it did not end"),
    )


def _run(check: Check, case: Case) -> tuple[Finding, ...]:
    """Run one check; what keeps it from looking is a finding."""
    found: list[Finding] = []
    try:
        # What it found before something fails counts: it is taken one by one.
        found.extend(check.run(case))
    except NoSettingsError as error:
        found.append(skipped(check.name, error.message))
    except PermissionError as error:
        reason = f"{error.filename or 'something'} may not be read by this user"
        found.append(skipped(check.name, reason if not case.is_root else f"{error}"))
    except EsmithError as error:
        found.append(skipped(check.name, f"{error.place}: {error.message}".lstrip(": "), *filter(None, [error.hint])))
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror or error}"
        found.append(skipped(check.name, reason))
    except _DATA_ERRORS as error:
        found.append(
            warning(
                f"cannot look at {check.name}: {type(error).__name__}: {printable(str(error))}",
                "something it reads is not as it is documented",
            )
        )
        found.append(skipped(f"the rest of: {check.name}", "it could not be carried out"))
    return tuple(found) or (Finding(OK, check.name),)
