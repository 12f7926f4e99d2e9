"""Folders that others may write: a backup, and the removal of old ones, cannot be led elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmith.backup.folder import open_folder
from esmith.backup.keep import write_to_folder
from esmith.errors import StoreError
from esmith.store import open_store
from tests.backup.kit import Small


@pytest.mark.root
def test_a_link_of_a_user(tmp_path: Path) -> None:
    """Where a user leads to the folder of all backups none is made or removed there; root's own link is followed."""
    small = Small(tmp_path / "root")
    store = open_store(small.layout)
    own, users = tmp_path / "own", tmp_path / "users"
    write_to_folder(small.layout, store, str(own), 1, [])
    users.mkdir()
    os.chown(users, 4711, -1)
    for name in ("direct", "above"):
        (users / name).symlink_to(own if name == "direct" else tmp_path)
    for path in (users / "direct", users / "above/own"):
        with pytest.raises(StoreError) as caught:
            write_to_folder(small.layout, store, str(path), 1, [])
        assert "no link in it is followed" in caught.value.hint
    assert len(list(own.iterdir())) == 1
    link = tmp_path / "link"
    link.symlink_to(own)
    made, _, _ = write_to_folder(small.layout, store, str(link), None, [])
    assert (own / Path(made.file).name).exists()
    store.close()


def test_a_folder_that_is_made(tmp_path: Path) -> None:
    """It is private, and those above it are not; what is there keeps its mode."""
    os.close(open_folder(str(tmp_path / "a/b"), make=True))
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a/b")] == [0o755, 0o700]
    os.close(open_folder(str(tmp_path / "a"), make=True))
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755
    with pytest.raises(StoreError, match="no such file"):
        open_folder(str(tmp_path / "none"))
