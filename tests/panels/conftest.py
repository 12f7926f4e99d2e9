"""One office for all tests of panels: what they change is never stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.store import open_store
from tests.commands import copy_prepared
from tests.panels.kit import Desk, custom_files


@pytest.fixture(scope="package")
def office_copy(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the small office."""
    path = tmp_path_factory.mktemp("panels") / "root"
    copy_prepared(_office, path)
    return path


@pytest.fixture(scope="package")
def _desk(office_copy: Path) -> Iterator[Desk]:
    layout = Layout(str(office_copy))
    store = open_store(layout)
    with store.snapshot() as snapshot:
        yield Desk(layout, snapshot)
    store.close()


@pytest.fixture
def desk(_desk: Desk) -> Iterator[Desk]:
    """Return the small office; panels of the administrator are gone after the test."""
    yield _desk
    for path in custom_files(_desk.layout):
        path.unlink()
