"""The previous release of the machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machines.previous import unpack_previous


@pytest.mark.parametrize("is_git_there", [True, False])
def test_without_the_history_this_release_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_git_there: bool
) -> None:
    """In a tree without the history, and on a machine without git, this release is taken, and named as such."""
    if not is_git_there:
        monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "tree/.venv").mkdir(parents=True)
    (tmp_path / "tree/Makefile").write_text("x")
    which = unpack_previous(tmp_path / "tree", tmp_path / "previous")
    assert which.startswith("from this release itself")
    assert [path.name for path in (tmp_path / "previous").iterdir()] == ["Makefile"]
