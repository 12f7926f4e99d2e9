"""Taking former values out of the journal and out of the bytes of the data file, while others read and write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from esmith.store.forget import find_former
from esmith.store.lmdb.data_file import DataFile
from esmith.store.lmdb.verify import find_damage
from esmith.store.model import FORGOTTEN, Erased
from esmith.store.protocol import Store
from tests.commands import TIMEOUT_SECONDS, Root
from tests.store.stores import (
    AUTHOR,
    bare_root,
    contents,
    data_file,
    last_revision,
    opened,
    put,
    release,
    start_child,
    wait_ready,
)

CELL = ("t", "box", "Password")
#: In a row of its page, in pages of its own, at the limits between; the last is the longest value there may be.
SIZES = (8, 100, 1900, 2020, 2100, 4000, 4096, 9000, 65_536)
MARK = "s3cr"


def secret(number: int, size: int) -> str:
    """Return a value of a size, with text that no other has, in every part of it."""
    return "".join(f"{MARK}{number:02}{part:05}-" for part in range(size // 12 + 1))[:size]


def change(store: Store, values: Iterable[str], *, more: int = 0) -> None:
    """Give a property one value after another, and change others in between, so that pages are used again."""
    put(store, "t", "box", "v", {"Password": "first0ne"})
    for number, value in enumerate(values):
        with store.transaction(AUTHOR) as transaction:
            transaction.set_prop(*CELL, value)
            transaction.set_prop("t", "box", f"Other{number}", "x" * 30 * number)
        for index in range(more):
            put(store, "t", f"record{index % 7}", "v", {"p": f"{number}-{index}" * 20})
    with store.transaction(AUTHOR) as transaction:
        transaction.set_prop(*CELL, "n0w")


def forget(store: Store) -> tuple[set[str], Erased]:
    """Forget the former values as ``esmith forget`` does; return them, and what came of the free space."""
    with store.transaction(AUTHOR) as transaction:
        former = find_former(transaction, CELL, lambda value: len(value) > 3)
        transaction.rewrite(former.revisions)
    return former.values, store.erase(former.values)


def traces(root: Path) -> list[str]:
    """Return the parts of secrets that are in any file of the store."""
    data = b"".join(path.read_bytes() for path in (root / "home/e-smith/db").iterdir())
    places = [at for at in range(len(data)) if data.startswith(MARK.encode(), at)] if MARK.encode() in data else []
    return [data[at : at + 12].decode("latin-1") for at in places] + ["first0ne"] * (b"first0ne" in data)


@pytest.mark.parametrize("size", SIZES)
def test_no_byte_is_left(tmp_path: Path, size: int) -> None:
    """Of values of any size no part is in any file of the store, and everything else is as it was."""
    root = bare_root(tmp_path / "root")
    with opened(root.path) as store:
        change(store, [secret(number, size) for number in range(4)], more=20)
        assert traces(root.path)
        before, revision = contents(store), last_revision(store)
        values, erased = forget(store)
        assert len(values) == 5
        assert (erased.left, erased.readers) == (0, [])
        assert traces(root.path) == []
        assert contents(store) == before
        assert last_revision(store) == revision + 1
    assert find_damage(str(data_file(root))) is None
    assert DataFile(str(data_file(root))).is_as_marked()


def test_many_revisions(tmp_path: Path) -> None:
    """A thousand revisions with values of all sizes leave nothing, and the numbers, times and other values stay."""
    root = bare_root(tmp_path / "root")
    with opened(root.path) as store:
        change(store, [secret(number % 100, SIZES[number % 8]) for number in range(300)], more=3)
        with store.snapshot() as snapshot:
            before = [
                (revision.number, revision.time, [one for one in revision.changes if one.cell != CELL])
                for revision in snapshot.revisions()
            ]
        _, erased = forget(store)
        assert erased.left == 0
        assert traces(root.path) == []
        with store.snapshot() as snapshot:
            note, *after = snapshot.revisions()
            assert note.changes == []
            assert [(one.number, one.time) for one in after] == [(number, when) for number, when, _ in before]
            for one, (_, _, others) in zip(after, before, strict=True):
                assert repr([change for change in one.changes if change.cell != CELL]) == repr(others)
                for change_ in one.changes:
                    if change_.cell == CELL:
                        assert {change_.old, change_.new} <= {None, FORGOTTEN}


def test_it_can_be_repeated(tmp_path: Path) -> None:
    """Doing it again and again changes nothing more, and the file does not go on growing by its own length."""
    root = bare_root(tmp_path / "root")
    with opened(root.path) as store:
        change(store, [secret(number, 5000) for number in range(60)])
        forget(store)
        before, size = contents(store), data_file(root).stat().st_size
        for _ in range(5):
            values, erased = forget(store)
            assert values == set()
            assert erased.left == 0
        assert contents(store) == before
        assert data_file(root).stat().st_size < 2 * size
    assert find_damage(str(data_file(root))) is None


def test_what_a_killed_one_left(tmp_path: Path) -> None:
    """A run that was killed half way leaves a sound file, and the next one finishes it."""
    root = bare_root(tmp_path / "root")
    with opened(root.path) as store:
        change(store, [secret(number, 3000) for number in range(20)])
        before = contents(store)
    child = os.fork()
    if child == 0:
        _die_while_filling(root.path)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with opened(root.path) as store:
        assert contents(store) == before
        values, erased = forget(store)
        assert values == set()
        assert erased.left == 0
        assert traces(root.path) == []
        with store.snapshot() as snapshot:
            assert snapshot.databases() == ["t"]


def _die_while_filling(root: Path) -> None:
    """Forget, and end at once, as by a signal, when the free pages are about to be written."""
    from unittest import mock

    from esmith.store.lmdb import erase

    with opened(root) as store, mock.patch.object(erase, "_fill", lambda *_: os._exit(9)):
        forget(store)
    os._exit(1)


def test_a_reader_of_an_older_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process reads an older state, a message says so, with its number; afterwards nothing is left."""
    monkeypatch.setattr("esmith.store.lmdb.erase._PATIENCE", 0.0)
    root = bare_root(tmp_path / "root")
    with opened(root.path) as store:
        change(store, [secret(number, 3000) for number in range(5)])
    reader = start_child("read", str(root.path), "600")
    try:
        wait_ready(reader)
        with opened(root.path) as store:
            values, erased = forget(store)
            assert erased.readers == [reader.pid]
            assert erased.left > 0
            assert traces(root.path)
    finally:
        reader.kill()
        reader.communicate()
    with opened(root.path) as store:
        erased = store.erase(values)
    assert (erased.left, erased.readers) == (0, [])
    assert traces(root.path) == []


def test_idle_programs_are_no_readers(tmp_path: Path) -> None:
    """A program that has the store open and reads nothing now, as one that lives long, holds nothing back."""
    root = bare_root(tmp_path / "root")
    with opened(root.path) as store:
        change(store, [secret(number, 3000) for number in range(5)])
    idle = start_child("idle", str(root.path), "600")
    try:
        wait_ready(idle)
        with opened(root.path) as store:
            _, erased = forget(store)
        assert (erased.left, erased.readers) == (0, [])
        assert traces(root.path) == []
    finally:
        idle.kill()
        idle.communicate()


def test_writers_and_readers_at_the_same_time(tmp_path: Path) -> None:
    """With writers and readers in other processes nothing is lost, nothing read is damaged, and no value is left."""
    root = bare_root(tmp_path / "root")
    each, writers, readers = 400, 3, 2
    with opened(root.path) as store:
        change(store, [secret(number, 3000) for number in range(30)])
        put(store, "t", "shared", "v")
    children = [start_child("write", str(root.path), f"w{number}", str(each)) for number in range(writers)]
    children += [start_child("open", str(root.path), str(each)) for _ in range(readers)]
    try:
        for child in children:
            wait_ready(child)
        for child in children:
            release(child)
        with opened(root.path) as store:
            values, erased = forget(store)
            while any(child.poll() is None for child in children):
                erased = store.erase(values)
        assert [child.wait(TIMEOUT_SECONDS) for child in children] == [0] * len(children)
    finally:
        for child in children:
            child.kill()
            child.communicate()
    assert (erased.left, erased.readers) == (0, [])
    assert traces(root.path) == []
    assert find_damage(str(data_file(root))) is None
    with opened(root.path, write=False) as store, store.snapshot() as snapshot:
        record = snapshot.record("t", "shared")
        assert record is not None
        assert record.props.pop("total") == str(writers * each)
        assert record.props == {f"w{one}-{index:03}": f"w{one}" for one in range(writers) for index in range(each)}
        numbers = [revision.number for revision in snapshot.revisions()]
        assert numbers == list(range(numbers[0], 0, -1))


def test_words_of_commands(bare: Root) -> None:
    """The words that hold a value go too, also of a revision that did not change it; a short one behind its name."""
    bare.db("t", "set", "box", "v", "Password", "tru5tno1", "Port", "1")
    bare.db("t", "setprop", "box", "Password", "tru5tno1", "Port", "2")
    bare.db("t", "setprop", "box", "Password", "abc", "Port", "abc")
    bare.db("t", "setprop", "box", "Password", "ge\u202eheim")
    bare.db("t", "setprop", "box", "Password", "n0w0ne", "Note", "not-tru5tno1-again")
    with opened(bare.path) as store:
        forget(store)
        with store.snapshot() as snapshot:
            commands = [" ".join(revision.author.command[3:]) for revision in snapshot.revisions()][1:]
    assert commands == [
        f"setprop box Password {FORGOTTEN} Note not-{FORGOTTEN}-again".removeprefix("setprop "),
        f"box Password {FORGOTTEN}",
        f"box Password {FORGOTTEN} Port abc",
        f"box Password {FORGOTTEN} Port 2",
        f"box v Password {FORGOTTEN} Port 1",
    ]
    assert bare.db("t", "getprop", "box", "Password").out == "n0w0ne\n"
    assert bare.db("t", "getprop", "box", "Note").out == "not-tru5tno1-again\n"
