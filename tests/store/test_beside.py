"""Snapshots and transactions of one process, which LMDB would mix up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from esmith.errors import StoreError, UsageError
from esmith.store.protocol import Store
from tests.commands import Root
from tests.examples import examples
from tests.store.stores import AUTHOR, bare_root, last_revision, opened, put

NAMES = [f"database{number}" for number in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return the store of a root, with one record."""
    with opened(bare_root(tmp_path / "root").path) as found:
        put(found, "t", "k", "v")
        yield found


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root with some databases, in each of which a record has the database's name for its type."""
    root = bare_root(tmp_path_factory.mktemp("databases") / "root").path
    with opened(root) as store, store.transaction(AUTHOR) as transaction:
        for name in NAMES:
            transaction.set_type(name, "k", name)
    return root


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


def test_snapshots_together_show_one_moment(store: Store, tmp_path: Path) -> None:
    """A snapshot that begins while another is open shows the moment of that, also when another process wrote since."""
    with store.snapshot() as one:
        Root(tmp_path / "root").db("t", "settype", "k", "w")
        with store.snapshot() as other:
            assert one.type_of("t", "k") == other.type_of("t", "k") == "v"
    with store.snapshot() as later:
        assert later.type_of("t", "k") == "w"


@pytest.mark.parametrize("seed", range(examples(40)))
def test_snapshots_together_read_what_they_ask_for(databases: Path, seed: int) -> None:
    """Whatever snapshots open which databases in which order, and end, each reads those that it asks for."""
    random = Random(seed)
    with opened(databases, write=False) as store:
        together = [store.snapshot().__enter__()]
        for _ in range(60):
            place = random.randrange(len(together))
            if len(together) < 4 and random.random() < 0.3:
                together.append(store.snapshot().__enter__())
            elif len(together) > 1 and random.random() < 0.2:
                together.pop(place).__exit__(None, None, None)
            else:
                name = random.choice(NAMES)
                assert together[place].type_of(name, "k") == name
        for snapshot in together:
            snapshot.__exit__(None, None, None)


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
