"""Many records at once: they are written, or refused, as they are one by one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import lmdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from esmith.errors import EsmithError
from esmith.store.limits import MAX_NAME_BYTES, MAX_VALUE_BYTES
from esmith.store.lmdb import blocks, plain
from esmith.store.lmdb.transaction import LmdbTransaction
from esmith.store.model import Record
from esmith.store.protocol import Store, Transaction
from tests.examples import examples
from tests.store import flat
from tests.store.stores import AUTHOR, cells, contents, last_revision

#: Names at the edges of what can be stored, most of which are refused.
KEYS = st.sampled_from(
    ["", "a", "b", "b c", " a", "a ", "\ta", "#a", "a#", "a=", "é", "a\n", "a\x7f", "a\0b", "\ud800"]
    + ["k" * size for size in range(MAX_NAME_BYTES - 3, MAX_NAME_BYTES + 2)]
)
PROPS = st.sampled_from(["", "p", "q", "p|q", " ", "é", "p\n", "p=q", "pq", "\ud800", "p" * MAX_NAME_BYTES])
VALUES = st.sampled_from(
    ["", "v", "a|b", "é", "\t", "\n", "\x01", "x" * (MAX_VALUE_BYTES - 2)]
    + ["x" * size for size in range(MAX_VALUE_BYTES - 1, MAX_VALUE_BYTES + 2)]
)
RECORDS = st.builds(Record, KEYS, VALUES, st.lists(st.tuples(PROPS, VALUES), max_size=3).map(dict))


def left(store: Store, database: str, before: list[Record], records: list[Record], *, at_once: bool) -> object:
    """Return what a database holds, and what was changed, after records were set over others; or that it is refused.

    :param before: what is set in the same transaction, and taken away again but for the last.
    """

    def take(transaction: Transaction) -> None:
        for record in before:
            transaction.set_record(database, record)
        for record in before[:-1]:
            transaction.delete_record(database, record.key)
        if at_once:
            transaction.set_records(database, ((record.key, record.text) for record in records))
        else:
            for record in records:
                transaction.set_record(database, record)

    try:
        with store.transaction(AUTHOR) as transaction:
            take(transaction)
            changes = {change[1:] for change in cells(transaction.changes)}
    except EsmithError as error:
        return str(error).replace(database, "")
    return changes, contents(store).get(database)


@given(
    known=flat.DATABASES,
    before=st.lists(flat.RECORDS, max_size=3),
    records=st.lists(RECORDS | flat.RECORDS, max_size=6),
    is_sorted=st.booleans(),
)
@example(known={}, before=[], records=[Record("a", "v", {"p": "1"}), Record("a b", "v", {})], is_sorted=True)
@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_they_are_set_as_one_by_one(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    known: dict[str, Record],
    before: list[Record],
    records: list[Record],
    is_sorted: bool,
) -> None:
    """Records that are set at once leave what they leave one by one, and are refused for the same reason."""
    monkeypatch.setattr(plain, "_AT_ONCE", 2)
    found = []
    for database in ("t-one", "t-all"):
        with store.transaction(AUTHOR) as transaction:
            for key in transaction.keys(database):
                transaction.delete_record(database, key)
            for record in known.values():
                transaction.set_record(database, record)
        ordered = sorted(records, key=lambda record: record.key) if is_sorted else records
        found.append(left(store, database, before, ordered, at_once=database == "t-all"))
    assert found[0] == found[1]


def test_plain_records_are_written_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of plain new records are never looked at one by one; what is there already is, where it differs."""
    records = [Record(f"k{number:05}", "v", {"a": f"{number}", "b": "x" * (number % 2000)}) for number in range(5000)]
    one_by_one: list[str] = []

    def set_records(records: list[Record]) -> None:
        with store.transaction(AUTHOR) as transaction:
            transaction.set_records("t", ((record.key, record.text) for record in records))

    def note(transaction: LmdbTransaction, database: str, record: Record) -> None:
        one_by_one.append(record.key)
        original(transaction, database, record)

    original = LmdbTransaction.set_record
    monkeypatch.setattr(LmdbTransaction, "set_record", note)
    set_records(records[1000:])
    assert one_by_one == []
    assert contents(store) == {"t": records[1000:]}
    records[1500].props["a"] = "other"
    set_records(records)
    assert one_by_one == ["k01500"]
    assert contents(store) == {"t": records}
    revision = last_revision(store)
    set_records(records)
    assert (one_by_one, last_revision(store)) == (["k01500"], revision)


@given(
    known=st.dictionaries(st.binary(min_size=1, max_size=2), st.binary(max_size=2), max_size=6),
    rows=st.dictionaries(st.binary(min_size=1, max_size=2), st.binary(max_size=2), min_size=1, max_size=6),
    few=st.integers(0, 4),
)
@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_come_among_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: dict[bytes, bytes], rows: dict[bytes, bytes], few: int
) -> None:
    """Whatever a table holds, rows that are written at once replace those of their keys, and the others stay."""
    monkeypatch.setattr(blocks, "_FEW", few)
    with lmdb.open(str(tmp_path)) as environment, environment.begin(write=True) as transaction:
        with transaction.cursor() as cursor:
            cursor.putmulti(known.items())
            blocks.put_all(cursor, sorted(rows.items()))
            found = dict(cursor.iternext() if cursor.first() else ())
        transaction.drop(environment.open_db(txn=transaction), delete=False)
    assert found == known | rows


def test_one_that_is_refused_leaves_nothing(store: Store) -> None:
    """A record that cannot be stored, after thousands that can, keeps all of them from being stored."""
    with contextlib.suppress(EsmithError), store.transaction(AUTHOR) as transaction:
        transaction.set_records("t", ((f"k{number:05}", "v" if number < 2500 else "v|") for number in range(2501)))
        pytest.fail("it was stored")
    assert contents(store) == {}
