"""Reads from /proc the state, the parents and the children of processes (proc_pid_stat(5)).

Standard library only: the process that runs check programs imports it, too.
"""

from __future__ import annotations

import os

#: random(4) says what it is.
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
#: Of a process that has ended, but was not waited for: zombie, dead (proc_pid_stat(5)).
_ENDED = (b"Z", b"X")


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
        try:
            parent = int(status_of(process)[1])
        except OSError:
            continue
        found.setdefault(parent, []).append(process)
    return found


def start_of(process: int) -> str:
    """Return when a process was started, in ticks since boot; "" for one that has ended.

    :raises OSError: when there is no such process, or that cannot be found out.
    """
    fields = status_of(process)
    return "" if fields[0] in _ENDED else fields[19].decode()


def has_ended(process: int, start: str) -> bool:
    """Return whether a process has ended for certain.

    :param start: when it was started, as :func:`start_of` says; its number may be another one's by now.
    """
    try:
        return start_of(process) != start
    except FileNotFoundError:
        return os.path.exists("/proc/self")
    except ProcessLookupError:
        return True
    except OSError:
        return False


def boot_id() -> str:
    """Return the id of the running boot of the kernel; "" where it cannot be read."""
    try:
        with open(_BOOT_ID, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


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
