"""More databases than LMDB has room for at first: no administrator meets a limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from esmith.errors import StoreError
from esmith.store.lmdb.store import ROOM_TO_READ, ROOM_TO_WRITE
from esmith.store.protocol import Store
from tests.store.stores import AUTHOR, opened, put

#: More than a process that writes has room for at first.
MANY = [f"d{number:04}" for number in range(ROOM_TO_WRITE + 300)]

#: A program that makes databases: in the root, and so many, as its arguments say.
_MAKE = """
import sys
from pathlib import Path
from tests.store.stores import AUTHOR, opened
with opened(Path(sys.argv[1])) as store, store.transaction(AUTHOR) as transaction:
    for number in range(int(sys.argv[2])):
        transaction.set_type(f"d{number:04}", "key", "kind")
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a root with that many databases, all made by one process, some at a time."""
    root = tmp_path / "root"
    root.mkdir()
    with opened(root, create=True) as store:
        for start in range(0, len(MANY), 50):
            with store.transaction(AUTHOR) as transaction:
                for name in MANY[start : start + 50]:
                    transaction.set_type(name, "key", name)
    return root


def test_all_are_read_in_one_snapshot(many: Path) -> None:
    """A process that only reads looks into each of them."""
    assert len(MANY) > ROOM_TO_READ
    with opened(many, write=False) as store, store.snapshot() as snapshot:
        assert {name: snapshot.type_of(name, "key") for name in MANY} == {name: name for name in MANY}
        assert snapshot.databases() == MANY


def test_all_are_written_in_one_transaction(many: Path) -> None:
    """A transaction changes each of them, and makes as many new ones as a process begins with room for."""
    new = [f"n{number:04}" for number in range(ROOM_TO_WRITE - 100)]
    with opened(many) as store:
        with store.transaction(AUTHOR) as transaction:
            for name in [*MANY, *new]:
                transaction.set_type(name, "key", "changed")
        with store.snapshot() as snapshot:
            assert {snapshot.type_of(name, "key") for name in [*MANY, *new]} == {"changed"}


def test_a_snapshot_stays_open_while_others_make_databases(tmp_path: Path) -> None:
    """The file is not opened once more under a snapshot of the same process: it reads on as before."""
    root = tmp_path / "root"
    root.mkdir()
    with opened(root, create=True) as store:
        put(store, "old", "key", "kind")
    with opened(root, write=False) as store:
        with store.snapshot() as snapshot:
            # More than this process has room for; another one makes them.
            subprocess.run([sys.executable, "-c", _MAKE, str(root), str(ROOM_TO_READ)], check=True, timeout=60)
            with store.snapshot() as beside:
                assert beside.databases() == ["old"]
            assert snapshot.type_of("old", "key") == "kind"
            assert snapshot.databases() == ["old"]
        with store.snapshot() as last:
            assert {last.type_of(f"d{number:04}", "key") for number in range(ROOM_TO_READ)} == {"kind"}


def test_too_many_at_once_is_an_error(store: Store) -> None:
    """A single transaction cannot make more than there is room for: the error says what to do, nothing is stored."""
    with pytest.raises(StoreError, match="too many new databases at once"), store.transaction(AUTHOR) as transaction:
        for number in range(2 * ROOM_TO_WRITE):
            transaction.set_type(f"d{number:04}", "key", "kind")
    with store.snapshot() as snapshot:
        assert snapshot.databases() == []
