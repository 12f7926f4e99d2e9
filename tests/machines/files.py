"""What files a root has, so that a removal can be compared with what was there before."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

#: Not looked at: what every machine changes by itself, the files of the repository, and what apt and Python keep.
_NOT_LOOKED_AT = ("/dev", "/proc", "/sys", "/run", "/tmp", "/root", "/var/cache", "/var/lib/apt", "/var/lib/dpkg")


def listing(root: Path) -> dict[str, str]:
    """Return the files of a root: the path of each, with its kind, mode, owner and content as a text.

    :param root: the folder of the root.
    """
    found: dict[str, str] = {}
    for directory, directories, files in os.walk(root):
        inside = os.path.join("/", os.path.relpath(directory, root)).removesuffix("/.") or "/"
        directories[:] = [name for name in directories if os.path.join(inside, name) not in _NOT_LOOKED_AT]
        for name in (*directories, *files):
            found[os.path.join(inside, name)] = _what(os.path.join(directory, name))
    return found


def compared(before: dict[str, str], after: dict[str, str], allowed: Iterable[str]) -> list[str]:
    """Return what differs, a line each: ``+ PATH`` is new, ``- PATH`` is gone, ``! PATH`` is another file.

    :param allowed: patterns of paths that may differ.
    """
    patterns = list(allowed)
    lines = []
    for path in sorted({*before, *after}):
        if before.get(path) == after.get(path) or any(fnmatchcase(path, pattern) for pattern in patterns):
            continue
        mark = "+" if path not in before else "-" if path not in after else "!"
        lines.append(f"{mark} {path}")
    return lines


def _what(path: str) -> str:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return f"link to {os.readlink(path)}"
    what = f"{status.st_mode:o} {status.st_uid}:{status.st_gid}"
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            what += f" {hashlib.file_digest(file, 'sha256').hexdigest()}"
    return what
