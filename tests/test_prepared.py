"""The copies of a prepared root, which the other tests begin with."""

from __future__ import annotations

import os
from pathlib import Path

from tests.commands import copy_prepared


def _seen(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return all that the engine may see of each file below a folder, but for its inode."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        times = () if path.is_symlink() else (status.st_mtime_ns,)
        text = os.readlink(path) if path.is_symlink() else ""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_uid, status.st_gid, text, *times)
    return found


def test_a_copy_is_as_the_prepared_root(_office: Path, tmp_path: Path) -> None:
    """Modes, owners, links, and times to the nanosecond are those of the root, and so is what the files hold."""
    copy_prepared(_office, tmp_path / "copy")
    assert _seen(tmp_path / "copy") == _seen(_office)
    for path in filter(Path.is_file, _office.rglob("*")):
        if os.access(path, os.R_OK):
            assert (tmp_path / "copy" / path.relative_to(_office)).read_bytes() == path.read_bytes()


def test_a_file_that_nobody_may_read(tmp_path: Path) -> None:
    """A file whose mode keeps even its owner from reading it is copied with what it holds, and keeps the mode."""
    secret = tmp_path / "prepared/secret"
    secret.parent.mkdir()
    secret.write_text("x")
    secret.chmod(0)
    copy_prepared(secret.parent, tmp_path / "copy")
    for path in (secret, tmp_path / "copy/secret"):
        assert path.stat().st_mode & 0o7777 == 0
        path.chmod(0o600)
        assert path.read_text() == "x"


def test_copies_are_apart(tmp_path: Path) -> None:
    """What is written into one copy is in no other one, and not in the prepared root."""
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    (prepared / "file").write_text("as prepared")
    copy_prepared(prepared, tmp_path / "one")
    (tmp_path / "one/file").write_text("changed in place")
    copy_prepared(prepared, tmp_path / "two")
    assert (prepared / "file").read_text() == (tmp_path / "two/file").read_text() == "as prepared"
