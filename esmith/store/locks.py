"""Locks on bytes far behind the end of a data file: nobody deletes them by mistake, and a killed holder frees them.

A lock in a file of its own is lost when somebody deletes the file: the next command makes a new one, and locks that.
The data file itself is deleted by nobody who wants to keep the databases, and whoever may not read it cannot touch the
lock either. The kernel does not care whether there are bytes at that place (fcntl_locking(2)), and these are locks of
an open file (``F_OFD_SETLK``), so they do not end when the process closes the data file somewhere else.

All locks of one place begin at the same byte, so there is one holder. How long the range is, says who holds it: a
number, the label, which others read with ``F_OFD_GETLK``. That takes no second step, in which a holder could be killed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys

#: Where each lock begins. A data file ends long before, see ``MAP_BYTES`` of the store.
WRITER, EVENT, WAITER = 1 << 60, 1 << 61, 1 << 62
#: A label is smaller than this; so no range reaches into the next.
MOST = 1 << 59
#: In ``struct flock`` of fcntl(2) on 64 bits (the map of the store needs them): type and whence in 2 bytes each, 4
#: unused; start and length in 8 each; process and the rest in 8. Importing :mod:`struct` would take longer than this.
_LENGTH_AT = 16


class RangeLock:
    """One lock of a data file.

    :param file: the data file.
    :param begin: which lock; one of :data:`WRITER`, :data:`EVENT`, :data:`WAITER`.
    """

    __slots__ = ("_begin", "_descriptor", "_file")

    def __init__(self, file: str, begin: int) -> None:
        self._file = file
        self._begin = begin
        self._descriptor: int | None = None

    def take(self, label: int) -> bool:
        """Take the lock if it is free, and return whether it was.

        :param label: what others read while it is held; not negative and smaller than :data:`MOST`.
        :raises OSError: when the file cannot be written, or its file system has no locks.
        """
        if self._descriptor is None:
            self._descriptor = os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
        try:
            _call(self._descriptor, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, self._begin, label + 1)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            self.release()
            raise
        return True

    def release(self) -> None:
        """Free the lock, or end trying to take it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def find_label(self) -> int | None:
        """Return the label of the holder, None when nobody holds the lock.

        :raises OSError: when the file cannot be read.
        """
        descriptor = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            kind, length = _call(descriptor, fcntl.F_OFD_GETLK, fcntl.F_WRLCK, self._begin, 1)
        finally:
            os.close(descriptor)
        return None if kind == fcntl.F_UNLCK else length - 1


def try_flock(descriptor: int, operation: int = fcntl.LOCK_EX) -> bool:
    """Lock an open file by flock(2) if that is possible at once, and return whether it was.

    :param operation: ``LOCK_EX`` or ``LOCK_SH`` of fcntl.
    :raises OSError: when its file system has no locks.
    """
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_flock(descriptor: int, path: str, operation: int = fcntl.LOCK_EX) -> None:
    """Lock an open file by flock(2), and wait for another process that holds it, within the limit of a writer.

    :param path: of the file.
    :param operation: ``LOCK_EX`` or ``LOCK_SH`` of fcntl.
    :raises WriterBusyError: when another process holds it for too long.
    :raises OSError: when its file system has no locks.
    """
    if not try_flock(descriptor, operation):
        from esmith.store.waiting import flock_holder, wait_until

        wait_until(lambda: try_flock(descriptor, operation), lambda: flock_holder(path), path)


def _call(descriptor: int, command: int, kind: int, start: int, length: int) -> tuple[int, int]:
    """Call fcntl(2) for a range, and return the type and the length it gives back."""
    order = sys.byteorder
    head = kind.to_bytes(2, order) + os.SEEK_SET.to_bytes(2, order) + bytes(4)
    given = head + start.to_bytes(8, order) + length.to_bytes(8, order) + bytes(8)
    found = fcntl.fcntl(descriptor, command, given)
    return int.from_bytes(found[:2], order), int.from_bytes(found[_LENGTH_AT : _LENGTH_AT + 8], order)
