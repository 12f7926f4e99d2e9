"""Fixtures: a root with databases, a password, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.manager.helper import login
from tests.manager.helper.kit import small_root

#: A hash of nobody's password that is as cheap as those of the tests.
CHEAP_HASH = "$argon2id$v=19$m=8,t=1,p=1$t8C7MblbtD4rw7/vYp/yrQ$g8pT1OhycvB6se19uBbFUK0eNmOP5DyumUtkdCfqkA8"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """Return the root; to look at its password costs next to nothing."""
    monkeypatch.setattr(login, "COST", (1, 8, 1))
    monkeypatch.setattr(login, "_NO_HASH", CHEAP_HASH)
    return small_root(tmp_path / "root")
