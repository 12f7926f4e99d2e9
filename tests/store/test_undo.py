"""Taking revisions back, as revisions of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esmith.errors import EsmithError, ExitCode, UsageError
from esmith.store.model import Record
from esmith.store.protocol import Store
from esmith.store.undo import undo
from tests.commands import Root
from tests.store.stores import AUTHOR, cells, contents, last_revision, put


def delete(store: Store, key: str) -> None:
    """Delete a record of t in a transaction of its own."""
    with store.transaction(AUTHOR) as transaction:
        transaction.delete_record("t", key)


@pytest.fixture
def record(store: Store) -> Store:
    """Return a store whose revision 1 made the record k, and 2 another."""
    put(store, "t", "k", "v", {"p": "1", "q": ""})
    put(store, "t", "other", "x", {"p": "1"})
    return store


OTHER = Record("other", "x", {"p": "1"})


def test_undo_of_a_change(record: Store) -> None:
    """Changed, new and deleted properties and a changed type are set back by one revision that says so."""
    with record.transaction(AUTHOR) as transaction:
        transaction.set_type("t", "k", "w")
        transaction.set_prop("t", "k", "p", "2")
        transaction.set_prop("t", "k", "new", "3")
        transaction.delete_prop("t", "k", "q")
    changes = undo(record, 3, AUTHOR)
    assert contents(record)["t"] == [Record("k", "v", {"p": "1", "q": ""}), OTHER]
    assert last_revision(record) == 4
    assert cells(changes) == {
        ("t", "k", "", "w", "v"),
        ("t", "k", "p", "2", "1"),
        ("t", "k", "new", "3", None),
        ("t", "k", "q", None, ""),
    }


def test_undo_of_a_delete(record: Store) -> None:
    """A deleted record comes back with its type and every property."""
    delete(record, "k")
    undo(record, 3, AUTHOR)
    assert contents(record)["t"] == [Record("k", "v", {"p": "1", "q": ""}), OTHER]


def test_undo_of_a_creation(record: Store) -> None:
    """A record that was made is gone with its properties; its neighbours stay."""
    undo(record, 1, AUTHOR)
    assert contents(record)["t"] == [OTHER]


def test_undo_twice(record: Store) -> None:
    """What is undone already is no later change: the second undo changes nothing and is no revision."""
    with record.transaction(AUTHOR) as transaction:
        transaction.set_prop("t", "k", "p", "2")
        transaction.set_type("t", "new", "v")
        transaction.set_prop("t", "new", "p", "1")
    undo(record, 3, AUTHOR)
    before = contents(record)
    assert undo(record, 3, AUTHOR) == []
    assert contents(record) == before
    assert last_revision(record) == 4


def test_undo_twice_says_so(bare: Root) -> None:
    """The command says that there is nothing to do, and is content."""
    bare.db("t", "set", "k", "v", "p", "1")
    bare.db("t", "setprop", "k", "p", "2")
    bare.esmith("undo", "2")
    assert bare.esmith("undo", "2").out == "nothing to do: everything is as it was before revision 2\n"
    assert bare.db("t", "getprop", "k", "p").out == "1\n"


def test_undo_of_an_undo(record: Store) -> None:
    """An undo is a revision like any other, and can be taken back."""
    with record.transaction(AUTHOR) as transaction:
        transaction.set_prop("t", "k", "p", "2")
    undo(record, 3, AUTHOR)
    undo(record, 4, AUTHOR)
    assert contents(record)["t"][0].props["p"] == "2"
    assert last_revision(record) == 5


def test_undo_of_a_replaced_record(record: Store) -> None:
    """A record that was replaced by another of the same key comes back as it was."""
    with record.transaction(AUTHOR) as transaction:
        transaction.delete_record("t", "k")
        transaction.set_type("t", "k", "w")
        transaction.set_prop("t", "k", "q", "2")
        transaction.set_prop("t", "k", "z", "3")
    undo(record, 3, AUTHOR)
    assert contents(record)["t"] == [Record("k", "v", {"p": "1", "q": ""}), OTHER]


def test_undo_over_databases(store: Store) -> None:
    """A revision that changed several databases is taken back in all of them."""
    with store.transaction(AUTHOR) as transaction:
        transaction.set_type("a", "k", "v")
        transaction.set_type("b", "k", "v")
        transaction.set_prop("b", "k", "p", "1")
    undo(store, 1, AUTHOR)
    assert contents(store) == {"a": [], "b": []}


def later_value(store: Store) -> None:
    """Change the property that revision 3 changed."""
    put(store, "t", "k", "v", {"p": "4"})


def later_delete(store: Store) -> None:
    """Delete the record whose property revision 3 changed."""
    delete(store, "k")


def later_same(store: Store) -> None:
    """Change the property away and back again."""
    put(store, "t", "k", "v", {"p": "4"})
    put(store, "t", "k", "v", {"p": "2"})


@pytest.mark.parametrize("later", [later_value, later_delete, later_same])
def test_undo_is_refused_after_a_later_change(record: Store, later: Callable[[Store], None]) -> None:
    """When a later revision changed the same property, undo names it, says what to do, and changes nothing."""
    put(record, "t", "k", "v", {"p": "2"})
    later(record)
    before = contents(record), last_revision(record)
    with pytest.raises(EsmithError, match=f"revision {before[1]} changed the same property later") as caught:
        undo(record, 3, AUTHOR)
    assert caught.value.place == "t k p"
    assert f"undo {before[1]} first, or set it back anyway: esmith undo --force" in caught.value.hint
    assert (contents(record), last_revision(record)) == before


def test_later_changes_of_other_properties_do_not_matter(record: Store) -> None:
    """Undo takes back its own properties and keeps what was changed later elsewhere in the record."""
    put(record, "t", "k", "v", {"p": "2"})
    put(record, "t", "k", "v", {"q": "new"})
    put(record, "t", "other", "x", {"p": "3"})
    undo(record, 3, AUTHOR)
    assert contents(record)["t"] == [Record("k", "v", {"p": "1", "q": "new"}), Record("other", "x", {"p": "3"})]


def test_undo_of_a_creation_is_refused_when_the_record_was_used(record: Store) -> None:
    """A record that got other properties after it was made is not deleted by taking its creation back."""
    put(record, "t", "k", "v", {"later": "1"})
    with pytest.raises(EsmithError, match="revision 3 changed"):
        undo(record, 1, AUTHOR)
    undo(record, 1, AUTHOR, force=True)
    assert contents(record)["t"] == [OTHER]


@pytest.mark.parametrize(
    ("type", "props"), [("v", {"new": "1"}), ("w", {})], ids=["a property was added", "the type was changed"]
)
def test_only_a_creation_counts_as_one(record: Store, type: str, props: dict[str, str]) -> None:
    """A revision that added a property, or changed the type, made no record: later changes of others do not matter."""
    put(record, "t", "k", type, props)
    put(record, "t", "k", type, {"q": "later"})
    undo(record, 3, AUTHOR)
    assert contents(record)["t"] == [Record("k", "v", {"p": "1", "q": "later"}), OTHER]


def test_undo_of_a_creation_says_what_it_took_away(record: Store) -> None:
    """The record goes with every property, all of them are in the journal, and so it can come back."""
    changes = undo(record, 1, AUTHOR)
    assert cells(changes) == {("t", "k", "", "v", None), ("t", "k", "p", "1", None), ("t", "k", "q", "", None)}
    undo(record, 3, AUTHOR)
    assert contents(record)["t"] == [Record("k", "v", {"p": "1", "q": ""}), OTHER]


def test_undo_of_a_creation_when_the_record_was_made_again(record: Store) -> None:
    """A record that was deleted and made again by somebody else is not deleted by undoing its first creation."""
    delete(record, "k")
    put(record, "t", "k", "another")
    with pytest.raises(EsmithError, match="revision 4 changed"):
        undo(record, 1, AUTHOR)
    assert contents(record)["t"] == [Record("k", "another", {}), OTHER]


def test_undo_by_force(record: Store) -> None:
    """With force the old value is set, whatever was changed since."""
    put(record, "t", "k", "v", {"p": "2"})
    put(record, "t", "k", "v", {"p": "3"})
    undo(record, 3, AUTHOR, force=True)
    assert contents(record)["t"][0].props["p"] == "1"


def test_undo_by_force_of_a_property_whose_record_is_gone(record: Store) -> None:
    """With force a property of a record that was deleted since stays gone: no record without a type appears."""
    put(record, "t", "k", "v", {"p": "2"})
    delete(record, "k")
    assert undo(record, 3, AUTHOR, force=True) == []
    assert contents(record)["t"] == [OTHER]
    assert last_revision(record) == 4


@pytest.mark.parametrize("number", [0, 3, 99, -1, 2**64])
def test_undo_of_an_unknown_revision(record: Store, number: int) -> None:
    """A revision there is not is a usage error, and nothing is changed."""
    before = contents(record)
    with pytest.raises(UsageError, match=f"there is no revision {number}"):
        undo(record, number, AUTHOR)
    assert (contents(record), last_revision(record)) == (before, 2)


def test_the_command(bare: Root) -> None:
    """``esmith undo`` shows what it set back, and is itself in the history."""
    bare.db("t", "set", "k", "v", "p", "1")
    bare.db("t", "setprop", "k", "p", "2", "q", "3")
    assert bare.esmith("undo", "2").out == "t k p: 2 -> 1\nt k q: 3 -> (none)\n"
    assert bare.db("t", "get", "k").out == "v|p|1\n"
    assert "revision 3" in bare.esmith("history").out.splitlines()[0]
    assert bare.esmith("history").out.splitlines()[0].endswith("esmith undo 2")


def test_the_command_when_there_is_nothing_to_do(bare: Root) -> None:
    """Undoing by force what somebody already set back says that there is nothing to do."""
    bare.db("t", "set", "k", "v", "p", "1")
    bare.db("t", "setprop", "k", "p", "2")
    bare.db("t", "setprop", "k", "p", "1")
    answer = bare.esmith("undo", "--force", "2")
    assert answer.out == "nothing to do: everything is as it was before revision 2\n"
    assert bare.esmith("history").out.splitlines()[0].startswith("revision 3 ")


REFUSED = [
    pytest.param(["2"], ExitCode.FAILED, "revision 3 changed the same property later", id="later change"),
    pytest.param(["99"], ExitCode.USAGE, "there is no revision 99", id="unknown"),
    pytest.param(["0"], ExitCode.USAGE, "there is no revision 0", id="zero"),
    pytest.param(["--", "-1"], ExitCode.USAGE, "there is no revision -1", id="negative"),
    pytest.param(["9" * 30], ExitCode.USAGE, "there is no revision 999", id="huge"),
    pytest.param(["two"], ExitCode.USAGE, "not a valid integer", id="no number"),
    pytest.param([], ExitCode.USAGE, "Missing argument", id="nothing"),
]


@pytest.mark.parametrize(("words", "code", "message"), REFUSED)
def test_the_command_refuses(bare: Root, words: list[str], code: int, message: str) -> None:
    """Each refusal of ``esmith undo`` has its exit code and message, and changes nothing."""
    bare.db("t", "set", "k", "v", "p", "1")
    bare.db("t", "setprop", "k", "p", "2")
    bare.db("t", "setprop", "k", "p", "3")
    assert message in bare.esmith("undo", *words, code=code).err
    assert bare.db("t", "get", "k").out == "v|p|3\n"
