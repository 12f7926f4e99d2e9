"""Temporary files: their names, and whether the process that made one still runs.

A new file waits under such a name beside its place, so that it can be put there whole. All have one form,
``.esmith-PROCESS-START-NUMBER``: the process by its number and the time it was started, which together belong to no
other process of this boot. So what a killed process left differs from what a running one is about to put in place.
:func:`esmith.names.is_temporary` is the rule by which such names never count as anything else.
"""

from __future__ import annotations

import errno
import itertools
import os

from esmith.names import TEMPORARY_PREFIX, is_temporary
from esmith.processes import start_of

#: The start of a process that could not find out its own.
_UNKNOWN = "0"
_count = itertools.count(1)
#: The marks of processes that have ended and do not come back: a killed event may have left a thousand files.
_dead: set[str] = set()
#: The process that asked last, with its mark; a fork of it has another one.
_own: tuple[int, str] = (0, "")


def temporary_name() -> str:
    """Return a new name, which no other process and no other call gets."""
    return f"{TEMPORARY_PREFIX}{_mark()}-{next(_count)}"


def is_in_use(name: str, *, also_own: bool = True) -> bool:
    """Return whether a name is that of a temporary file whose process still runs.

    What older versions left has names of another form. They held the lock that the caller holds, so they are dead.

    :param also_own: whether the caller's own files count as well.
    """
    words = name.removeprefix(TEMPORARY_PREFIX).split("-")
    if not is_temporary(name) or len(words) != 3 or not words[0].isdecimal():
        return False
    process, start, _ = words
    mark = f"{process}-{start}"
    if mark == _mark():
        return also_own
    if mark in _dead:
        return False
    runs = _runs(int(process), start)
    if not runs and start != _UNKNOWN:
        _dead.add(mark)
    return runs


def _runs(process: int, start: str) -> bool:
    """Return whether a process still runs, or it cannot be found out: removing a file of one would be worse."""
    try:
        return start in (start_of(process), _UNKNOWN)
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ESRCH) or not os.path.exists("/proc/self")


def _mark() -> str:
    global _own
    process = os.getpid()
    if _own[0] != process:
        try:
            start = start_of(process)
        except OSError:
            start = _UNKNOWN
        _own = process, f"{process}-{start}"
    return _own[1]
