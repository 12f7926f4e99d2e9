"""What a stopped process is about to do, and to which file."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass

from tests.crash.seccomp import CALLS, OPENS, Stop

_AT_FDCWD = -100
#: Calls whose first argument is a descriptor.
_OF_DESCRIPTOR = frozenset(
    {"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "ftruncate", "fallocate", "fsetxattr"}
    | {"fsync", "fdatasync", "sync_file_range", "syncfs", "fchmod", "fchown"}
)
#: Calls that take a directory's descriptor and a path below it; the rest takes a path.
_BELOW = frozenset(
    {"openat", "mkdirat", "mknodat", "fchownat", "futimesat", "unlinkat", "fchmodat", "fchmodat2", "utimensat"}
)
#: Calls with two names; the second one counts, which is what they make. The positions of directory and path.
_TO = {"rename": (None, 1), "link": (None, 1), "symlink": (None, 1), "renameat": (2, 3), "renameat2": (2, 3)} | {
    "linkat": (2, 3),
    "symlinkat": (1, 2),
}
_LONGEST_PATH = 4096
#: Parts of names that differ from one run or file to the next: digests of compiled fragments, which one loop writes,
#: numbers, and the random letters of temporary files.
_CHANGING = re.compile(r"(?<=/e-smith/code/)[0-9a-f]{32}|\d+|(?<=esmith-check-)\w+")
#: Below these hundreds of files are installed by one loop.
_ONE_LOOP = re.compile(
    r"(?<=^/etc/e-smith/)\w.*|(?<=^/usr/share/e-smith/).*|(?<=^/usr/local/lib/).*|(?<=^/usr/local/share/).*"
    r"|(?<=^/usr/share/fish/).*|(?<=^/sbin/e-smith/).*"
)


@dataclass(frozen=True)
class Site:
    """A call site: the same in each run of a command, and in each round of a loop over files of one kind.

    :param commits: how many transactions of the store are complete at that time.
    :param program: ``main`` for the command itself, ``child`` for a process that it started.
    :param call: the name of the system call.
    :param path: the file, with ``#`` for numbers.
    """

    commits: int
    program: str
    call: str
    path: str

    def __str__(self) -> str:
        return f"{self.call} {self.path} ({self.program}, after {self.commits} commits)"


def site_of(stop: Stop, commits: int, main: int, root: str, ignored: tuple[str, ...]) -> Site | None:
    """Return the call site a process has stopped at; None when it is not about a file of the root.

    :param commits: how many transactions are complete.
    :param main: the process of the command.
    :param root: the root folder.
    :param ignored: beginnings of paths below it that do not count.
    """
    name = CALLS.get(stop.number) or OPENS[stop.number][0]
    if name == "sync":
        return Site(commits, _program(stop.pid, main), name, "")
    try:
        path = _path(stop, name)
    except (OSError, ValueError):
        return None
    if path is None or not (path == root or path.startswith(f"{root}/")):
        return None
    inside = path[len(root) :] or "/"
    if inside.startswith(ignored) or inside.endswith("/supervise/ok"):
        return None
    program = _program(stop.pid, main)
    if program == "child" and _is_elsewhere(stop.pid):
        return None
    return Site(commits, program, name, _CHANGING.sub("#", _ONE_LOOP.sub(_one, inside)))


def ends_commit(site: Site) -> bool:
    """Return whether a transaction of the store is complete with the call, which notes that the file is sound."""
    return site.call == "pwrite64" and site.path.endswith("/data.verified")


def _one(found: re.Match[str]) -> str:
    """Return what stands for the name of one of many files: whether it is a temporary one."""
    return ".esmith-#" if "/.esmith-" in found[0] else "*"


def _program(pid: int, main: int) -> str:
    if pid == main or os.path.exists(f"/proc/{main}/task/{pid}"):
        return "main"
    return "child"


def _is_elsewhere(pid: int) -> bool:
    """Return whether a process has mounts of its own: what it writes there, for a check, is on no disk."""
    try:
        return os.stat(f"/proc/{pid}/ns/mnt").st_ino != os.stat("/proc/self/ns/mnt").st_ino
    except OSError:
        return False


def _path(stop: Stop, name: str) -> str | None:
    if name == "msync":
        return _mapped(stop.pid, stop.arguments[0])
    if name == "copy_file_range":
        return _descriptor(stop.pid, stop.arguments[2])
    if name in _OF_DESCRIPTOR:
        return _descriptor(stop.pid, stop.arguments[0])
    directory, position = _TO.get(name, (0, 1) if name in _BELOW else (None, 0))
    text = os.fsdecode(_text(stop.pid, stop.arguments[position])) if stop.arguments[position] else ""
    if text.startswith("/"):
        return os.path.normpath(text)
    where = _AT_FDCWD if directory is None else struct.unpack("=i", struct.pack("=Q", stop.arguments[directory])[:4])[0]
    folder = os.readlink(f"/proc/{stop.pid}/cwd") if where == _AT_FDCWD else _descriptor(stop.pid, where)
    return os.path.normpath(os.path.join(folder, text)) if folder else None


def _descriptor(pid: int, number: int) -> str | None:
    found = os.readlink(f"/proc/{pid}/fd/{number & 0xFFFFFFFF}")
    return found.removesuffix(" (deleted)") if found.startswith("/") else None


def _text(pid: int, address: int) -> bytes:
    """Return the string at an address of a process."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        # What is not mapped behind it is not read.
        return memory.read(_LONGEST_PATH).partition(b"\0")[0]


def _mapped(pid: int, address: int) -> str | None:
    with open(f"/proc/{pid}/maps") as file:
        for line in file:
            start, _, end = line.split(" ", 1)[0].partition("-")
            if int(start, 16) <= address < int(end, 16):
                place = line.rstrip("\n").partition("/")
                return f"/{place[2]}" if place[1] else None
    return None
