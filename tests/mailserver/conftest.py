"""A home for the delivery program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mailserver.kit import Box


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """Return a home with a maildir, and the delivery program beside it."""
    return Box(tmp_path)
