"""What a member of a fleet needs to be one: its certificate, whose its keys are, and a clock that is the others'.

On a server that is in no fleet it is not looked at (:func:`esmith.doctor.examine.examine`).
"""

from __future__ import annotations

import os
import ssl
import stat
import time
from collections.abc import Iterator

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, by_hand, failing, ok, shown_host, skipped, warning
from esmith.layout import FLEET_FILES
from esmith.printable import shell_word
from esmith.services.program import run_for_text

#: The files that have an end.
_CERTIFICATES = {"host.pem": "etcd takes no connection of this server", "ca.pem": "no server of the fleet trusts etcd"}
#: From how many days before its end on a certificate is a finding.
_DAYS = 30
_DAY = 86_400
_SECONDS = 10.0
#: How far the clocks of two servers may be apart, in seconds, as the time of the other one is from a moment ago.
_APART = 60.0
_OTHERS = 0o077
#: No server says a later time, in seconds since 1970.
_LATEST = 2.0**33


def check_end(case: Case) -> Iterator[Finding]:
    """Look whether the certificate of this server, or the one that signed it, has ended or ends soon."""
    for name, why in _CERTIFICATES.items():
        path = f"{FLEET_FILES}/{name}"
        end = _end_of(case, path)
        if end is None:
            yield skipped(f"when {path} ends", "it cannot be read here")
            continue
        left = end - case.now
        if left >= _DAYS * _DAY:
            yield ok(f"{path} is valid for longer than {_DAYS} days")
            continue
        date = time.strftime("%Y-%m-%d", time.localtime(end))
        severity, verb = (warning, "ends") if left > 0 else (failing, "has ended")
        cures = (
            by_hand("on the first server of the fleet, then bring the files here:"),
            f"esmith fleet certificates --out /root/renewed --client {shell_word(case.fleet_host)}",
        )
        yield severity(f"{path} {verb} on {date}", f"then {why}" if left > 0 else why, *cures, about=f"{path} {verb}")


def _end_of(case: Case, path: str) -> float | None:
    """Return when a certificate ends, in seconds since 1970; None where that cannot be read."""
    file = case.layout.under(path)
    if not os.access(file, os.R_OK):
        return None
    argv = ["openssl", "x509", "-noout", "-enddate", "-in", file]
    code, printed = run_for_text(argv, package="openssl", timeout=_SECONDS, place=path)
    try:
        return ssl.cert_time_to_seconds(printed.strip().removeprefix("notAfter=")) if code == 0 else None
    except ValueError:
        return None


def check_there(case: Case) -> Iterator[Finding]:
    """Look whether the files are there without which this server is no member."""
    from esmith.fleet.place import CA, CERTIFICATE, KEY, PASSWORD, SIGNING_KEY

    needed = (CA, CERTIFICATE, KEY, SIGNING_KEY, PASSWORD)
    lost = [
        f"{FLEET_FILES}/{name}" for name in needed if not os.path.lexists(case.layout.under(f"{FLEET_FILES}/{name}"))
    ]
    for path in lost:
        yield failing(
            f"{path} is not there",
            "this server cannot change what the fleet shares, and hears nothing of it once its agent is restarted",
            by_hand("restore the file from a backup; without one this server leaves, and joins again:"),
            "esmith fleet leave --here",
        )
    if not lost:
        yield ok(f"what this server needs to be a member is in {FLEET_FILES}")


def check_modes(case: Case) -> Iterator[Finding]:
    """Look whether only their owner may read the keys of this server, and write what is beside them."""
    try:
        names = sorted(os.listdir(case.layout.fleet_files))
    except OSError as error:
        yield skipped(f"the files in {FLEET_FILES}", error.strerror or "they cannot be listed")
        return
    is_well = True
    for path in (FLEET_FILES, *(f"{FLEET_FILES}/{name}" for name in names)):
        looks = os.lstat(case.layout.under(path))
        mode, pasted = 0o700 if path == FLEET_FILES else 0o600, case.pasted(path)
        if stat.S_ISLNK(looks.st_mode) or looks.st_uid not in (0, os.geteuid()):
            is_well = False
            yield failing(
                f"{path} belongs to somebody else, or is a link",
                "who owns it may act as this server in the fleet",
                by_hand("look what it is; a server whose key others had is removed and joins again"),
                f"ls -ld {pasted}",
            )
        elif looks.st_mode & _OTHERS:
            is_well = False
            yield failing(
                f"{path} may be used by others (mode {stat.S_IMODE(looks.st_mode):o})",
                "who reads the keys may act as this server in the fleet",
                f"chmod {mode:o} {pasted}",
            )
    if is_well:
        yield ok(f"the keys in {FLEET_FILES} are for their owner alone")


def check_clocks(case: Case) -> Iterator[Finding]:
    """Look whether another server of the fleet has a time that is yet to come."""
    from esmith.fleet.surface.health import read_status

    hosts = read_status(case.layout).get("hosts")
    for one in hosts if isinstance(hosts, list) else ():
        name, clock = (one.get("host"), one.get("time")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(clock, int | float):
            continue
        if not case.now + _APART < clock < _LATEST:
            continue
        yield warning(
            f"the clock of {shown_host(name)} is {clock - case.now:.0f} s ahead of this one",
            "certificates and times of changes are wrong on one of them",
            by_hand("look at both: date; esmith doctor clock"),
            about=f"the clock of {shown_host(name)}",
        )


CHECKS: dict[str, Checking] = {
    "end of the certificate in the fleet": check_end,
    "files of the fleet": check_there,
    "modes of the keys of the fleet": check_modes,
    "clocks of the fleet": check_clocks,
}
