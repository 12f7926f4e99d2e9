"""Whether an event, or ``expand-template``, would find everything as it was: then there is nothing to do.

A run that found nothing to do leaves a *stamp*: everything that it depended on, each with what it looked like. The next
one compares, and when all is the same it ends there. Everything is files: the data file of the databases, which each
change of a setting and each pending action writes; the fragments, events and definitions of services, with the
directories they are in, so that a new one shows; what fragments looked at, also what is not there; the generated
files; the accounts. Only the states of services are asked for again. docs/concepts.md#when-nothing-changed says which
runs leave none; :mod:`esmith.events.stamping` writes them.

This is the first thing such a command does, and in most runs the last, so it imports next to nothing.
"""

from __future__ import annotations

import os
from zlib import crc32

from esmith.layout import Layout

#: What a line of a stamp holds about a path: how a file looks, a link itself, a directory or file by owner and mode
#: only, a file with its content; or the state of a service directory, and of a unit.
FILE, LINK, OWNER, CONTENT, DIRECTORY, UNIT = "f", "l", "o", "c", "d", "u"
#: The first of the lines, so that one of another version is not read.
FORMAT = "stamp 1"
#: In the directory of the stamps: what all of them depend on.
TREES = "trees"
#: More than this is not read to compare it.
_MOST_BYTES = 2**24


def stamps_of(layout: Layout) -> str:
    """Return the directory of the stamps."""
    return f"{layout.state}/stamps"


def stamp_of(layout: Layout, words: Sequence[str]) -> str:
    """Return the file of a stamp.

    :param words: the command, e.g. ``signal-event`` and ``email-update``.
    """
    return f"{stamps_of(layout)}/{crc32(os.fsencode(_joined(words))):08x}"


def unchanged(layout: Layout, words: Sequence[str]) -> int | None:
    """Return how many files a run is about when it would find everything as it was, else None.

    :param words: the command, e.g. ``signal-event`` and ``email-update``.
    """
    path = stamp_of(layout, words)
    for _ in layout.trust.faults(path):
        # The run itself says what is wrong.
        return None
    _, lines = read_stamp(path)
    if len(lines) < 3 or lines[0] != head_of(layout, words):
        return None
    # After a change of a setting it is its own first line that differs.
    if not all_same(lines[2:]):
        return None
    count, _, trees = lines[1].partition(" ")
    mark, shared = read_stamp(f"{stamps_of(layout)}/{TREES}")
    return int(count) if mark == trees and all_same(shared) else None


def head_of(layout: Layout, words: Sequence[str]) -> str:
    """Return what the stamp of a command begins with: nothing in it holds for another root, user or command."""
    owners = ",".join(map(str, sorted(layout.trust.owners)))
    return f"{FORMAT} {os.geteuid()} {os.getegid()} {owners} {layout.root} {_joined(words)}"


def _joined(words: Sequence[str]) -> str:
    return "\0".join(words)


def text_of(lines: list[str]) -> tuple[str, bytes]:
    """Return the checksum of lines, and the content of the file that holds them."""
    text = os.fsencode("\n".join(lines))
    mark = f"{crc32(text):08x}"
    return mark, b"%s\n%s" % (mark.encode(), text)


def read_stamp(path: str) -> tuple[str, list[str]]:
    """Return the checksum and the lines of a stamp; none when there is none, or it is damaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return "", []
    with open(descriptor, "rb") as file:
        first, _, text = file.read(_MOST_BYTES).partition(b"\n")
    mark = f"{crc32(text):08x}"
    return (mark, os.fsdecode(text).split("\n")) if first == mark.encode() else ("", [])


def all_same(lines: list[str]) -> bool:
    """Return whether everything that lines name looks as they say."""
    units: dict[str, str] = {}
    # Nearly all lines are of these kinds; a call of :func:`mark_of` for each would be half of the work.
    looks = {FILE: os.stat, LINK: os.lstat}
    for line in lines:
        kind, mark, name = line.split(" ", 2)
        look = looks.get(kind)
        if look is not None:
            try:
                status = look(name)
                found = f"{status.st_ctime_ns}-{status.st_mtime_ns}-{status.st_ino}-{status.st_dev}-{status.st_size}"
            except OSError as error:
                found = f"{error.errno}"
            if found != mark:
                return False
        elif kind == UNIT:
            units[name] = mark
        elif mark != mark_of(kind, name):
            return False
    return not units or _same_units(units)


def mark_of(kind: str, path: str) -> str:
    """Return what something looks like.

    :param kind: one of :data:`FILE` and the like, not :data:`UNIT`.
    :param path: a path of this disk.
    """
    if kind == DIRECTORY:
        return _service_mark(path)
    try:
        status = os.lstat(path) if kind == LINK else os.stat(path)
        if kind == OWNER:
            return f"{status.st_mode}-{status.st_uid}-{status.st_gid}-{status.st_ino}-{status.st_dev}"
        mark = mark_of_status(status)
        return f"{mark}-{_digest_of(path)}" if kind == CONTENT else mark
    except OSError as error:
        return f"{error.errno}"


def mark_of_status(status: os.stat_result) -> str:
    """Return what a file looked like when its status was asked for."""
    # Whatever changes a file, or moves another one to its place, changes its ctime (inode(7)).
    return f"{status.st_ctime_ns}-{status.st_mtime_ns}-{status.st_ino}-{status.st_dev}-{status.st_size}"


def _digest_of(path: str) -> str:
    """Return the digest of a file; of one that was written this moment its times say too little."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        content = file.read(_MOST_BYTES)
    return f"{crc32(content):08x}" if len(content) < _MOST_BYTES else "big"


def _service_mark(path: str) -> str:
    """Return the state of a service directory, in one word."""
    from esmith.errors import EsmithError
    from esmith.services.directory import ServiceDirectory

    try:
        return state_of(ServiceDirectory(path).status())
    except EsmithError:
        return "unknown"


def state_of(status: ServiceStatus) -> str:
    """Return the state of a service in one word: its name, ``waiting`` where only its script waits."""
    from esmith.services.waiting import is_waiting

    return "waiting" if is_waiting(status) else status.state.name.lower()


def _same_units(marks: dict[str, str]) -> bool:
    from esmith.errors import EsmithError
    from esmith.services.systemd import states_of_units

    try:
        states = states_of_units(list(marks))
    except EsmithError:
        return False
    return all(name in states and state_of(states[name]) == mark for name, mark in marks.items())


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.services.model import ServiceStatus
