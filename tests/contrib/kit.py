"""Contribs for the tests: one that works, and copies of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

#: A small contrib of our own, arranged as those of SME Server.
NOTICES = Path(__file__).parent / "smeserver-notices"

#: Writes something below ``etc/e-smith`` of a contrib.
Write = Callable[[Path], object]


def copied(target: Path) -> Path:
    """Copy the contrib's sources and return where its ``etc/e-smith`` is."""
    shutil.copytree(NOTICES, target, symlinks=True)
    return target / "root/etc/e-smith"


def written(name: str, text: str, mode: int = 0o644) -> Write:
    """Return what writes a file."""

    def write(base: Path) -> None:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(mode)

    return write


def linked(name: str, target: str) -> Write:
    """Return what makes a symbolic link."""

    def link(base: Path) -> None:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        os.symlink(target, path)

    return link
