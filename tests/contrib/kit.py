"""Contribs for the tests: one that works, and copies of it."""

from __future__ import annotations

import shutil
from pathlib import Path

#: A small contrib of our own, arranged as those of SME Server.
NOTICES = Path(__file__).parent / "smeserver-notices"


def copied(target: Path) -> Path:
    """Copy the contrib's sources and return where its ``etc/e-smith`` is."""
    shutil.copytree(NOTICES, target, symlinks=True)
    return target / "root/etc/e-smith"
