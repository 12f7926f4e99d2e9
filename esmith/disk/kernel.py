"""What the kernel has and Python does not: openat2(2), exchanging names, the rights of a user, syncfs(2)."""

from __future__ import annotations

import errno
import os

from esmith.contexts import contextmanager
from esmith.functions import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterator

# linux/openat2.h; the number of the system call is the same on every architecture.
_SYS_OPENAT2 = 437
_RESOLVE_NO_XDEV, _RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x01, 0x02, 0x04, 0x08
_STAY = _RESOLVE_NO_XDEV | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_SYMLINKS | _RESOLVE_BENEATH
_OPEN_HOW = "QQQ"
_UNKNOWN = (errno.ENOSYS, errno.EPERM)
# linux/fs.h
_RENAME_EXCHANGE = 2


@cache
def _libc() -> ctypes.CDLL:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.setfsuid.restype = libc.setfsgid.restype = ctypes.c_uint
    return libc


def open_beneath(name: str, flags: int, directory: int) -> int:
    """Open a name in a directory: no link is followed and no file system is entered (openat2(2)).

    A user may mount a file system of his own in his home (fusermount(1)), and have whoever opens a file there wait.
    Kernels before 5.6 do not know this; there only links are refused.

    :param directory: a descriptor.
    :raises OSError: as open(2) does.
    """
    import ctypes
    import struct

    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    how = struct.pack(_OPEN_HOW, flags, 0, _STAY)
    result: int = _libc().syscall(
        ctypes.c_long(_SYS_OPENAT2), ctypes.c_int(directory), os.fsencode(name), how, ctypes.c_size_t(len(how))
    )
    if result >= 0:
        return result
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return os.open(name, flags, dir_fd=directory)
    raise OSError(number, os.strerror(number), name)


def exchange_names(directory: int, name: str, other: str) -> None:
    """Have two names of a directory change places at once, whatever they are (renameat2(2), RENAME_EXCHANGE).

    :param directory: a descriptor.
    :raises OSError: when one is missing, or the file system cannot do it.
    """
    import ctypes

    rename = getattr(_libc(), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), name)
    place, flags = ctypes.c_int(directory), ctypes.c_uint(_RENAME_EXCHANGE)
    if rename(place, os.fsencode(name), place, os.fsencode(other), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def sync_file_system(descriptor: int) -> bool:
    """Make durable all that was written to a file system (syncfs(2)), and return whether that was done without error.

    :param descriptor: of a file or directory in it, not one of O_PATH.
    """
    import ctypes

    try:
        result: int = _libc().syncfs(ctypes.c_int(descriptor))
    except AttributeError:
        return False
    return result == 0


def file_system_kind(descriptor: int) -> int:
    """Return the magic number of a file system (statfs(2)); 0 when that is not known.

    :param descriptor: of a file or directory in it.
    """
    import ctypes

    # It is the first number of struct statfs, which is shorter than this everywhere.
    found = (ctypes.c_long * 64)()
    try:
        result: int = _libc().fstatfs(ctypes.c_int(descriptor), found)
    except AttributeError:
        return 0
    return found[0] if result == 0 else 0


@contextmanager
def rights_of(user: tuple[int, int] | None) -> Iterator[None]:
    """Have the file system see this thread as a user (setfsuid(2)); for root only, others stay who they are.

    :param user: the numbers of the user and the group; None for no change.
    :raises PermissionError: when the kernel does not know this user, e.g. in a user namespace.
    """
    if user is None or os.geteuid() != 0:
        yield
        return
    import ctypes

    libc = _libc()
    # setfsuid(2): it returns who it was before, and no number but a valid one changes anything.
    uid, gid = (ctypes.c_uint(number) for number in user)
    try:
        libc.setfsgid(gid)
        libc.setfsuid(uid)
        if libc.setfsuid(ctypes.c_uint(-1)) != user[0] or libc.setfsgid(ctypes.c_uint(-1)) != user[1]:
            raise PermissionError(errno.EPERM, f"cannot switch to the rights of user {user[0]}")
        yield
    finally:
        libc.setfsuid(ctypes.c_uint(os.geteuid()))
        libc.setfsgid(ctypes.c_uint(os.getegid()))


def remove_all(name: str, descriptor: int) -> None:
    """Remove a directory and all that is in it, as :func:`shutil.rmtree` does, which imports what compresses files.

    No link is followed.

    :param descriptor: the directory that it is in.
    :raises OSError: when it is none, or something of it cannot be removed.
    """
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
    try:
        with os.scandir(inner) as found:
            entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
        for below, is_directory in entries:
            if is_directory:
                remove_all(below, inner)
            else:
                os.unlink(below, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=descriptor)
