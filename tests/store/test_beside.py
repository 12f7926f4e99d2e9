"""A snapshot and a transaction of one process, which LMDB's bindings for Python would mix up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.errors import StoreError, UsageError
from esmith.store.protocol import Store
from tests.store.stores import AUTHOR, bare_root, last_revision, opened, put


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return the store of a root, with one record."""
    with opened(bare_root(tmp_path / "root").path) as found:
        put(found, "t", "k", "v")
        yield found


def test_no_transaction_begins_while_a_snapshot_is_open(store: Store) -> None:
    """A transaction beside a snapshot is refused, stores nothing, and begins once the snapshot has ended."""
    with store.snapshot() as snapshot:
        with pytest.raises(StoreError, match="a snapshot is open in this process") as found, store.transaction(AUTHOR):
            pytest.fail("it began")
        assert found.value.hint
        assert snapshot.type_of("t", "k") == "v"
    put(store, "t", "k", "w")
    assert last_revision(store) == 2


def test_no_snapshot_begins_while_a_transaction_is_open(store: Store) -> None:
    """A snapshot beside a transaction is refused, the transaction goes on, and a snapshot can begin after it."""
    with store.transaction(AUTHOR) as transaction:
        transaction.set_type("new", "k", "v")
        with pytest.raises(StoreError, match="a transaction is open in this process"), store.snapshot():
            pytest.fail("it began")
        with pytest.raises(StoreError, match="a transaction is open"), store.transaction(AUTHOR):
            pytest.fail("it began")
    with store.snapshot() as snapshot:
        assert snapshot.has_database("new")


def test_snapshots_beside_one_another_are_fine(store: Store) -> None:
    """Two snapshots may be open; a transaction waits for the end of both."""
    with store.snapshot() as one:
        with store.snapshot() as other:
            assert one.type_of("t", "k") == other.type_of("t", "k") == "v"
        with pytest.raises(StoreError, match="a snapshot is open"), store.transaction(AUTHOR):
            pytest.fail("it began")
    put(store, "t", "k", "w")


def test_a_transaction_that_failed_blocks_nothing(store: Store) -> None:
    """After a transaction that was abandoned, snapshots and transactions begin as ever."""
    with pytest.raises(UsageError), store.transaction(AUTHOR) as transaction:
        transaction.set_prop("t", "nosuch", "p", "1")
    assert last_revision(store) == 1
    put(store, "t", "k", "w")


def test_no_space_is_reserved_while_a_snapshot_is_open(store: Store) -> None:
    """To reserve space opens a transaction, too."""
    with store.snapshot(), pytest.raises(StoreError, match="a snapshot is open"):
        store.reserve(1000, 1)
    store.reserve(1000, 1)
