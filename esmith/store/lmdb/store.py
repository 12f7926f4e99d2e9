"""The embedded store: one LMDB environment in ``/home/e-smith/db`` (docs/architecture.md#why-lmdb)."""

from __future__ import annotations

import os

import lmdb

from esmith.errors import StoreError
from esmith.store.lmdb import store_trouble
from esmith.store.lmdb.data_file import DIRECTORY_MODE, FILE_MODE, DataFile
from esmith.store.lmdb.rows import JOURNAL, LmdbSnapshot, OpenNow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.store.lmdb.transaction import LmdbTransaction
    from esmith.store.model import Author, Erased

#: Address space, not disk: the file grows only with what is stored. Never resized, so no reader ever has to reopen.
MAP_BYTES = 16 * 2**30
#: How many tables LMDB has room for, in a process that reads and in one that writes. Where there are more, it gets more
#: room; this much costs a transaction less than a microsecond, a room for all that could ever be would cost it fifty.
#: Half of it is free when something begins.
ROOM_TO_READ, ROOM_TO_WRITE = 128, 1024
#: More tables than any root has; the number in a damaged file must not take all memory.
_MOST_ROOM = 2**17
#: Readers at one moment; LMDB's own default of 126 is reached by a cron job that runs away.
MAX_READERS = 1022
#: More than the header of the lock file; LMDB makes it longer for its readers.
_LOCK_BYTES = 8192
#: What a transaction writes besides rows: the paths to the tables it changes, and the list of free pages.
_PAGES_A_TRANSACTION = 6


class LmdbStore:
    """The databases in one directory; implements :class:`esmith.store.protocol.Store`.

    :param directory: where ``data.mdb`` and ``lock.mdb`` are.
    :param root: the root.
    :param verify: verify the data file even if nothing seems to have happened to it.
    :raises StoreError: when there is no store, it is damaged, or it may not be opened.
    """

    def __init__(
        self, directory: str, *, root: str, write: bool = False, create: bool = False, verify: bool = False
    ) -> None:
        self.directory = directory
        self._root = root
        self._data = DataFile(os.path.join(directory, "data.mdb"))
        self._file = self._data.path
        if create:
            _make_directory(directory)
        else:
            self._data.require(root)
        new = create and not self._data.exists()
        if not new:
            self._data.require_sound(thorough=verify)
        self._write = write
        self._room = ROOM_TO_WRITE if write else ROOM_TO_READ
        self._open_now = OpenNow()
        self._open(create=create)
        if new:
            self._data.mark()
        if write:
            # Slots of killed readers would keep LMDB from reusing pages, and the file would grow for good.
            self._env.reader_check()

    def snapshot(self) -> LmdbSnapshot:
        """Return a snapshot to read from."""
        self._make_room()
        return LmdbSnapshot(self._env, self._file, self._open_now)

    def transaction(self, author: Author, layer: str | None = None) -> LmdbTransaction:
        """Return a transaction to write with; see :meth:`esmith.store.protocol.Store.transaction`."""
        # Reading needs nothing of it.
        from esmith.store.lmdb.transaction import LmdbTransaction
        from esmith.store.lmdb.writer import WriterLock

        kind = LmdbTransaction
        if layer:
            from esmith.store.lmdb.assigning import AssigningTransaction

            kind = AssigningTransaction
        self._make_room()
        lock = WriterLock(self._file)
        transaction = kind(self._env, self._data, author, self._reopen, lock, self._open_now)
        transaction.layer, transaction.root = layer, self._root
        return transaction

    def _open(self, *, create: bool = False) -> None:
        try:
            _reserve_lock_file(os.path.join(self.directory, "lock.mdb"))
            self._env = self._opened(create=create)
            if self._lacks_room():
                self._env.close()
                self._env = self._opened(create=create)
        except (lmdb.Error, OSError) as error:
            raise store_trouble(self._file, error) from error

    def _opened(self, *, create: bool) -> lmdb.Environment:
        return lmdb.open(
            os.fsencode(self.directory),
            map_size=MAP_BYTES,
            max_dbs=self._room,
            max_readers=MAX_READERS,
            readonly=not self._write,
            create=create,
            mode=FILE_MODE,
        )

    def _lacks_room(self) -> bool:
        """Return whether the tables there are leave too little room for more; there is to be more room then."""
        tables = self._env.stat()["entries"]
        if tables <= self._room // 2 or self._room == _MOST_ROOM:
            return False
        self._room = min(2 * tables + ROOM_TO_WRITE, _MOST_ROOM)
        return True

    def _make_room(self) -> None:
        """Open the file with more room, where this process or another has made many databases meanwhile.

        While something is read or written here the file cannot be opened once more, and the room has to do.
        """
        try:
            if self._open_now.is_nothing and self._lacks_room():
                self._reopen()
        except lmdb.Error as error:
            raise store_trouble(self._file, error) from error

    def _reopen(self) -> None:
        """Open the file once more, after which LMDB works with what is in it now."""
        self._env.close()
        self._open()

    def reserve(self, size: int, transactions: int) -> None:
        """Take disk space for transactions on the engine's own tables.

        LMDB changes no page in place: a transaction writes new ones, into pages that no reader can see any more or
        behind the last page. As somebody may be reading, it is assumed that all go behind the last one; a file that is
        longer than its pages is sound. So the file grows once, and is as long as that for the next events.

        A file system that writes nothing in place (btrfs, ZFS) or one without fallocate may still be full later.
        """
        try:
            self._reserve(size, transactions)
        except (lmdb.Error, OSError) as error:
            raise store_trouble(self._file, error) from error

    def _reserve(self, size: int, transactions: int) -> None:
        from esmith.store.lmdb.writer import Alone, WriterLock

        with Alone(self._open_now, self._file, WriterLock(self._file)):
            txn = self._env.begin(write=True)
            try:
                page_size = self._env.stat()["psize"]
                # Pages are seldom full: two thirds on average.
                rows = 3 * size // (2 * page_size) + _state_pages(self._env, txn)
                pages = transactions * _PAGES_A_TRANSACTION + rows
                self._data.extend((self._env.info()["last_pgno"] + 1 + pages) * page_size)
            finally:
                txn.abort()

    def erase(self, texts: Collection[str]) -> Erased:
        """Overwrite what the data file still keeps of rows that were changed or deleted."""
        from esmith.store.lmdb.erase import erase

        try:
            # The buffers of this environment may hold old rows, and would be written again with new pages.
            self._reopen()
            return erase(self._env, self._data, texts)
        except StoreError as error:
            error.add("the journal is done, but free space may hold old values")
            raise
        except (lmdb.Error, OSError) as error:
            reason = store_trouble(self._file, error).message
            hint = "the journal is done, but free space may hold old values: cure that, and run it again"
            raise StoreError(reason, place=self._file, hint=hint) from error

    def close(self) -> None:
        """Release the store."""
        self._env.close()


def _state_pages(env: lmdb.Environment, txn: lmdb.Transaction) -> int:
    """Return how many pages the engine's own tables have, without long values, the journal and the whole records.

    A transaction that writes rows in many places may change as many.
    """
    with txn.cursor() as cursor:
        names = [bytes(name) for name in cursor.iternext(keys=True, values=False)]
    others = (JOURNAL.encode(), b"=whole/")
    own = [name for name in names if name.startswith(b"=") and not name.startswith(others)]
    tables = [env.open_db(name, txn=txn, create=False) for name in own]
    found = [txn.stat(table) for table in tables]
    return sum(statistic["branch_pages"] + statistic["leaf_pages"] for statistic in found)


def _reserve_lock_file(path: str) -> None:
    """Make LMDB's lock file with its space taken: on a full disk LMDB itself would die by SIGBUS."""
    if os.path.exists(path):
        return
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
    try:
        os.posix_fallocate(descriptor, 0, _LOCK_BYTES)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def _make_directory(directory: str) -> None:
    from esmith.directories import make_directory

    try:
        make_directory(directory, DIRECTORY_MODE)
    except OSError as error:
        raise StoreError(f"cannot make the directory: {error.strerror}", place=directory) from error
