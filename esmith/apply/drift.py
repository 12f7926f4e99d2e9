"""Which generated files are no longer what the engine wrote."""

from __future__ import annotations

import hashlib
import os

from esmith.apply.plan import TABLE, Installed
from esmith.layout import Layout
from esmith.store.protocol import Snapshot


def find_drift(layout: Layout, snapshot: Snapshot) -> dict[str, str]:
    """Return the generated files that were edited or removed by hand, each with what happened to it.

    Only files whose size, time or inode changed are read.
    """
    found: dict[str, str] = {}
    for path, row in snapshot.states(TABLE):
        installed = Installed.decode(row)
        target = layout.under(path)
        try:
            if installed.is_untouched(target):
                continue
            digest = hashlib.sha256(_content(target)).hexdigest()
        except FileNotFoundError:
            found[path] = "removed"
        except OSError as error:
            found[path] = f"cannot be read: {error.strerror}"
        else:
            if digest != installed.digest:
                found[path] = "edited by hand"
    return found


def _content(target: str) -> bytes:
    if os.path.islink(target):
        return os.fsencode(os.readlink(target))
    with open(target, "rb") as file:
        return file.read()


def count_installed(snapshot: Snapshot) -> int:
    """Return how many files the engine keeps."""
    return sum(1 for _ in snapshot.states(TABLE))
