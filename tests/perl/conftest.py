"""A root with a small database of its own, and what runs Perl on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import Root
from tests.perl.kit import Script


@pytest.fixture(scope="session")
def _zoo(tmp_path_factory: pytest.TempPathFactory, _fresh: Path) -> Path:
    path = tmp_path_factory.mktemp("zoo") / "root"
    shutil.copytree(_fresh, path, symlinks=True)
    root = Root(path)
    root.db("zoo", "set", "Foo", "Bar")
    root.db("zoo", "set", "Squid", "cephalopod", "arms", "10", "species", "Loligo")
    root.db("zoo", "set", "Octopus", "cephalopod", "arms", "8", "species", "", "seas", "red,black,dead")
    return path


@pytest.fixture
def script(_zoo: Path, copy_root: Callable[[Path], Root]) -> Script:
    """Return what runs scripts on a root that has a database "zoo"."""
    return Script(copy_root(_zoo))
