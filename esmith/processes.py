"""Reads from /proc the state, the parents and the children of processes (proc_pid_stat(5)).

Standard library only: the process that runs check programs imports it, too.
"""

from __future__ import annotations

import os
from contextlib import suppress


def status_of(process: int) -> list[bytes]:
    """Return the fields of ``/proc/PID/stat`` behind the name of the program: the state first, then the parent.

    :raises OSError: when there is no such process, or that cannot be found out.
    """
    with open(f"/proc/{process}/stat", "rb") as file:
        # The name of the program is in parentheses and may hold anything.
        return file.read().rpartition(b")")[2].split()


def all_children() -> dict[int, list[int]]:
    """Return the children of each process that has some."""
    found: dict[int, list[int]] = {}
    for process in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        with suppress(OSError):
            found.setdefault(int(status_of(process)[1]), []).append(process)
    return found
