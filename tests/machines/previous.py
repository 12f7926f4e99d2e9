"""The release before this one, from which machines are upgraded.

It is a commit of this repository. A shallow clone, or a tree without git, does not have it: then this release stands
in, and the step says so.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

#: The previous release.
PREVIOUS = "43dc5fa"
_NOT_PART = shutil.ignore_patterns(".git", ".venv", "__pycache__", "dist", "demo-root", ".mypy_cache", ".pytest_cache")


def unpack_previous(repository: Path, place: Path) -> str:
    """Put the previous release, or else this one, into a folder.

    :param repository: a clone of the repository, or its files alone.
    :param place: the folder; it is made.
    :return: which one it is, for the line of a step.
    """
    archive = _archive(repository)
    if archive is None:
        shutil.copytree(repository, place, symlinks=True, ignore=_NOT_PART)
        return f"from this release itself: the commit {PREVIOUS} is not here (git fetch --unshallow)"
    place.mkdir()
    subprocess.run(["tar", "--extract", "--no-same-owner", "--directory", str(place)], input=archive, check=True)
    return f"from {PREVIOUS}"


def _archive(repository: Path) -> bytes | None:
    """Return the previous release as tar(1) packs it; None where there is no git, or not that commit."""
    words = ["git", "archive", PREVIOUS]
    try:
        done = subprocess.run(words, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
