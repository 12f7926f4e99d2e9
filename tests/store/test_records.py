"""Records, their order, and transactions."""

from __future__ import annotations

import contextlib
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.errors import StoreError, UsageError
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Record
from esmith.store.protocol import Store
from tests.examples import examples
from tests.store.stores import AUTHOR, contents, opened, put

#: Text without control characters and lone surrogates: what a value may hold.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)
NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="=|# "), min_size=1, max_size=20)
TYPES = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|"), max_size=20)
RECORDS = st.dictionaries(NAMES, st.tuples(TYPES, st.dictionaries(NAMES, TEXTS, max_size=5)), max_size=8)


@given(records=RECORDS)
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_come_back_as_they_were_stored(store: Store, records: dict[str, tuple[str, dict[str, str]]]) -> None:
    """Whatever may be stored is read back the same, in byte order of keys and of properties, by each way of reading."""
    with store.transaction(AUTHOR) as transaction:
        for key in transaction.keys("t"):
            transaction.delete_record("t", key)
        for key, (type, props) in records.items():
            transaction.set_type("t", key, type)
            for prop, value in props.items():
                transaction.set_prop("t", key, prop, value)
    with store.snapshot() as snapshot:
        keys = sorted(records, key=str.encode)
        assert snapshot.keys("t") == keys
        assert [record.key for record in snapshot.records("t")] == keys
        for record in snapshot.records("t"):
            type, props = records[record.key]
            assert record == Record(record.key, type, props)
            assert list(record.props) == sorted(props, key=str.encode)
            assert snapshot.record("t", record.key) == record
            assert snapshot.type_of("t", record.key) == type
            assert {prop: snapshot.prop("t", record.key, prop) for prop in props} == props


def test_a_savepoint_takes_back_what_was_changed_in_it(store: Store) -> None:
    """When a savepoint ends with an error, what was changed in it is as before; the rest of the transaction stays."""
    put(store, "t", "old", "kind", {"p": "1", "q": "1"})
    with store.transaction(AUTHOR) as transaction:
        transaction.set_prop("t", "old", "p", "2")
        with contextlib.suppress(UsageError), transaction.savepoint():
            transaction.set_prop("t", "old", "p", "3")
            transaction.delete_prop("t", "old", "q")
            transaction.set_type("new", "key", "kind")
            transaction.delete_record("t", "old")
            raise UsageError("enough")
        assert [(change.cell, change.new) for change in transaction.changes] == [(("t", "old", "p"), "2")]
        assert not transaction.has_database("new")
        with transaction.savepoint():
            transaction.set_type("new", "key", "kind")
        assert len(transaction.changes) == 2
    assert contents(store) == {
        "new": [Record("key", "kind", {})],
        "t": [Record("old", "kind", {"p": "2", "q": "1"})],
    }


def test_keys_are_in_byte_order(store: Store) -> None:
    """Upper case comes before lower case, '-' and digits before letters, ASCII before the rest."""
    for key in ("é", "a", "_", "Foo", "0", "-x", "ab", "a b", "Z", "日"):
        put(store, "t", key, "x")
    with store.snapshot() as snapshot:
        assert snapshot.keys("t") == ["-x", "0", "Foo", "Z", "_", "a", "a b", "ab", "é", "日"]


def test_a_key_that_begins_another_keeps_its_own_properties(store: Store) -> None:
    """'a' and 'ab' and 'a b' do not see each other's properties."""
    for key in ("a", "ab", "a b"):
        put(store, "t", key, f"type {key}", {"p": key})
    with store.snapshot() as snapshot:
        assert [record.props for record in snapshot.records("t")] == [{"p": "a"}, {"p": "a b"}, {"p": "ab"}]
        assert snapshot.record("t", "a") == Record("a", "type a", {"p": "a"})


def test_records_of_one_type(store: Store) -> None:
    """A listing may ask for one type, and gets exactly its records, first and last included."""
    for key, type in (("a", "user"), ("b", "group"), ("c", "user"), ("d", "users")):
        put(store, "accounts", key, type, {"p": key})
    with store.snapshot() as snapshot:
        assert [record.key for record in snapshot.records("accounts", "user")] == ["a", "c"]
        assert [record.key for record in snapshot.records("accounts", "users")] == ["d"]
        assert list(snapshot.records("accounts", "nosuch")) == []
        assert list(snapshot.records("nosuch")) == []


@pytest.mark.parametrize(
    ("key", "prop"), [("nosuch", "p"), ("k", "nosuch"), ("", ""), ("k" * 600, "p"), ("k", "p" * 600), ("k\0p", "")]
)
def test_what_cannot_exist_is_missing(store: Store, key: str, prop: str) -> None:
    """Reading a name that is missing, or that could not be stored, answers None and is not an error."""
    put(store, "t", "k", "v", {"p": "x"})
    with store.snapshot() as snapshot:
        assert snapshot.prop("t", key, prop) is None
        assert snapshot.prop("nosuch", key, prop) is None


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    """An error inside a transaction takes back all of it, new databases too, and the store goes on working."""
    put(store, "t", "k", "v", {"p": "1"})
    before = contents(store)
    with pytest.raises(ZeroDivisionError), store.transaction(AUTHOR) as transaction:
        transaction.set_prop("t", "k", "p", "2")
        transaction.delete_record("t", "k")
        transaction.set_type("new", "k", "v")
        transaction.create_database("empty")
        raise ZeroDivisionError
    assert contents(store) == before
    put(store, "new", "k", "v")
    assert contents(store)["new"] == [Record("k", "v", {})]


def test_a_transaction_reads_what_it_wrote(store: Store) -> None:
    """Inside a transaction its own changes show, before anybody else sees them."""
    with store.transaction(AUTHOR) as transaction:
        transaction.set_type("t", "k", "v")
        transaction.set_prop("t", "k", "p", "1")
        assert transaction.record("t", "k") == Record("k", "v", {"p": "1"})
        transaction.delete_record("t", "k")
        assert transaction.record("t", "k") is None
        assert transaction.keys("t") == []


def test_deleting_a_record_deletes_its_properties(store: Store) -> None:
    """A record made again after it was deleted has no old properties; its neighbours keep theirs."""
    for key in ("j", "k", "l"):
        put(store, "t", key, "v", {"p": key, "q": key})
    with store.transaction(AUTHOR) as transaction:
        transaction.delete_record("t", "k")
    put(store, "t", "k", "again")
    assert contents(store)["t"] == [
        Record("j", "v", {"p": "j", "q": "j"}),
        Record("k", "again", {}),
        Record("l", "v", {"p": "l", "q": "l"}),
    ]


def test_a_property_needs_its_record(store: Store) -> None:
    """A property of a record that does not exist is refused, so that no record is without a type."""
    with pytest.raises(UsageError, match="there is no such record"), store.transaction(AUTHOR) as transaction:
        transaction.set_prop("t", "k", "p", "1")
    assert contents(store) == {}


def test_databases_are_listed_without_the_stores_own(store: Store) -> None:
    """The journal and the state tables are not databases of the administrator."""
    put(store, "b", "k", "v")
    put(store, "a", "k", "v")
    with store.transaction(AUTHOR) as transaction:
        transaction.set_state("notes", "x", b"1")
    with store.snapshot() as snapshot:
        assert snapshot.databases() == ["a", "b"]
        assert (snapshot.has_database("a"), snapshot.has_database("notes")) == (True, False)


def test_state_tables(store: Store) -> None:
    """The engine's own rows are kept as bytes, in order, are deleted with None, and make no revision."""
    with store.transaction(AUTHOR) as transaction:
        for name in ("b", "a", "c"):
            transaction.set_state("notes", name, name.encode() + b"\0\xff")
        transaction.set_state("notes", "b", None)
    with store.snapshot() as snapshot:
        assert list(snapshot.states("notes")) == [("a", b"a\0\xff"), ("c", b"c\0\xff")]
        assert snapshot.state("notes", "c") == b"c\0\xff"
        assert (snapshot.state("notes", "b"), snapshot.state("nosuch", "b")) == (None, None)
        assert snapshot.revision() == 0


def test_a_state_row_that_is_so_already(tmp_path: Path) -> None:
    """Writing a row of the engine as it is, or deleting one that is not there, writes nothing to the disk."""
    layout = Layout(str(tmp_path))
    store = open_store(layout, create=True)
    with store.transaction(AUTHOR) as transaction:
        transaction.set_state("notes", "a", b"x")
    data = Path(layout.database, "data.mdb")
    before = data.read_bytes()
    with store.transaction(AUTHOR) as transaction:
        transaction.set_state("notes", "a", b"x")
        transaction.set_state("notes", "b", None)
    assert data.read_bytes() == before
    with store.transaction(AUTHOR) as transaction:
        transaction.set_state("notes", "a", b"y")
    assert data.read_bytes() != before
    store.close()


def test_many_databases(store: Store) -> None:
    """A hundred databases fit."""
    names = [f"db{number:03}" for number in range(100)]
    with store.transaction(AUTHOR) as transaction:
        for name in names:
            transaction.set_type(name, "k", name)
    assert {name: records[0].type for name, records in contents(store).items()} == {name: name for name in names}


def test_a_store_is_private_to_its_owner(tmp_path: Path) -> None:
    """The data file, which holds passwords, and the files beside it are readable by their owner only."""
    with opened(tmp_path, create=True) as store:
        put(store, "t", "k", "v")
    files = sorted((tmp_path / "home/e-smith/db").iterdir())
    assert [(file.name, oct(file.stat().st_mode & 0o777)) for file in files] == [
        ("data.mdb", "0o600"),
        ("data.verified", "0o600"),
        ("lock.mdb", "0o600"),
    ]


def test_creating_a_store_keeps_the_one_there_is(tmp_path: Path) -> None:
    """To create a store where there is one opens it."""
    with opened(tmp_path, create=True) as store:
        put(store, "t", "k", "v")
    with opened(tmp_path, create=True) as store:
        assert contents(store) == {"t": [Record("k", "v", {})]}


def test_there_is_no_store(tmp_path: Path) -> None:
    """Where no store was made, opening one says how to make it, and makes nothing."""
    for write in (False, True):
        with pytest.raises(StoreError, match="there are no databases under") as caught:
            open_store(Layout(str(tmp_path)), write=write)
        assert f"esmith --root {tmp_path} init" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_record_in_one_line() -> None:
    """The raw form joins type and properties with '|', and escapes a '|' inside a value."""
    record = Record("k", "type", {"a": "1", "b": "x|y", "c": ""})
    assert record.raw == "type|a|1|b|x\\|y|c|"
    assert Record("k", string.punctuation.replace("|", ""), {}).raw == string.punctuation.replace("|", "")
