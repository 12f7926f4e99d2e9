"""Fixtures: a root whose users own their homes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.disk.kit import House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Return a root with two users and their homes."""
    house = House(tmp_path / "root", monkeypatch)
    with closing(house.store):
        house.furnish()
        yield house
