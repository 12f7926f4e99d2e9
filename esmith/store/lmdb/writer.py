"""One writer at a time, as LMDB has it, with a limit on how long the others wait (:mod:`esmith.store.waiting`)."""

from __future__ import annotations

import os

from esmith.store.lmdb import store_trouble
from esmith.store.locks import WRITER, RangeLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from esmith.store.lmdb.rows import OpenNow


class WriterLock:
    """The lock of those who write, held from before LMDB's own until after it. A context manager.

    LMDB's lock still decides. A program that knows only that one is waited for without limit.

    :param file: the data file.
    """

    __slots__ = ("_file", "_lock")

    def __init__(self, file: str) -> None:
        self._file = file
        self._lock = RangeLock(file, WRITER)

    def __enter__(self) -> Self:
        """Wait for the lock and take it.

        :raises WriterBusyError: when another process holds it for too long.
        :raises StoreError: when the data file cannot be locked.
        """
        try:
            if not self._take():
                self._wait()
        except OSError as error:
            raise store_trouble(self._file, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._lock.release()

    def _take(self) -> bool:
        return self._lock.take(os.getpid())

    def _wait(self) -> None:
        from esmith.store.waiting import wait_until

        taken = False
        try:
            wait_until(self._take, self._lock.find_label, self._file)
            taken = True
        finally:
            if not taken:
                self._lock.release()


class Alone:
    """Keeps snapshots and other transactions of this process from beginning, and other writers from writing.

    A context manager; contextlib would take as long to import as a transaction takes.

    :param open_now: what is open in this process.
    :param file: the data file, for messages.
    :param lock: the lock of those who write.
    """

    __slots__ = ("_file", "_lock", "_open_now")

    def __init__(self, open_now: OpenNow, file: str, lock: WriterLock) -> None:
        self._open_now = open_now
        self._file = file
        self._lock = lock

    def __enter__(self) -> None:
        """Wait for other writers.

        :raises WriterBusyError: when another process writes for too long.
        :raises StoreError: when the data file cannot be locked, or this process has a snapshot or a transaction open.
        """
        self._open_now.begin(self._file, write=True)
        is_alone = False
        try:
            self._lock.__enter__()
            is_alone = True
        finally:
            if not is_alone:
                self._open_now.end(write=True)

    def __exit__(self, *_: object) -> None:
        try:
            self._lock.__exit__()
        finally:
            self._open_now.end(write=True)
