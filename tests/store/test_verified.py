"""The mark that says when the data file need not be verified: it never hides damage, and losing it loses nothing."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import pytest

from esmith.errors import ExitCode, StoreError
from esmith.store.lmdb import verify
from esmith.store.lmdb.commit import Commit
from esmith.store.lmdb.data_file import DataFile
from tests.commands import TIMEOUT_SECONDS, Root
from tests.events.kit import eventually
from tests.store.damage import FIRST, GETPROP, PAGE, damaged, marked, overwrite
from tests.store.stores import AUTHOR, bare_root, data_file, opened, put, release, start_child, wait_ready
from tests.store.test_permissions import DATABASE, modes, run


@contextmanager
def verifications(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note which files are verified in this process."""
    seen: list[str] = []
    find_damage = verify.find_damage

    def noting(path: str) -> str | None:
        seen.append(path)
        return find_damage(path)

    with monkeypatch.context() as patch:
        patch.setattr(verify, "find_damage", noting)
        yield seen


def read(root: Root) -> str | None:
    """Open the store and read a property."""
    with opened(root.path, write=False) as store, store.snapshot() as snapshot:
        return snapshot.prop("configuration", "record010", "first")


def test_what_nobody_touched_is_not_verified(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading and writing by turns never verifies the file: each commit marks what it wrote."""
    with verifications(monkeypatch) as seen:
        for number in range(3):
            used.run("config", "setprop", "record010", "first", str(number))
            assert read(used) == str(number)
            with opened(used.path) as store:
                put(store, "t", "k", "v", {"p": str(number)})
    assert seen == []


def test_a_new_store_is_not_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that was just made is marked."""
    with verifications(monkeypatch) as seen:
        root = bare_root(tmp_path / "root")
        assert read(root) is None
    assert seen == []


def test_verified_once(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody touched is verified by the first who opens it, and trusted again after that."""
    overwrite(used, data_file(used).read_bytes())
    with verifications(monkeypatch) as seen:
        assert [read(used), read(used)] == [FIRST, FIRST]
    assert seen == [str(data_file(used))]


def in_place(root: Root, data: bytes) -> None:
    """Write over the file."""
    overwrite(root, data)


def with_the_old_times(root: Root, data: bytes) -> None:
    """Write over the file and set its times back, as cp -p and rsync -t do."""
    status = data_file(root).stat()
    overwrite(root, data)
    os.utime(data_file(root), ns=(status.st_atime_ns, status.st_mtime_ns))


def as_another_file(root: Root, data: bytes) -> None:
    """Put another file in its place, as mv does."""
    other = data_file(root).with_name("other")
    other.write_bytes(data)
    shutil.copystat(data_file(root), other)
    other.rename(data_file(root))


@pytest.mark.parametrize("write", [in_place, with_the_old_times, as_another_file])
def test_damage_of_the_same_size_is_noticed(used: Root, write: Callable[[Root, bytes], None]) -> None:
    """Damage that leaves the size, and the old times, is found before LMDB comes across it."""
    sound = data_file(used).read_bytes()
    write(used, damaged(sound))
    for words in (GETPROP, ("config", "setprop", "record010", "first", "x")):
        answer = used.run(*words, code=ExitCode.STORE)
        assert str(data_file(used)) in answer.err
        assert "  esmith restore BACKUP" in answer.err
        assert len(answer.err.splitlines()) == 5
    assert data_file(used).read_bytes() == damaged(sound)
    write(used, sound)
    assert used.run(*GETPROP).out == f"{FIRST}\n"


def test_a_copy_of_the_directory(used: Root, tmp_path: Path) -> None:
    """The mark of a copied directory says nothing about the copy: it is verified."""
    for name, data in (("sound", None), ("damaged", damaged(data_file(used).read_bytes()))):
        copy = Root(tmp_path / name)
        shutil.copytree(used.path, copy.path, symlinks=True)
        if data is not None:
            data_file(copy).write_bytes(data)
        assert not marked(copy)
        copy.run(*GETPROP, code=ExitCode.STORE if data else ExitCode.OK)
        assert marked(copy) == (data is None)


def test_a_writer_killed_before_it_could_mark(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit without its mark, as when the power fails in between, is kept; the next command verifies and marks."""
    with monkeypatch.context() as patch:
        patch.setattr(DataFile, "mark", lambda _data: None)
        with opened(used.path) as store:
            put(store, "configuration", "record010", "service", {"first": "landed"})
    assert not marked(used)
    with verifications(monkeypatch) as seen:
        assert read(used) == "landed"
    assert len(seen) == 1
    assert marked(used)


def test_a_commit_does_not_bless_damage(used: Root) -> None:
    """What somebody did to the file while it was open stays unverified when a change is committed on top of it."""
    with opened(used.path) as store:
        os.utime(data_file(used))
        put(store, "t", "k", "v", {"p": "x"})
    assert not marked(used)
    used.db("t", "getprop", "k", "p")
    assert marked(used)


def test_a_failed_commit_does_not_mark(used: Root) -> None:
    """A commit that ends with an error, having written some of its pages, leaves the file to be verified."""
    with pytest.raises(lmdb.Error), Commit(DataFile(str(data_file(used)))):
        os.utime(data_file(used))
        raise lmdb.Error("the disk")
    assert not marked(used)


def test_reading_does_not_wait_for_a_commit(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that differs because a commit is under way is neither verified nor waited for."""
    with Commit(DataFile(str(data_file(used)))), verifications(monkeypatch) as seen:
        os.utime(data_file(used))
        assert used.run(*GETPROP).out == f"{FIRST}\n"
        assert read(used) == FIRST
    assert seen == []


def test_verifying_waits_for_nobody_who_verifies(used: Root) -> None:
    """Two who find the file changed verify it at the same time."""
    os.utime(data_file(used))
    with data_file(used).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert used.run(*GETPROP).out == f"{FIRST}\n"
    assert marked(used)


def test_a_commit_waits_for_who_verifies(used: Root, tmp_path: Path) -> None:
    """While somebody verifies the file nothing is committed: the lock of a commit shuts out all others."""
    with Commit(DataFile(str(data_file(used)))), data_file(used).open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    with opened(used.path) as store:
        put(store, "t", "shared", "v")
    with data_file(used).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        before = data_file(used).read_bytes()
        errors = tmp_path / "errors"
        with start_child("write", str(used.path), "writer", "1", errors=errors) as child:
            wait_ready(child)
            release(child)
            eventually(lambda: "waiting for" in errors.read_text(), "the commit waits and says so")
            assert data_file(used).read_bytes() == before
            fcntl.flock(file, fcntl.LOCK_UN)
            assert child.wait(TIMEOUT_SECONDS) == 0
    assert used.db("t", "getprop", "shared", "total").out == "1\n"


def test_status_verifies_in_any_case(used: Root) -> None:
    """``esmith status`` finds damage that left no trace in size and times, as of a dying disk."""
    used.esmith("status", "-v", code=None)
    overwrite(used, damaged(data_file(used).read_bytes()))
    DataFile(str(data_file(used))).mark()
    answer = used.esmith("status", code=ExitCode.STORE)
    assert "damaged" in answer.err
    assert "  esmith restore BACKUP" in answer.err


def test_writers_and_those_who_open_it_all_the_time(used: Root) -> None:
    """Opening the store again and again while others write never takes a commit for damage."""
    with opened(used.path) as store:
        put(store, "t", "shared", "v")
    children = [start_child("write", str(used.path), f"writer{number}", "150") for number in range(3)]
    children += [start_child("open", str(used.path), "300") for _ in range(2)]
    try:
        for child in children:
            wait_ready(child)
        for child in children:
            release(child)
        assert [child.wait(TIMEOUT_SECONDS) for child in children] == [0] * len(children)
    finally:
        for child in children:
            child.kill()
            child.communicate()
    assert used.db("t", "getprop", "shared", "total").out == "450\n"
    assert marked(used)


def test_a_file_that_ends_before_pages_nobody_needs(tmp_path: Path) -> None:
    """A data file shorter than the pages it counts is sound when those were freed by who took them."""
    root = bare_root(tmp_path / "root")
    chance = random.Random(1)
    with opened(root.path) as store:
        for _ in range(100):
            with store.transaction(AUTHOR) as transaction:
                transaction.set_type("t", "k", "v")
                names = [f"p{chance.randrange(10**6)}" for _ in range(chance.randrange(100))]
                for name in names:
                    transaction.set_prop("t", "k", name, "x" * chance.choice([1, 500, 3000, 20_000]))
                for name in chance.sample(names, len(names) // 2):
                    transaction.delete_prop("t", "k", name)
            if data_file(root).stat().st_size < counted_pages(root) * PAGE:
                break
        else:
            pytest.fail("no such file came about")
    assert verify.find_damage(str(data_file(root))) is None
    os.utime(data_file(root))
    assert root.db("t", "gettype", "k").out == "v\n"


def counted_pages(root: Root) -> int:
    """Return how many pages the newer head of the data file counts."""
    data = data_file(root).read_bytes()
    heads = [struct.unpack_from("=QQ", data, page * PAGE + 16 + 24 + 96) for page in (0, 1)]
    last, _ = max(heads, key=lambda head: int(head[1]))
    return int(last) + 1


def test_an_unreadable_file_is_no_damage(used: Root) -> None:
    """A data file that may not be read is distinguished from a damaged one."""
    os.utime(data_file(used))
    with modes(used, {f"{DATABASE}/data.mdb": 0}):
        code, _, err = run(used, *GETPROP)
    assert code == ExitCode.STORE
    assert "permission denied" in err
    with pytest.raises(StoreError, match="is empty"):
        overwrite(used, b"")
        read(used)
