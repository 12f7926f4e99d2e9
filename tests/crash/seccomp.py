"""Stops a process and its children before each system call that writes: seccomp(2) with a listener.

A filter that a process installs for itself stays for all its children. The kernel stops a process of it before each of
the calls, and another process, which has the listener, decides: the call is carried out, fails with an error, or the
process is killed before it. So it is seen from outside what C code calls as well, LMDB's and libc's, and the rest of
the command runs at its full speed. See seccomp_unotify(2).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import struct
from dataclasses import dataclass

#: The calls by which a disk is changed or synced, with their numbers on x86_64 (Linux, syscall_64.tbl).
CALLS = {
    1: "write",
    18: "pwrite64",
    20: "writev",
    26: "msync",
    40: "sendfile",
    74: "fsync",
    75: "fdatasync",
    76: "truncate",
    77: "ftruncate",
    82: "rename",
    83: "mkdir",
    84: "rmdir",
    85: "creat",
    86: "link",
    87: "unlink",
    88: "symlink",
    90: "chmod",
    91: "fchmod",
    92: "chown",
    93: "fchown",
    94: "lchown",
    132: "utime",
    133: "mknod",
    162: "sync",
    188: "setxattr",
    189: "lsetxattr",
    190: "fsetxattr",
    235: "utimes",
    258: "mkdirat",
    259: "mknodat",
    260: "fchownat",
    261: "futimesat",
    263: "unlinkat",
    264: "renameat",
    265: "linkat",
    266: "symlinkat",
    268: "fchmodat",
    277: "sync_file_range",
    280: "utimensat",
    285: "fallocate",
    296: "pwritev",
    306: "syncfs",
    316: "renameat2",
    326: "copy_file_range",
    328: "pwritev2",
    452: "fchmodat2",
}
#: These count when their flags are those of writing; the position of the flags among the arguments.
OPENS = {2: ("open", 1), 257: ("openat", 2)}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_ARCHITECTURE = 0xC000003E  # AUDIT_ARCH_X86_64
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_SYS_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER = 317, 1, 1 << 3
_PR_SET_NO_NEW_PRIVS = 38
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")


def why_not() -> str:
    """Return why processes cannot be stopped on this machine, "" when they can."""
    if platform.machine() != "x86_64":
        return "the numbers of the system calls are those of x86_64"
    try:
        with open("/proc/sys/kernel/seccomp/actions_avail") as file:
            return "" if "user_notif" in file.read() else "the kernel's seccomp has no user_notif"
    except OSError:
        return "the kernel has no seccomp"


def _instructions() -> list[tuple[int, int, int, int]]:
    """Return the filter: BPF instructions as (code, jump when true, jump when false, value)."""
    plain, opens = sorted(CALLS), sorted(OPENS)
    # First the calls that always count, then for each way to open three instructions, then the two ends.
    end = 3 + len(plain) + 3 * len(opens)
    allow, notify = end, end + 1
    found = [(_LOAD, 0, 0, 4), (_EQUAL, 0, allow - 2, _ARCHITECTURE), (_LOAD, 0, 0, 0)]
    for number in plain:
        found.append((_EQUAL, notify - len(found) - 1, 0, number))
    for number in opens:
        found.append((_EQUAL, 0, 2, number))
        found.append((_LOAD, 0, 0, 16 + 8 * OPENS[number][1]))
        found.append((_ANY_BIT, notify - len(found) - 1, allow - len(found) - 1, _WRITING))
    return [*found, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY)]


_PROGRAM = b"".join(struct.pack("=HBBI", *one) for one in _instructions())
_libc = ctypes.CDLL(None, use_errno=True)


def install_filter() -> int:
    """Stop this process, and all its children, before each of the calls from now on.

    :return: the descriptor of the listener.
    :raises OSError: when the kernel refuses.
    """
    buffer = ctypes.create_string_buffer(_PROGRAM, len(_PROGRAM))
    program = struct.pack("=HxxxxxxQ", len(_PROGRAM) // 8, ctypes.addressof(buffer))
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener: int = _libc.syscall(_SYS_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


@dataclass(frozen=True)
class Stop:
    """A process that waits before a call.

    :param id: the kernel's number of this.
    :param pid: the process, or its thread.
    :param number: the number of the call.
    :param arguments: its six arguments.
    """

    id: int
    pid: int
    number: int
    arguments: tuple[int, ...]


def receive(listener: int) -> Stop | None:
    """Return the next process that waits; None when it was killed meanwhile."""
    buffer = bytearray(_NOTIFICATION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except FileNotFoundError:
        return None
    number, pid, _, call, _, _, *arguments = _NOTIFICATION.unpack(buffer)
    return Stop(number, pid, call, tuple(arguments))


def answer(listener: int, stop: Stop, error: int = 0) -> None:
    """Let a process go on: the call is carried out, or fails.

    :param error: the number of the error it fails with; 0 to carry it out.
    """
    response = _RESPONSE.pack(stop.id, 0, -error, 0 if error else _CONTINUE)
    try:
        fcntl.ioctl(listener, _SEND, response)
    except FileNotFoundError:
        # Somebody has killed it.
        return
