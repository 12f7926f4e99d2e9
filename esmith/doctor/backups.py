"""Backups: when the last one was made, against how often one is to be made."""

from __future__ import annotations

import os
from collections.abc import Iterator

from esmith.backup.last import last
from esmith.backup.restore import BEFORE
from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, failing, ok, skipped, warning
from esmith.names import counted
from esmith.printable import shell_word

#: How old the last one may be, in days: by how often one is made, with some hours for a job that comes late.
_DAYS = {"day": 2.0, "week": 8.0}
#: Where nobody has it made by itself.
_DAYS_BY_HAND = 30.0
_DAY = 86_400.0
#: What all backups of before restores may take, in bytes.
_MANY_BYTES = 500 * 2**20
_FOLDER = "/var/backups/e-smith"
#: The folder of scheduled backups is below the root, any other one is of this disk.
_DAILY = f"esmith backup --every day --to {_FOLDER}"


def check_age(case: Case) -> Iterator[Finding]:
    """Look how old the last good backup is, and whether its file is there."""
    now = f"esmith backup --to {case.pasted(_FOLDER)}"
    made, every = last(case.layout), case.prop("esmith-backup", "Every")
    why = "when the disk breaks, settings, keys and passwords are lost with it"
    if made is None:
        if every in _DAYS:
            yield warning(f"a backup is to be made each {every}, and none was made yet", why, now)
        else:
            yield skipped("the age of backups", "no backup is known, and none is made by itself", _DAILY)
        return
    days = (case.now - made.time) / _DAY
    most = _DAYS.get(every, _DAYS_BY_HAND)
    if days > most:
        severity = failing if every in _DAYS and days > 2 * most else warning
        yield severity(f"the last backup is {days:.0f} days old", why, now, about="the last backup is old")
    elif not os.path.lexists(made.file):
        yield warning(f"the last backup, {made.file}, is not there any more", why, now, about="the last backup is gone")
    else:
        yield ok(f"the last backup is {max(0.0, days):.1f} days old: {made.file}")


def check_before(case: Case) -> Iterator[Finding]:
    """Look how much the backups of before restores take, of which a few stay."""
    place = os.path.join(case.layout.state, BEFORE)
    try:
        sizes = [entry.stat(follow_symlinks=False).st_size for entry in os.scandir(place)]
    except FileNotFoundError:
        return
    shown = case.layout.inside(place)
    if sum(sizes) > _MANY_BYTES:
        what = f"{counted(len(sizes), 'backup')} of before a restore in {shown} take {sum(sizes) // 2**20} MB"
        why = "they are there to go back; what you do not want to go back to can go"
        yield warning(what, why, f"ls -lt {shell_word(place)}", about="backups of before a restore are large")
    elif sizes:
        yield ok(f"{counted(len(sizes), 'backup')} of before a restore in {shown}: {sum(sizes) // 1024} kB")


CHECKS: dict[str, Checking] = {"backups": check_age, "backups of before a restore": check_before}
