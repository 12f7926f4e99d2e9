"""The embedded store: one LMDB environment in ``/home/e-smith/db`` (DESIGN section 4)."""

from __future__ import annotations

import os

import lmdb

from esmith.errors import StoreError
from esmith.store.data_file import FILE_MODE, DataFile
from esmith.store.lmdb_rows import LmdbSnapshot, LmdbTransaction
from esmith.store.trouble import store_trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.store.model import Author, Erased

#: Address space, not disk: the file grows only with what is stored. Never resized, so no reader ever has to reopen.
MAP_BYTES = 16 * 2**30
MAX_DATABASES = 128
#: Readers at one moment; LMDB's own default of 126 is reached by a cron job that runs away.
MAX_READERS = 1022
#: More than the header of the lock file; LMDB makes it longer for its readers.
_LOCK_BYTES = 8192


class LmdbStore:
    """The databases in one directory; implements :class:`esmith.store.protocol.Store`.

    :param directory: where ``data.mdb`` and ``lock.mdb`` are.
    :param root: the root, for messages.
    :param verify: verify the data file even if nothing seems to have happened to it.
    :raises StoreError: when there is no store, it is damaged, or it may not be opened.
    """

    def __init__(
        self, directory: str, *, root: str, write: bool = False, create: bool = False, verify: bool = False
    ) -> None:
        self.directory = directory
        self._data = DataFile(os.path.join(directory, "data.mdb"))
        self._file = self._data.path
        if create:
            _make_directory(directory)
        else:
            self._data.require(root)
        new = create and not self._data.exists()
        if not new:
            self._data.require_sound(thorough=verify)
        try:
            _reserve_lock_file(os.path.join(directory, "lock.mdb"))
            self._env = _open(directory, write=write, create=create)
        except (lmdb.Error, OSError) as error:
            raise store_trouble(self._file, error) from error
        if new:
            self._data.mark()
        if write:
            # Slots of killed readers would keep LMDB from reusing pages, and the file would grow for good.
            self._env.reader_check()

    def snapshot(self) -> LmdbSnapshot:
        """Return a snapshot to read from."""
        return LmdbSnapshot(self._env, self._file)

    def transaction(self, author: Author) -> LmdbTransaction:
        """Return a transaction to write with."""
        return LmdbTransaction(self._env, self._data, author)

    def erase(self, texts: Collection[str]) -> Erased:
        """Overwrite what the data file still keeps of rows that were changed or deleted."""
        from esmith.store.erase import erase

        try:
            # The buffers of this environment may hold old rows, and would be written again with new pages.
            self._env.close()
            self._env = _open(self.directory, write=True, create=False)
            return erase(self._env, self._data, texts)
        except (lmdb.Error, OSError) as error:
            reason = store_trouble(self._file, error).message.partition(";")[0]
            hint = "the journal is done, but free space may hold old values: cure that, and run it again"
            raise StoreError(reason, place=self._file, hint=hint) from error

    def close(self) -> None:
        """Release the store."""
        self._env.close()


def _open(directory: str, *, write: bool, create: bool) -> lmdb.Environment:
    return lmdb.open(
        os.fsencode(directory),
        map_size=MAP_BYTES,
        max_dbs=MAX_DATABASES,
        max_readers=MAX_READERS,
        readonly=not write,
        create=create,
        mode=FILE_MODE,
    )


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
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the directory: {error.strerror}", place=directory) from error
