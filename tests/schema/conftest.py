"""Roots with schema files and a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.schema.kit import Desk
from tests.store.stores import opened


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a root without schema files and an empty store."""
    path = tmp_path / "root"
    path.mkdir()
    with opened(path, create=True) as store:
        yield Desk(path, store)


@pytest.fixture
def shipped(desk: Desk) -> Desk:
    """Return a root with the shipped schema files and an empty store."""
    desk.ship()
    return desk
