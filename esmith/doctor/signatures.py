"""Virus signatures: how old the newest are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, failing, ok, skipped, warning
from esmith.services.useful import files_of

#: The service, and its question that names the files.
_SERVICE, _QUESTION = "clamd", "signatures"
#: What ``esmith setup`` writes where no mirror can be reached (docs/commands.md#esmith-setup).
_TEST = "e-smith-test."
#: New ones come each day. After so many days something is wrong, and after so many nothing new is found.
_OLD_DAYS, _TOO_OLD_DAYS = 3.0, 14.0
_DAY = 86_400.0
_BUILT = re.compile(rb"ClamAV-VDB:(\d{2} [A-Z][a-z]{2} \d{4} \d{2}-\d{2} [+-]\d{4}):")
_HEADER_BYTES = 512
_UPDATE = ("freshclam --config-file=/etc/freshclam.conf",)


def check_age(case: Case) -> Iterator[Finding]:
    """Look how old they are, where mail is scanned."""
    service = next((one for one in case.running if one.name == _SERVICE), None)
    question = next((one for one in service.useful if one.name == _QUESTION), None) if service else None
    if question is None:
        yield skipped("virus signatures", "clamd is disabled, or not installed")
        return
    found = files_of(case.layout, question)
    if found is None:
        yield skipped("virus signatures", "their directory may not be read by this user: run it as root")
        return
    if not found:
        if case.layout.is_machine:
            yield failing("there are no virus signatures", question.means, *question.cure)
        else:
            yield skipped("virus signatures", "there are none in this folder")
        return
    if all(map(_is_test, found)):
        why = "no real virus is found; freshclam loads the official ones as soon as it reaches a mirror"
        yield failing("there are only the test signatures of esmith setup", why, *_UPDATE)
        return
    days = (case.now - max(_made(path) for path in found if not _is_test(path))) / _DAY
    if days > _OLD_DAYS:
        severity = failing if days > _TOO_OLD_DAYS else warning
        why = "new viruses are not found"
        cures = (*_UPDATE, "esmith services")
        yield severity(f"the newest virus signatures are {days:.0f} days old", why, *cures, about="signatures are old")
    else:
        yield ok(f"the newest virus signatures are {max(0.0, days * 24):.0f} hours old")


def _is_test(path: str) -> bool:
    return os.path.basename(path).startswith(_TEST)


def _made(path: str) -> float:
    """Return when signatures were made, in seconds since 1970: a copy of old ones is a new file.

    Files of the official ones begin with ``ClamAV-VDB:`` and the time they were built (``sigtool --info``).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return os.stat(path).st_mtime
    with open(descriptor, "rb") as file:
        changed = os.fstat(file.fileno()).st_mtime
        match = _BUILT.match(file.read(_HEADER_BYTES))
    if match is None:
        return changed
    try:
        built = datetime.strptime(match[1].decode("ascii"), "%d %b %Y %H-%M %z").timestamp()
    except ValueError:
        return changed
    return min(built, changed)


CHECKS: dict[str, Checking] = {"virus signatures": check_age}
