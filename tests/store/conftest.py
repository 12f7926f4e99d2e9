"""Stores and roots that hold nothing yet, or the same records in every run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.store.protocol import Store
from tests.commands import Root
from tests.store.damage import GETPROP, fill, marked
from tests.store.stores import bare_root, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty store, open for writing."""
    path = tmp_path / "root"
    path.mkdir()
    with opened(path, create=True) as store:
        yield store


@pytest.fixture
def bare(tmp_path: Path) -> Root:
    """Return a root with the commands and an empty store only."""
    return bare_root(tmp_path / "root")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root with a filled store, to be copied."""
    root = bare_root(tmp_path_factory.mktemp("verified") / "root")
    fill(root)
    return root.path


@pytest.fixture
def used(filled: Path, tmp_path: Path) -> Root:
    """Return a root with a filled store that is marked."""
    shutil.copytree(filled, tmp_path / "root", symlinks=True)
    root = Root(tmp_path / "root")
    root.run(*GETPROP)
    assert marked(root)
    return root
