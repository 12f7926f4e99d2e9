"""Space that is taken ahead, and what an error of the system is called."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from esmith.errors import StoreError
from esmith.store.lmdb import commit, data_file
from esmith.store.lmdb import transaction as lmdb_transaction
from esmith.store.lmdb.store import LmdbStore
from esmith.store.lmdb.transaction import LmdbTransaction
from esmith.store.lmdb.trouble import store_trouble
from esmith.store.replace import replace_file
from tests.commands import Root
from tests.store.damage import marked
from tests.store.stores import AUTHOR, contents, opened, put
from tests.store.stores import data_file as data_path
from tests.store.test_readers import reader

ROWS = {f"row{number:03d}": b"x" * 3000 for number in range(60)}


def test_what_was_reserved_suffices(used: Root) -> None:
    """Transactions of the reserved size do not make the file longer, even while somebody reads all the time."""
    with reader(used), opened(used.path) as store:
        store.reserve(sum(map(len, ROWS.values())), 3)
        size = data_path(used).stat().st_size
        for part in (list(ROWS)[:20], list(ROWS)[20:40], list(ROWS)[40:]):
            with store.transaction(AUTHOR) as transaction:
                for name in part:
                    transaction.set_state("test", name, ROWS[name])
        assert data_path(used).stat().st_size == size
        with store.snapshot() as snapshot:
            assert dict(snapshot.states("test")) == ROWS
    assert size > sum(map(len, ROWS.values()))


def test_a_reserved_file_has_no_holes(used: Root) -> None:
    """Also what the file does not hold on the disk, pages that were never written, has its space after reserving."""
    place = data_path(used)
    os.truncate(place, place.stat().st_size + 2**20)
    with opened(used.path) as store:
        store.reserve(1000, 1)
    status = place.stat()
    assert status.st_blocks * 512 >= status.st_size


def test_reserving_changes_nothing(used: Root) -> None:
    """A file that was made longer is sound and marked; what is in it stays, and reserving again does nothing."""
    with opened(used.path) as store:
        before = contents(store)
        store.reserve(100_000, 5)
        size = data_path(used).stat().st_size
        store.reserve(100_000, 5)
        assert contents(store) == before
    assert data_path(used).stat().st_size == size
    assert marked(used), "nobody has to verify it"
    with opened(used.path, write=False) as store:
        assert contents(store) == before
    assert "Traceback" not in used.run("esmith", "history").err


def failing(number: int) -> Callable[[int, int, int], None]:
    """Return a fallocate that takes some of the space and then fails, as ext4 does."""

    def fallocate(descriptor: int, _offset: int, size: int) -> None:
        os.ftruncate(descriptor, size // 2 + 4096 * 10)
        raise OSError(number, os.strerror(number))

    return fallocate


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "Input/output error"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_what_cannot_be_reserved(used: Root, monkeypatch: pytest.MonkeyPatch, number: int, message: str) -> None:
    """When there is no space the file has its old size, is still marked, and the error says why and what to do."""
    size = data_path(used).stat().st_size
    with opened(used.path) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", failing(number))
            with pytest.raises(StoreError, match=message) as caught:
                store.reserve(1_000_000, 5)
        assert caught.value.hint
        assert "changed" not in caught.value.hint
        assert data_path(used).stat().st_size == size
        assert marked(used)
        put(store, "t", "k", "v")


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_that_cannot_reserve(used: Root, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Where the file system cannot take space ahead the work goes on without."""
    monkeypatch.setattr(os, "posix_fallocate", failing(number))
    size = data_path(used).stat().st_size
    with opened(used.path) as store:
        store.reserve(1_000_000, 5)
    assert data_path(used).stat().st_size == size


class FailingCommit(commit.Commit):
    """A commit that fails before anything is written."""

    number = errno.EIO

    def __enter__(self) -> None:
        raise OSError(self.number, os.strerror(self.number))


def test_a_commit_that_fails(store: LmdbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that fails stores nothing, is certain of it, and the next one works."""
    with monkeypatch.context() as patch:
        patch.setattr(lmdb_transaction, "Commit", FailingCommit)
        with pytest.raises(StoreError) as caught:
            put(store, "t", "k", "v")
    assert not caught.value.is_doubtful
    caught.value.add_unchanged()
    assert caught.value.hint.splitlines()[-1] == "  nothing was changed"
    assert contents(store) == {}
    put(store, "t", "k", "v")
    assert "t" in contents(store)


class Panicked:
    """An environment whose head could not be written, and could not be restored: LMDB refuses all work then."""

    def begin(self, **_: object) -> None:
        """Refuse."""
        raise lmdb.PanicError("mdb_txn_begin: MDB_PANIC: Update of meta page failed or environment had fatal error")


def test_a_commit_of_which_nobody_knows(store: LmdbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """When LMDB itself does not know whether a commit is on the disk, the message does not say that nothing changed."""
    monkeypatch.setattr(lmdb_transaction, "Commit", FailingCommit)
    with pytest.raises(StoreError) as caught, store.transaction(AUTHOR) as transaction:
        assert isinstance(transaction, LmdbTransaction)
        transaction.set_state("t", "k", b"v")
        monkeypatch.setattr(transaction, "_env", Panicked())
    assert caught.value.is_doubtful
    caught.value.add_unchanged()
    assert "not known whether" in caught.value.hint
    assert "nothing was changed" not in caught.value.hint
    monkeypatch.undo()
    put(store, "t", "k", "v")
    assert "t" in contents(store), "the caller can go on, e.g. to restore what was changed"


def test_a_mark_that_cannot_be_made(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that is on the disk does not fail because the file cannot be looked at after it."""
    calls: list[int] = []

    def state(_self: data_file.DataFile) -> bytes:
        calls.append(1)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with opened(used.path) as store:
        monkeypatch.setattr(data_file.DataFile, "is_as_marked", lambda _self: True)
        monkeypatch.setattr(data_file.DataFile, "state", state)
        put(store, "t", "k", "v")
        assert "t" in contents(store)
    assert calls


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (lmdb.DiskError("mdb_txn_commit: No space left on device"), "no space left", "free some disk space"),
        (lmdb.MapFullError("mdb_put: MDB_MAP_FULL: Environment mapsize limit reached"), "no space left", "free some"),
        (lmdb.Error("mdb_txn_commit: Disk quota exceeded"), "Disk quota exceeded", "raise the quota"),
        (lmdb.Error("mdb_txn_commit: Input/output error"), "Input/output error", "dmesg"),
        (lmdb.Error("mdb_txn_commit: Read-only file system"), "Read-only file system", "for writing"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files", "ulimit"),
    ],
    ids=str,
)
def test_words(tmp_path: Path, error: Exception, message: str, hint: str) -> None:
    """Each error of the system has its words and its cure, and none says what was changed: the caller knows that."""
    found = store_trouble(str(tmp_path), error)
    assert found.message == message
    assert hint in found.hint
    assert "changed" not in str(found)


def test_a_flat_file_whose_directory_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is in place when the error comes is reported as in place."""
    place = tmp_path / "file"
    place.write_text("old")

    def broken(_directory: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("esmith.store.replace.sync_directory", broken)
    with pytest.raises(StoreError, match="input/output error") as caught:
        replace_file(str(place), b"new")
    assert place.read_text() == "new"
    assert "the new content is in place" in caught.value.hint
    caught.value.add_unchanged()
    assert "nothing was changed" not in str(caught.value)


def test_a_new_flat_file_is_not_removed_by_a_late_error(bare: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flat file that was made and is in place when the error comes stays in place."""
    from esmith.store.flat.file import FlatFile

    def broken(_directory: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("esmith.store.replace.sync_directory", broken)
    place = bare.path / "flat"
    store = FlatFile(str(place))
    with pytest.raises(StoreError), store.transaction(AUTHOR) as transaction:
        transaction.set_type(str(place), "k", "v")
    assert "k=v\n" in place.read_text()
