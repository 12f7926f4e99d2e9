"""Fixtures: an empty pair of layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fragments.kit import Trees


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    """Templates under a root of their own; there are none yet."""
    return Trees(tmp_path / "root")
