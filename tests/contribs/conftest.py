"""What the tests of this folder share: what events do without a contrib."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contribs.play import Without


@pytest.fixture(scope="session")
def without(tmp_path_factory: pytest.TempPathFactory, _office: Path) -> Without:
    """Return what events do without any contrib."""
    return Without(tmp_path_factory.mktemp("without"), _office)
