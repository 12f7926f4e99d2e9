"""The whole records beside the rows: they say the same, and count only while they do."""

from __future__ import annotations

import contextlib
from itertools import chain

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from esmith.cli import listing
from esmith.errors import EsmithError
from esmith.store.lmdb.rows import LmdbSnapshot
from esmith.store.lmdb.transaction import LmdbTransaction
from esmith.store.lmdb.written import LmdbTables
from esmith.store.model import Record
from esmith.store.protocol import Snapshot, Store
from tests.examples import examples
from tests.store import flat
from tests.store.steps import PLAIN_STEPS_OF, STEPS_OF, Step, take_steps
from tests.store.stores import AUTHOR, put

DATABASES = ("a", "ab")


def without_whole(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[list[str], list[Record]]]:
    """Return the keys and the records of all databases as the rows have them."""
    with monkeypatch.context() as patch:
        for one in (LmdbSnapshot, LmdbTables):
            patch.setattr(one, "_whole", lambda *_: None)
        return {name: (snapshot.keys(name), list(snapshot.records(name))) for name in DATABASES}


def printed(snapshot: Snapshot, database: str, verb: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a verb prints of a whole database."""
    written: list[bytes] = []
    with monkeypatch.context() as patch:
        patch.setattr(listing, "print_bytes", written.append)
        listing.Listed(snapshot, database, verb).print_rest()
    return b"".join(written).decode("utf-8", "surrogateescape")


def lines_of(records: list[Record], verb: str) -> str:
    """Return what a verb prints of records, made one by one."""
    lines: list[str] = []
    for record in records:
        if verb == "print":
            lines.append(f"{record.key}={record.raw}")
        else:
            lines.append(f"{record.key}={record.type}")
        if verb == "show" and record.type:
            lines += (f"    {name}={value}" for name, value in record.props.items())
    return "".join(f"{line}\n" for line in lines)


@given(transactions=st.lists(st.tuples(STEPS_OF, st.booleans()), max_size=6))
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_they_say_what_the_rows_say(
    store: Store, monkeypatch: pytest.MonkeyPatch, transactions: list[tuple[list[Step], bool]]
) -> None:
    """After any changes, also by a program that knows only rows, keys, records and listings are those of the rows."""
    for steps, is_of_old in transactions:
        with monkeypatch.context() as patch:
            if is_of_old:
                patch.setattr(LmdbTransaction, "_write_whole", lambda *_: None)
            try:
                with store.transaction(AUTHOR) as transaction:
                    take_steps(transaction, steps)
            except EsmithError:
                continue
        with store.snapshot() as snapshot:
            rows = without_whole(snapshot, monkeypatch)
            for name in DATABASES:
                keys, records = rows[name]
                assert (snapshot.keys(name), list(snapshot.records(name))) == (keys, records)
                for verb in ("print", "show", "printtype"):
                    assert printed(snapshot, name, verb, monkeypatch) == lines_of(records, verb)


@given(database=flat.DATABASES)
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_listings_of_any_records(store: Store, monkeypatch: pytest.MonkeyPatch, database: dict[str, Record]) -> None:
    """A listing is to the byte that of the records one by one, whatever the store can hold."""
    with store.transaction(AUTHOR) as transaction:
        for key in transaction.keys("t"):
            if key not in database:
                transaction.delete_record("t", key)
        for record in database.values():
            transaction.set_record("t", record)
    with store.snapshot() as snapshot:
        records = list(snapshot.records("t"))
        assert {record.key: record for record in records} == database
        for verb in ("print", "show", "printtype"):
            assert printed(snapshot, "t", verb, monkeypatch) == lines_of(records, verb)


@given(
    before=STEPS_OF | PLAIN_STEPS_OF,
    steps=st.lists(st.tuples(STEPS_OF | PLAIN_STEPS_OF, st.sampled_from(["plain", "kept", "taken back"])), max_size=5),
    looks=st.sets(st.sampled_from(["within", "after"])),
)
@example(
    before=[],
    steps=[
        ([("set_records", ("a", "k\0v\0p\x001")), ("set_prop", ("a", "k", "p", "2"))], "plain"),
        ([("set_type", ("a", "l", "v"))], "taken back"),
    ],
    looks={"within"},
)
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_transaction_reads_what_it_wrote(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    before: list[Step],
    steps: list[tuple[list[Step], str]],
    looks: set[str],
) -> None:
    """After each step of a transaction, also of one within it that was taken back, it reads what the rows say."""
    with store.transaction(AUTHOR) as transaction:
        for name in DATABASES:
            for key in transaction.keys(name):
                transaction.delete_record(name, key)
    with contextlib.suppress(EsmithError), store.transaction(AUTHOR) as transaction:
        take_steps(transaction, before)

    def compare(snapshot: Snapshot, *, really: bool = True) -> None:
        # To look brings the whole records up to date, so not to look is another case.
        for name in DATABASES if really else ():
            found = snapshot.keys(name), list(snapshot.records(name))
            assert found == without_whole(snapshot, monkeypatch)[name]

    with contextlib.suppress(EsmithError), store.transaction(AUTHOR) as transaction:
        for some, way in steps:
            if way == "plain":
                take_steps(transaction, some)
            else:
                with contextlib.suppress(EsmithError), transaction.savepoint():
                    take_steps(transaction, some)
                    compare(transaction, really="within" in looks)
                    if way == "taken back":
                        raise EsmithError("enough")
            compare(transaction, really="after" in looks)
    with store.snapshot() as snapshot:
        compare(snapshot)


def test_they_are_read_where_they_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing reads no row but of long records; after a change by an older program it reads rows."""
    put(store, "a", "k", "v", {"p": "1"})
    put(store, "a", "long", "v", {f"p{number:04}": "x" * 20 for number in range(200)})

    def read(snapshot: Snapshot) -> list[bytes]:
        return [key for key, _ in chain.from_iterable(snapshot.blocks("a"))]

    def refuse(*_: object) -> None:
        pytest.fail("the rows are read")

    with monkeypatch.context() as patch:
        patch.setattr("esmith.store.lmdb.blocks.blocks_of_rows", refuse)
        with store.snapshot() as snapshot:
            assert read(snapshot) == [b"k", b"long"]
    with monkeypatch.context() as patch:
        patch.setattr(LmdbTransaction, "_write_whole", lambda *_: None)
        put(store, "a", "l", "v")
    with store.snapshot() as snapshot:
        assert read(snapshot) == [b"k", b"l", b"long"]


def test_a_long_record_is_not_written_whole(store: Store) -> None:
    """A change of a property of a record with thousands of them writes a row of a few bytes for it."""
    put(store, "wbl", "global", "wbl", {f"host{number}.example.com": "Black" for number in range(2000)})
    with store.snapshot() as snapshot:
        assert snapshot.state("whole/wbl", "global") == b"\1"
        (record,) = snapshot.records("wbl")
        assert len(record.props) == 2000
