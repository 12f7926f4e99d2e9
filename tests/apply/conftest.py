"""Fixtures: a root to apply plans in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apply.kit import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A root with databases and no templates."""
    bench = Bench(tmp_path / "root")
    yield bench
    bench.store.close()
