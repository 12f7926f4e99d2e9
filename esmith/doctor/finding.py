"""What a check has found: what is so, why it matters, and what cures it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from esmith.doctor.case import Case

#: Something does not work, or mail is lost.
FAILING = "failing"
#: It works, and will not for long, or not as well as it should.
WARNING = "warning"
#: It could not be looked at, and why.
SKIPPED = "skipped"
#: Why much is not looked at under a root that is not the machine.
FOLDER = "the root is only a folder"
#: All is well.
OK = "ok"
#: All of them, the worst first.
SEVERITIES = (FAILING, WARNING, SKIPPED, OK)
#: A name of a host (RFC 1123, 2.1). The DNS takes any byte in one, and so what a shell would run.
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


@dataclass(frozen=True)
class Finding:
    """One thing that a check has found.

    :param severity: one of :data:`SEVERITIES`.
    :param what: what was found, as a clause; of one that was skipped, what was not looked at.
    :param why: why it matters; of one that was skipped, the reason.
    :param cure: the commands that help, in their order, each to be pasted as it is; see also :func:`by_hand`.
    :param about: what it is about, where ``what`` has numbers that change from day to day; else "".
    """

    severity: str
    what: str
    why: str = ""
    cure: tuple[str, ...] = ()
    about: str = ""

    @property
    def key(self) -> str:
        """What is the same for as long as the finding is the same."""
        return f"{self.severity} {self.about or self.what}"


def failing(what: str, why: str, *cure: str, about: str = "") -> Finding:
    """Return that something does not work."""
    return Finding(FAILING, what, why, cure, about)


def warning(what: str, why: str, *cure: str, about: str = "") -> Finding:
    """Return that something will not work for long, or not as well as it should."""
    return Finding(WARNING, what, why, cure, about)


def skipped(what: str, why: str, *cure: str) -> Finding:
    """Return that something was not looked at."""
    return Finding(SKIPPED, what, why, cure)


def ok(what: str) -> Finding:
    """Return that all is well."""
    return Finding(OK, what)


def by_hand(text: str) -> str:
    """Return a cure that says what to do and is not a command: a shell takes the line for a comment."""
    return f"# {text}"


def is_host(name: str) -> bool:
    """Return whether a name from outside is one that may stand in a cure: letters, digits, hyphens and dots."""
    return bool(_HOST.fullmatch(name))


def shown_host(name: str) -> str:
    """Return a name from outside for a message: as it is where it is that of a host, otherwise in quotes."""
    return name if is_host(name) else repr(name)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return names for a message: the first ones, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


Checking = Callable[[Case], Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """A check of an area.

    :param area: the area, as it is named on the command line.
    :param name: its name, one of its own in the area.
    :param run: looks, and gives what it finds.
    """

    area: str
    name: str
    run: Checking


@dataclass(frozen=True)
class Result:
    """What became of a check.

    :param check: the check.
    :param findings: what it found.
    """

    check: Check
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        """Whether all was looked at, so that what was not found is not there."""
        return all(finding.severity != SKIPPED for finding in self.findings)
