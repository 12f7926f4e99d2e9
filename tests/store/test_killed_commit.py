"""A command that is killed while it commits costs no verification; whatever else happened to the file does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from esmith.errors import StoreError
from esmith.store.lmdb import commit
from esmith.store.lmdb.data_file import DataFile
from esmith.store.lmdb.verify import LAST_PAGE_AT, TRANSACTION_AT
from tests.commands import TIMEOUT_SECONDS, Root
from tests.crash.attack import Attack, Runner
from tests.crash.conftest import possible_here
from tests.store.damage import FIRST, GETPROP, PAGE, damaged, marked, overwrite
from tests.store.stores import AUTHOR, data_file, opened, put, release, start_child, wait_ready
from tests.store.test_verified import read, verifications

#: Of the first commit of a command that has its schema: the mark, pages, a sync, a head, and the mark again.
LEAST_CALLS = 5


@pytest.fixture(autouse=True)
def _possible() -> None:
    possible_here()


def killed(root: Root, at: int, value: str = "landed") -> bool:
    """Run a setprop that is killed before one of its calls, and return whether there was such a call."""
    runner = Runner(root.path, (), {**os.environ, "ESMITH_ROOT": str(root.path)})
    words = ["setprop", "record010", "first", value, "second", "x" * 20_000]
    return runner.run(str(root.path / "sbin/e-smith/config"), words, Attack(at=at, whole_group=True)).hit is not None


def killed_in_commit(root: Root) -> None:
    """Leave a file that a killed commit has changed."""
    at = 1
    while marked(root):
        assert killed(root, at), "there is no such moment"
        at += 1


def test_killed_at_each_call(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before any of its calls a setprop is whole or not there, and the next command verifies nothing."""
    at, changed = 1, 0
    with verifications(monkeypatch) as seen:
        while killed(used, at, str(at)):
            changed += not marked(used)
            assert read(used) in (FIRST, *map(str, range(1, at + 1)))
            assert marked(used)
            at += 1
    assert at > LEAST_CALLS
    assert changed > 1, "some kills leave a file that is not as it was marked"
    assert seen == []


def test_killed_behind_a_writer_that_is_open(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program that has the store open commits after another was killed is marked: the next verifies nothing."""
    with opened(used.path) as store:
        put(store, "t", "shared", "v")
    with start_child("write", str(used.path), "writer", "1") as child:
        wait_ready(child)
        killed_in_commit(used)
        release(child)
        assert child.wait(TIMEOUT_SECONDS) == 0
    assert marked(used)
    with verifications(monkeypatch) as seen:
        read(used)
    assert seen == []


def after_a_reboot(_root: Root, patch: pytest.MonkeyPatch) -> None:
    """Have the machine be started again."""
    patch.setattr(commit, "boot_id", lambda: "00000000-0000-0000-0000-000000000000")


def without_a_boot(_root: Root, patch: pytest.MonkeyPatch) -> None:
    """Have the system not say which boot it is."""
    patch.setattr(commit, "boot_id", lambda: "")


def touched_later(root: Root, patch: pytest.MonkeyPatch) -> None:
    """Have another program change the file, longer after the kill than a commit takes."""
    patch.setattr(commit, "_LONGEST_COMMIT", 0)
    overwrite(root, data_file(root).read_bytes())


def as_another_file(root: Root, _patch: pytest.MonkeyPatch) -> None:
    """Put a copy in the place of the file."""
    other = data_file(root).with_name("other")
    shutil.copy2(data_file(root), other)
    other.rename(data_file(root))


def by_one_that_runs(_root: Root, patch: pytest.MonkeyPatch) -> None:
    """Have the writer be one that runs still: it gave up the lock without marking the file."""
    patch.setattr(commit, "has_ended", lambda _process, _start: False)


def without_the_mark(root: Root, _patch: pytest.MonkeyPatch) -> None:
    """Lose the mark."""
    data_file(root).with_name("data.verified").unlink()


@pytest.mark.parametrize(
    "happens",
    [after_a_reboot, without_a_boot, touched_later, as_another_file, by_one_that_runs, without_the_mark],
)
def test_what_else_happened(
    used: Root, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Root, pytest.MonkeyPatch], None]
) -> None:
    """After a kill and a reboot, a change by another program, a copy or the like the file is verified, once."""
    killed_in_commit(used)
    happens(used, monkeypatch)
    with verifications(monkeypatch) as seen:
        assert read(used) == read(used)
    assert seen == [str(data_file(used))]


def test_a_copy(used: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A copy of the directory in which a command was killed is verified, once."""
    killed_in_commit(used)
    copy = Root(tmp_path / "copy")
    shutil.copytree(used.path, copy.path, symlinks=True)
    with verifications(monkeypatch) as seen:
        assert read(copy) == read(copy)
    assert seen == [str(data_file(copy))]


def test_an_older_state_restored_at_once(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older state that is written over the file right after a kill is verified."""
    older = data_file(used).read_bytes()
    for number in range(3):
        used.run("config", "setprop", "record010", "first", str(number))
    killed_in_commit(used)
    overwrite(used, older)
    with verifications(monkeypatch) as seen:
        assert read(used) == FIRST
    assert len(seen) == 1


def other_head(data: bytes) -> bytes:
    """Return a data file in which the head of the last commit counts one page more."""
    return _changed_head(data, max, LAST_PAGE_AT)


def head_of_much_later(data: bytes) -> bytes:
    """Return a data file in which the other head is of a transaction that is far from the last."""
    return _changed_head(data, min, TRANSACTION_AT + 1)


def _changed_head(data: bytes, which: Callable[..., int], at: int) -> bytes:
    page = which((0, 1), key=lambda page: int.from_bytes(data[page * PAGE + TRANSACTION_AT :][:8], "little"))
    changed = bytearray(data)
    changed[page * PAGE + at] += 1
    return bytes(changed)


@pytest.mark.parametrize("change", [other_head, head_of_much_later])
def test_another_head(used: Root, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]) -> None:
    """A file with another head than before, or than a commit leaves, is verified, also right after a kill."""
    killed_in_commit(used)
    overwrite(used, change(data_file(used).read_bytes()))
    with verifications(monkeypatch) as seen, suppress(StoreError):
        read(used)
    assert len(seen) == 1


def test_another_device(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that has the inode of the file by chance, on another device, is verified."""
    killed_in_commit(used)
    mark = data_file(used).with_name("data.verified")
    words = mark.read_bytes().split(b" ")
    device = str(data_file(used).stat().st_dev).encode()
    assert device in words
    mark.write_bytes(b" ".join(b"1" + word if word == device else word for word in words))
    with verifications(monkeypatch) as seen:
        read(used)
    assert len(seen) == 1


def test_damaged_heads(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that is not as it was before the commit, or a file that ends in it, is verified and found."""
    killed_in_commit(used)
    data = data_file(used).read_bytes()
    for changed in (damaged(data), data[:4096], b"", b"\0" * 20_000):
        overwrite(used, changed)
        monkeypatch.setattr(commit, "_LONGEST_COMMIT", 0 if changed == damaged(data) else 10**10)
        used.run(*GETPROP, code=6)


def test_the_note_of_a_commit_that_ended(used: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a commit has ended, well or not, no writer is noted: a later change of the file is verified."""
    data = DataFile(str(data_file(used)))
    used.run("config", "setprop", "record010", "first", "x")
    assert data.noted_writer() is None
    with opened(used.path) as store, store.transaction(AUTHOR) as transaction:
        transaction.set_type("t", "k", "v")
    assert data.noted_writer() is None
    with pytest.raises(OSError, match="disk"), commit.Commit(data):
        assert data.noted_writer() is not None
        raise OSError("the disk")
    assert data.noted_writer() is None
    os.utime(data_file(used))
    with verifications(monkeypatch) as seen:
        read(used)
    assert len(seen) == 1
