"""Which generated files are no longer what the engine wrote."""

from __future__ import annotations

from esmith.apply.installed import TABLE, Installed, digest_of
from esmith.layout import Layout
from esmith.store.protocol import Snapshot


def find_drift(layout: Layout, snapshot: Snapshot) -> dict[str, str]:
    """Return the generated files that were edited or removed by hand, each with what happened to it.

    Only files whose size, time or inode changed are read.
    """
    found: dict[str, str] = {}
    disk = layout.disk()
    for path, row in snapshot.states(TABLE):
        installed = Installed.decode(row)
        if installed.is_absent:
            continue
        target = layout.under(path)
        try:
            if installed.is_untouched(target):
                continue
            digest = digest_of(disk.content(target))
        except FileNotFoundError:
            found[path] = "removed"
        except OSError as error:
            # Of a file with mode 0000 in a copy of the root that is all its owner can see.
            if not installed.may_be_untouched(target):
                found[path] = f"cannot be read: {error.strerror}"
        else:
            if digest != installed.digest:
                found[path] = "edited by hand"
    return found


def count_installed(snapshot: Snapshot) -> int:
    """Return how many files the engine keeps."""
    return sum(not Installed.decode(row).is_absent for _, row in snapshot.states(TABLE))
