"""Long values that become shorter in the transaction that wrote them: LMDB leaves them in all of their pages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.lmdb import verify
from esmith.store.protocol import Store
from tests.examples import examples
from tests.store.stores import AUTHOR

PAGE = 4096
SIZES = (0, 1, 100, 2_000, 4_070, 4_090, 8_000, 8_180, 12_300, 60_000)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a root with a database."""
    layout = Layout(str(tmp_path))
    Path(layout.database).mkdir(parents=True)
    store = open_store(layout, create=True)
    with store.transaction(AUTHOR) as transaction:
        transaction.create_database("t")
        transaction.set_type("t", "k", "type")
    store.close()
    return layout


@pytest.fixture
def store(layout: Layout) -> Iterator[Store]:
    """Return its store, which may be written."""
    store = open_store(layout, write=True)
    yield store
    store.close()


def _data(layout: Layout) -> Path:
    return Path(layout.database, "data.mdb")


@pytest.mark.parametrize("number", range(examples(40)))
def test_it_is_no_damage(layout: Layout, store: Store, number: int) -> None:
    """However values of one transaction grow and shrink, the data file is sound, and it holds the last ones."""
    chance, values = random.Random(number), dict[str, str]()
    for _ in range(4):
        with store.transaction(AUTHOR) as transaction:
            for _ in range(8):
                name, size = chance.choice("abc"), chance.choice(SIZES)
                values[name] = chance.choice("xyz") * size
                transaction.set_prop("t", "k", name, values[name])
        assert verify.find_damage(str(_data(layout))) is None
    with store.snapshot() as snapshot:
        record = snapshot.record("t", "k")
        assert record is not None
        assert record.props == values


def test_pages_of_others_are_not_taken_for_it(layout: Layout) -> None:
    """A head that says more pages than the value ever had is damage: LMDB would free pages that hold something else."""
    store = open_store(layout, write=True)
    with store.transaction(AUTHOR) as transaction:
        for name in "abc":
            transaction.set_prop("t", "k", name, "x" * 9_000)
    store.close()
    assert verify.find_damage(str(_data(layout))) is None
    content = _data(layout).read_bytes()
    heads = [at for at in range(0, len(content), PAGE) if content[at + 10 : at + 12] == b"\x04\x00"]
    assert len(heads) >= 3
    for at in heads:
        pages = int.from_bytes(content[at + 12 : at + 16], "little")
        for wrong in (pages - 1, pages + 1, pages + 1000, 2**31):
            _data(layout).write_bytes(content[: at + 12] + wrong.to_bytes(4, "little") + content[at + 16 :])
            assert verify.find_damage(str(_data(layout))) is not None, (at, wrong)
