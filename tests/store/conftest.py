"""Stores and roots that hold nothing yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.store.protocol import Store
from tests.commands import Root
from tests.store.stores import bare_root, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty store, open for writing."""
    path = tmp_path / "root"
    path.mkdir()
    with opened(path, create=True) as store:
        yield store


@pytest.fixture
def bare(tmp_path: Path) -> Root:
    """Return a root with the commands and an empty store only."""
    return bare_root(tmp_path / "root")
