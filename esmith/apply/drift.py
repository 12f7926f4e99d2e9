"""Which generated files are no longer what the engine wrote."""

from __future__ import annotations

from esmith.disk import Disk
from esmith.layout import Layout
from esmith.plan.installed import TABLE, Installed, digest_of
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
        what = _drift(disk, layout.under(path), installed)
        if what:
            found[path] = what
    return found


def _drift(disk: Disk, target: str, installed: Installed) -> str:
    """Return what happened to a file, "" for nothing."""
    status = None
    try:
        status = disk.look(target)
        if status is None:
            return "removed"
        if installed.is_untouched(status) or digest_of(disk.content(target)) == installed.digest:
            return ""
    except FileNotFoundError:
        return "removed"
    except OSError as error:
        # Of a file with mode 0000 in a copy of the root that is all its owner can see.
        untouched = status is not None and installed.may_be_untouched(status)
        return "" if untouched else f"cannot be read: {error.strerror}"
    return "edited by hand"


def count_installed(snapshot: Snapshot) -> int:
    """Return how many files the engine keeps."""
    return sum(not Installed.decode(row).is_absent for _, row in snapshot.states(TABLE))
