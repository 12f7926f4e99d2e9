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


def command_of(process: int) -> list[str]:
    """Return the command line of a process; empty when it has none any more, or may not be seen."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return [word.decode("utf-8", "replace") for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def rights_of(process: int) -> tuple[int, frozenset[int]]:
    """Return the effective user of a process, and all its groups (proc_pid_status(5)).

    :raises OSError: when there is no such process.
    """
    user, groups = -1, set()
    with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, values = line.partition(":")
            if name == "Uid":
                user = int(values.split()[1])
            elif name == "Gid":
                groups.add(int(values.split()[1]))
            elif name == "Groups":
                groups.update(map(int, values.split()))
    return user, frozenset(groups)
