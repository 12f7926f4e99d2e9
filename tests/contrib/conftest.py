"""The copies of roots that checks of contribs make are in memory."""

from __future__ import annotations

import tempfile

import pytest

from tests.memory import memory


@pytest.fixture(autouse=True)
def _copies_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check makes and removes eight hundred directories, each of which some disks make it wait for."""
    monkeypatch.setattr(tempfile, "tempdir", memory())
