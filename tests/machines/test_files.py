"""What the machines compare: the files of a root before and after."""

from __future__ import annotations

import os
from pathlib import Path

from tests.machines.files import compared, listing


def test_what_differs_is_found(tmp_path: Path) -> None:
    """New, lost and changed files are named: content, mode, kind and target of a link count, times do not."""
    for name in ("same", "gone", "text", "mode", "kind", "touched"):
        (tmp_path / name).write_text("x")
    (tmp_path / "link").symlink_to("same")
    (tmp_path / "dev").mkdir()
    before = listing(tmp_path)
    (tmp_path / "gone").unlink()
    (tmp_path / "text").write_text("y")
    (tmp_path / "mode").chmod(0o600)
    (tmp_path / "kind").unlink()
    (tmp_path / "kind").mkdir()
    (tmp_path / "kind/new").write_text("x")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("text")
    (tmp_path / "dev/x").write_text("not looked at")
    os.utime(tmp_path / "touched", (1, 1))
    lines = ["- /gone", "! /kind", "+ /kind/new", "! /link", "! /mode", "! /text"]
    assert compared(before, listing(tmp_path), []) == lines
    assert compared(before, listing(tmp_path), ["/kind*", "/mode"]) == ["- /gone", "! /link", "! /text"]
    assert compared(before, before, []) == []
