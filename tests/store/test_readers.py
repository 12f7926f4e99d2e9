"""Readers that were killed, or that never end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import lmdb
import pytest

from esmith.store.model import Record
from esmith.store.protocol import Store
from tests.commands import Root
from tests.store.others import Reader
from tests.store.stores import AUTHOR, bare_root, contents, data_file, opened, put, start_child, wait_ready

#: Many enough that a reader nobody clears makes the file several times as large.
WRITES = 400


@contextmanager
def reader(root: Root, program: str = "read") -> Iterator[None]:
    """Have a process hold a snapshot, and kill it at the end."""
    with start_child(program, str(root.path), "60") as child:
        wait_ready(child)
        try:
            yield
        finally:
            child.kill()


def write_many(store: Store) -> None:
    """Change one property many times, a transaction each."""
    for number in range(WRITES):
        with store.transaction(AUTHOR) as transaction:
            transaction.set_prop("t", "k", "p", str(number))


def grown(root: Root) -> int:
    """Write many times and return by how many bytes the data file has grown."""
    before = data_file(root).stat().st_size
    with opened(root.path) as store:
        write_many(store)
    return data_file(root).stat().st_size - before


@pytest.fixture
def used(tmp_path: Path) -> Root:
    """Return a root whose store holds something."""
    root = bare_root(tmp_path / "root")
    with opened(root.path) as store:
        put(store, "t", "k", "v", {"p": "x"})
    return root


def test_a_killed_reader_does_not_make_the_file_grow(used: Root, tmp_path: Path) -> None:
    """After readers were killed the file grows no more than it does without them, though others have it open.

    The store has to be open elsewhere all the time: the first to open it would reset all slots anyway.
    """
    undisturbed = bare_root(tmp_path / "undisturbed")
    with opened(undisturbed.path) as store:
        put(store, "t", "k", "v", {"p": "x"})
    with reader(used, "idle"):
        for _ in range(3):
            with reader(used):
                pass
        assert grown(used) <= grown(undisturbed) + 16 * 4096


def test_a_living_reader_makes_the_file_grow(used: Root) -> None:
    """The measure above is one: while a reader holds its snapshot the file does grow, and it keeps its moment."""
    with reader(used):
        assert grown(used) > WRITES * 4096


def test_a_snapshot_does_not_see_later_changes(used: Root) -> None:
    """A reader sees one moment, however long it reads, and another process writes; its next snapshot sees the rest."""
    process = Reader()
    try:
        process.ask(f"begin {used.path}")
        with opened(used.path) as store:
            put(store, "t", "k", "new", {"p": "y"})
            put(store, "other", "l", "x")
        assert process.ask("dump") == [{"t": [["k", "v", {"p": "x"}]]}, 1]
        process.ask("end")
        process.ask(f"begin {used.path}")
        assert process.ask("dump") == [{"t": [["k", "new", {"p": "y"}]], "other": [["l", "x", {}]]}, 3]
    finally:
        process.end()


def test_opening_for_writing_clears_killed_readers(used: Root) -> None:
    """A command that writes clears the slots of readers that were killed; one that lives keeps its own."""
    with ExitStack() as living:
        for _ in range(2):
            living.enter_context(reader(used))
        for _ in range(3):
            with reader(used):
                pass
        assert slots(used) == 5
        used.db("t", "get", "k")
        assert slots(used) == 5
        used.db("t", "setprop", "k", "p", "y")
        assert slots(used) == 2
    used.db("t", "setprop", "k", "p", "z")
    assert slots(used) == 0


def slots(root: Root) -> int:
    """Return how many reader slots are taken."""
    with lmdb.open(str(data_file(root).parent), readonly=True, max_readers=1022) as env:
        lines = env.readers().splitlines()
    return len([line for line in lines if line.split()[0].isdigit()])


def test_commands_leave_no_reader_behind(used: Root) -> None:
    """A command that ends, well or not, gives its slot back."""
    for words in (["get", "k"], ["get", "nosuch"], ["show"], ["bad", "verb"], ["setprop", "k", "p", "1"]):
        used.db("t", *words, code=None)
    used.esmith("history")
    assert slots(used) == 0


def test_a_writer_that_was_killed_does_not_block(used: Root) -> None:
    """A writer killed inside its transaction leaves nothing of it, and the next writer goes on at once."""
    with start_child("hold", str(used.path), "60") as child:
        wait_ready(child)
        try:
            assert used.db("t", "get", "k").out == "v|p|x\n", "readers do not wait for a writer"
        finally:
            child.kill()
    used.db("t", "setprop", "k", "p", "y")
    with opened(used.path) as store:
        assert contents(store) == {"t": [Record("k", "v", {"p": "y"})]}


def test_the_file_is_sparse_and_small(used: Root) -> None:
    """The map is large, but the file holds only what is stored."""
    status = os.stat(data_file(used))
    assert status.st_size < 2**20
