"""Fixtures: a root with events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.events.kit import Scene


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A root with databases, without templates and events; services are recorded."""
    scene = Scene(tmp_path / "root", monkeypatch)
    yield scene
    scene.store.close()
