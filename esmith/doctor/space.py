"""Space and inodes of the disks that the databases, mail, logs and the queue are on."""

from __future__ import annotations

import os
from collections.abc import Iterator

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, failing, ok, warning
from esmith.printable import shell_word

#: What lies on the disks, the most important first.
_PLACES = {
    "/home/e-smith/db": "the databases",
    "/home/e-smith/files/users": "the mail",
    "/var/spool": "the queue",
    "/var/qmail/queue": "the queue",
    "/var/lib/e-smith": "what is kept of replaced files",
    "/var/log": "the logs",
    "/etc": "the generated files",
    "/tmp": "temporary files",
}
#: Shares that are left, and bytes: a share of a large disk may still be enough for months.
_LITTLE, _NOTHING = 0.10, 0.02
_LITTLE_BYTES, _NOTHING_BYTES = 2 * 2**30, 200 * 2**20
_FEW_BYTES = 2**20


def check_space(case: Case) -> Iterator[Finding]:
    """Look at each disk once, as what lies on it is known by."""
    seen: set[int] = set()
    for path, what in _PLACES.items():
        target = case.layout.under(path)
        try:
            device = os.stat(target).st_dev
        except FileNotFoundError:
            continue
        if device not in seen:
            seen.add(device)
            yield from _look(target, path, what)


def _look(target: str, path: str, what: str) -> Iterator[Finding]:
    found = os.statvfs(target)
    if found.f_flag & os.ST_RDONLY:
        yield failing(
            f"the disk of {path} ({what}) is read-only",
            "the kernel turns a disk so when it finds errors: nothing can be written",
            "dmesg | tail -n 50",
            f'mount -o remount,rw "$(findmnt -n -o TARGET --target {shell_word(target)})"',
        )
    size, left = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    share = left / size if size else 1.0
    bytes_left = f"{left / 2**30:.1f} GB" if left >= 2**30 else f"{left // _FEW_BYTES} MB"
    cure = f"du -xh --max-depth=2 {shell_word(target)} | sort -h | tail -n 20"
    if share < _LITTLE and left < _LITTLE_BYTES:
        severity = failing if left < _NOTHING_BYTES or share < _NOTHING else warning
        why = "when it is full no mail is taken, and settings cannot be changed"
        about = f"little space for {path}"
        yield severity(f"{bytes_left} ({share:.0%}) left for {what} ({path})", why, cure, about=about)
    else:
        yield ok(f"{what} ({path}): {bytes_left} ({share:.0%}) left")
    # btrfs and others count no inodes.
    inodes = found.f_favail / found.f_files if found.f_files else 1.0
    if inodes < _LITTLE:
        severity = failing if inodes < _NOTHING else warning
        why = "each mail is a file: when there are no inodes left none can be made, however much space there is"
        cure = f"du -x --inodes --max-depth=2 {shell_word(target)} | sort -n | tail -n 20"
        yield severity(
            f"{inodes:.0%} of the inodes left for {what} ({path})", why, cure, about=f"few inodes for {path}"
        )


CHECKS: dict[str, Checking] = {"space": check_space}
