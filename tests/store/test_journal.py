"""The journal: one revision for every transaction that changed something."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith.store import journal
from esmith.store.model import FORGOTTEN, Author, Change, Revision
from esmith.store.protocol import Store
from tests.commands import Root
from tests.store.stores import AUTHOR, cells, last_revision, opened, put

#: A value or name as the store admits it; a word of a command, which may also hold control characters but NUL.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
ACTIONS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
CHANGES = st.builds(Change, TEXTS, TEXTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS)
AUTHORS = st.builds(Author, TEXTS, TEXTS, st.lists(ACTIONS, max_size=6))
REVISIONS = st.builds(
    Revision, st.integers(1, 2**63), st.integers(0, 2**40), AUTHORS, st.lists(CHANGES, min_size=1, max_size=6)
)


@given(revision=REVISIONS)
def test_a_revision_survives_its_row(revision: Revision) -> None:
    """A revision is read back from its row as it was written: words, empty values and missing values apart."""
    found = journal.decode(revision.number, journal.encode(revision))
    assert (found.number, found.time) == (revision.number, revision.time)
    for name in Author.__slots__:
        assert getattr(found.author, name) == getattr(revision.author, name)
    assert [(*change.cell, change.old, change.new) for change in found.changes] == [
        (*change.cell, change.old, change.new) for change in revision.changes
    ]


def revisions(store: Store) -> list[Revision]:
    """Return all revisions, the oldest first."""
    with store.snapshot() as snapshot:
        return list(snapshot.revisions())[::-1]


def test_one_transaction_is_one_revision(store: Store) -> None:
    """Everything a transaction changes, in any database, is one revision, with its author, time and changes."""
    begun = int(time.time())
    author = Author("alice", "bob", ["config", "set", "k", "v"])
    with store.transaction(author) as transaction:
        transaction.set_type("a", "k", "v")
        transaction.set_prop("a", "k", "p", "")
        transaction.set_type("b", "l", "w")
    (revision,) = revisions(store)
    assert revision.number == 1
    assert begun <= revision.time <= time.time()
    assert (revision.author.user, revision.author.sudo_user) == ("alice", "bob")
    assert revision.author.command == ["config", "set", "k", "v"]
    assert cells(revision.changes) == {("a", "k", "", None, "v"), ("a", "k", "p", None, ""), ("b", "l", "", None, "w")}


def test_revisions_count_up_from_one(store: Store) -> None:
    """Revisions are numbered 1, 2, 3, are listed newest first, and can be listed from a number on."""
    for number in range(1, 301):
        put(store, "t", "k", str(number))
    with store.snapshot() as snapshot:
        assert snapshot.revision() == 300
        assert [revision.number for revision in snapshot.revisions()] == list(range(300, 0, -1))
        assert [revision.number for revision in snapshot.revisions(257)] == list(range(257, 0, -1))
        assert list(snapshot.revisions(301)) == []
        assert list(snapshot.revisions(0)) == []


@pytest.mark.parametrize("number", [-1, 2**64, 10**30])
def test_a_number_no_revision_can_have(store: Store, number: int) -> None:
    """Asking for a revision of an impossible number finds none."""
    put(store, "t", "k", "v")
    with store.snapshot() as snapshot:
        assert list(snapshot.revisions(number)) == []


def test_a_cell_is_journalled_once(store: Store) -> None:
    """A cell that is written several times in a transaction is one change: from the value before to the last."""
    put(store, "t", "k", "v", {"p": "1", "q": "1"})
    with store.transaction(AUTHOR) as transaction:
        for value in ("2", "3"):
            transaction.set_prop("t", "k", "p", value)
        transaction.set_prop("t", "k", "q", "2")
        transaction.set_prop("t", "k", "q", "1")
        assert cells(transaction.changes) == {("t", "k", "p", "1", "3")}
    assert cells(revisions(store)[-1].changes) == {("t", "k", "p", "1", "3")}


def test_a_deleted_record_is_journalled_cell_by_cell(store: Store) -> None:
    """Deleting a record notes its type and every property, so that it can come back."""
    put(store, "t", "k", "v", {"p": "1", "q": ""})
    with store.transaction(AUTHOR) as transaction:
        transaction.delete_record("t", "k")
    assert cells(revisions(store)[-1].changes) == {
        ("t", "k", "", "v", None),
        ("t", "k", "p", "1", None),
        ("t", "k", "q", "", None),
    }


def test_no_revision_when_nothing_changes(store: Store) -> None:
    """Writing what is there, deleting what is not, and setting back leave no trace; nor does a failure."""
    put(store, "t", "k", "v", {"p": "1"})
    with store.transaction(AUTHOR) as transaction:
        transaction.set_type("t", "k", "v")
        transaction.set_prop("t", "k", "p", "1")
        transaction.delete_prop("t", "k", "nosuch")
        transaction.delete_record("t", "nosuch")
        transaction.delete_record("nosuch", "k")
        transaction.delete_record("t", "k")
        transaction.set_type("t", "k", "v")
        transaction.set_prop("t", "k", "p", "1")
        assert transaction.changes == []
    with store.transaction(AUTHOR) as transaction:
        transaction.set_state("notes", "x", b"1")
        transaction.create_database("empty")
    with pytest.raises(ZeroDivisionError), store.transaction(AUTHOR) as transaction:
        transaction.set_prop("t", "k", "p", "2")
        raise ZeroDivisionError
    assert [revision.number for revision in revisions(store)] == [1]
    with store.snapshot() as snapshot:
        assert snapshot.databases() == ["empty", "t"]


def test_every_database_has_a_counter(store: Store) -> None:
    """A database's counter is the last revision that changed it; others leave it alone."""
    put(store, "a", "k", "1")
    put(store, "b", "k", "1")
    put(store, "a", "k", "2")
    put(store, "b", "k", "1")
    with store.transaction(AUTHOR) as transaction:
        transaction.set_type("b", "k", "3")
        transaction.set_type("c", "k", "3")
    with store.snapshot() as snapshot:
        assert {name: snapshot.revision(name) for name in ("a", "b", "c", "d")} == {"a": 3, "b": 4, "c": 4, "d": 0}
        assert snapshot.revision() == 4


#: Commands that write, after ``set k v p 1``: words, and how many revisions each makes.
COMMANDS = [
    pytest.param(["set", "k", "w", "a", "1", "b", "2"], 1, id="set of a type and two properties"),
    pytest.param(["set", "k", "v", "p", "1"], 0, id="set of what is there"),
    pytest.param(["setdefault", "k", "w", "p", "2"], 0, id="setdefault of what is there"),
    pytest.param(["setdefault", "new", "w", "p", "2"], 1, id="setdefault of a new record"),
    pytest.param(["setprop", "k", "p", "2", "q", "3", "r", "4"], 1, id="setprop of three"),
    pytest.param(["setprop", "k", "p", "1"], 0, id="setprop of what is there"),
    pytest.param(["setprop", "nosuch", "p", "1"], 0, id="setprop of no record"),
    pytest.param(["settype", "k", "w"], 1, id="settype"),
    pytest.param(["settype", "k", "v"], 0, id="settype of what is there"),
    pytest.param(["delprop", "k", "p", "q"], 1, id="delprop"),
    pytest.param(["delprop", "k", "q"], 0, id="delprop of no property"),
    pytest.param(["delete", "k"], 1, id="delete"),
    pytest.param(["delete", "nosuch"], 0, id="delete of no record"),
    pytest.param(["show"], 0, id="show"),
]


@pytest.mark.parametrize(("words", "count"), COMMANDS)
def test_a_command_is_at_most_one_revision(bare: Root, words: list[str], count: int) -> None:
    """Each command that changes something is one revision with its words; one that changes nothing is none."""
    bare.db("t", "set", "k", "v", "p", "1")
    bare.db("t", *words, code=None)
    with opened(bare.path, write=False) as store:
        assert last_revision(store) == 1 + count
        if count:
            assert revisions(store)[-1].author.command == ["db", "t", *words]


@pytest.mark.parametrize("size", [0, 1, 4, 500, 5000])
def test_an_entry_gives_the_changes_of_its_revision(size: int) -> None:
    """A revision is read in pieces as it was written, however long its values are."""
    texts = ["", "é", "x" * 30, "y" * 5000, FORGOTTEN, None]
    changes = [
        Change("db", f"key{number}", f"p{number % 3}", texts[number % 6], texts[number * 7 % 5])
        for number in range(size)
    ]
    author = Author("me", "", ["esmith", "import", ""])
    entry = journal.Entry(7, journal.encode(Revision(7, 123, author, changes)))
    assert (entry.number, entry.time, entry.author.command, entry.count) == (7, 123, author.command, size)
    assert [(change.cell, change.old, change.new) for change in entry] == [
        (change.cell, change.old, change.new) for change in changes
    ]
    assert all(len(fields) % journal.FIELDS_OF_A_CHANGE == 0 for fields in entry.pieces())
