"""Files of the helper that nobody else may read or write: read, and replaced as a whole, durably."""

from __future__ import annotations

import contextlib
import os
import stat

from esmith.directories import make_directory
from esmith.temporary import temporary_name


def read_private(path: str) -> bytes:
    """Return what such a file holds.

    :raises FileNotFoundError: when it is not there.
    :raises ValueError: when it is not a file of the user who runs this alone.
    :raises OSError: when it cannot be read.
    """
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise ValueError("others may write it or read it")
        return os.read(file, status.st_size)
    finally:
        os.close(file)


def replace_private(directory: str, name: str, content: bytes) -> None:
    """Write a file in the place of another one.

    :param directory: its directory, which is made when it is missing, and which nobody else may write.
    :raises OSError: when that is not possible; the old file is there then.
    """
    make_directory(directory, 0o700)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    waiting = temporary_name()
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(waiting, flags, 0o600, dir_fd=handle), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(waiting, name, src_dir_fd=handle, dst_dir_fd=handle)
        os.fsync(handle)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(waiting, dir_fd=handle)
        os.close(handle)
