"""The copies of roots that checks of contribs make are in memory."""

from __future__ import annotations

import os
import tempfile

import pytest


@pytest.fixture(autouse=True)
def _copies_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check makes and removes eight hundred directories, each of which some disks make it wait for."""
    if os.access("/dev/shm", os.W_OK):
        monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")
