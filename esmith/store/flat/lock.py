"""Locking a flat file: the lock is on the file itself, which each writer replaces."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from esmith.errors import StoreError
from esmith.store.locks import wait_for_flock
from esmith.store.replace import NEW_MODE, file_trouble


def lock_file(path: str) -> tuple[int, bool]:
    """Lock a file, making an empty one where there is none; return its descriptor and whether it was made.

    Whoever waited may hold the lock of a file that was replaced meanwhile; then the new one is to be locked.

    :raises StoreError: when it cannot be locked; a WriterBusyError when another process holds the lock for too long.
    """
    while True:
        try:
            descriptor, made = _open(path)
        except OSError as error:
            raise file_trouble(path, error) from error
        locked = False
        try:
            locked = _lock_if_current(descriptor, path)
        finally:
            if not locked:
                os.close(descriptor)
        if locked:
            return descriptor, made


def _lock_if_current(descriptor: int, path: str) -> bool:
    """Lock a file; return whether it still is the one in place then.

    :raises StoreError: when it cannot be locked.
    """
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise StoreError("is not a file, so it cannot be written", place=path, hint="correct the path")
    try:
        wait_for_flock(descriptor, path)
        return os.path.samestat(os.fstat(descriptor), os.stat(os.path.realpath(path)))
    except FileNotFoundError:
        return False  # removed meanwhile
    except OSError as error:
        raise file_trouble(path, error) from error


def _open(path: str) -> tuple[int, bool]:
    # The path is opened as it was given, and not as os.path.realpath has it, so that the kernel may refuse to follow
    # links that others made in /tmp. O_NONBLOCK: to open a FIFO would wait.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, flags), False
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, NEW_MODE)
        os.fchmod(descriptor, NEW_MODE)
        return descriptor, True
    except OSError as error:
        # A link that leads nowhere, or somebody else was faster.
        if error.errno != errno.EEXIST:
            raise
    return os.open(path, flags | os.O_CREAT, NEW_MODE), False
