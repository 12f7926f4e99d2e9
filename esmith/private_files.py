"""Files for their owner alone: read only as a whole regular file, and replaced as a whole, by name of no other's."""

from __future__ import annotations

import contextlib
import os
import stat

from esmith.directories import make_directory
from esmith.names import is_temporary
from esmith.temporary import temporary_name


def read_regular(path: str, most: int | None = None) -> tuple[bytes, os.stat_result]:
    """Return what a file holds, and what it looks like; a link is not followed, and nothing waits.

    :param most: how many bytes are read at most; None for all.
    :raises ValueError: when it is not a regular file.
    :raises OSError: when it is not there or cannot be read.
    """
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is not a regular file")
        return os.read(file, status.st_size if most is None else min(status.st_size, most)), status
    finally:
        os.close(file)


def is_private(status: os.stat_result) -> bool:
    """Return whether a file is the one of the user who runs this, and nobody else may use it."""
    return status.st_uid == os.geteuid() and not status.st_mode & 0o077


def read_private(path: str) -> bytes:
    """Return what a file holds that is for its owner alone.

    :raises FileNotFoundError: when it is not there.
    :raises ValueError: when it is not a file of the user who runs this alone.
    :raises OSError: when it cannot be read.
    """
    content, status = read_regular(path)
    if not is_private(status):
        raise ValueError("others may write it or read it")
    return content


def replace_private(directory: str, name: str, content: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Write a file in the place of another one: old or new, never half, and never with more rights.

    :param directory: its directory, which is made when it is missing, and which nobody else may write.
    :param mode: its permissions, whatever the umask.
    :param durable: whether it is on the disk, with its name, when this returns.
    :raises OSError: when that is not possible; the old file is there then.
    """
    make_directory(directory, 0o700)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    waiting = temporary_name()
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(waiting, flags, 0o600, dir_fd=handle), "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.rename(waiting, name, src_dir_fd=handle, dst_dir_fd=handle)
        if durable:
            os.fsync(handle)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(waiting, dir_fd=handle)
        os.close(handle)


def remove_left(directory: str) -> None:
    """Remove what a killed process was writing in a directory; nobody writes there now.

    :raises OSError: when it cannot be listed.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for name in os.listdir(handle):
            if is_temporary(name):
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=handle)
    finally:
        os.close(handle)
