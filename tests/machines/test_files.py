"""What the machines compare: the files of a root before and after."""

from __future__ import annotations

import os
from pathlib import Path

from tests.machines.files import compared, listing, of_packages


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


def test_files_of_packages(tmp_path: Path) -> None:
    """What dpkg lists is known, and what it lists in /bin and /lib also below /usr, where it really is."""
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "a.list").write_text("/.\n/bin\n/bin/sh\n/usr/share/doc\n")
    (info / "b.list").write_text("/lib/x.so\n")
    assert {"/bin/sh", "/usr/bin/sh", "/usr/share/doc", "/lib/x.so", "/usr/lib/x.so"} <= of_packages(tmp_path)
