"""A command that leaves something out, such as one way of making files durable, so that a test sees it noticed.

``batched`` leaves out nothing.

``python -m tests.power.without NAME SCRIPT WORD...``
"""

from __future__ import annotations

import functools
import runpy
import sys
from collections.abc import Callable
from typing import Any

#: The exit code of a command that ended as if it was killed.
KILLED = 99


def _host_sync() -> None:
    """Do not sync the directories after an install."""
    from esmith.plan.host import DiskHost

    def sync(_self: DiskHost, _directories: set[str]) -> None:
        pass

    setattr(DiskHost, "sync", sync)  # noqa: B010 - an assignment would be an error of types


def _kept_sync() -> None:
    """Do not sync the directories of old files that are kept."""
    from esmith.disk import Directory

    real = Directory.sync

    def sync(self: Directory) -> None:
        if "/generations" not in self.path:
            real(self)

    setattr(Directory, "sync", sync)  # noqa: B010


class _WithoutSync:
    """The module os, where fsync does nothing."""

    def __getattr__(self, name: str) -> Any:
        import os

        return (lambda _: None) if name == "fsync" else getattr(os, name)


def _file_sync() -> None:
    """Do not sync new files."""
    from esmith.disk import directory

    setattr(directory, "os", _WithoutSync())  # noqa: B010


def _backup_sync() -> None:
    """Do not sync a backup, nor its directory."""
    from esmith.backup import write

    setattr(write, "os", _WithoutSync())  # noqa: B010


def _store_sync() -> None:
    """Do not sync the databases."""
    import lmdb

    setattr(lmdb, "open", functools.partial(lmdb.open, sync=False))  # noqa: B010


def _batched() -> None:
    """Leave out nothing, and sync together what is synced together at most when there is much of it."""
    from esmith.disk import batch

    setattr(batch, "_MANY", 0)  # noqa: B010
    setattr(batch, "_unwritten_bytes", lambda: 0)  # noqa: B010
    setattr(batch, "_reports_errors", lambda: True)  # noqa: B010
    setattr(batch, "_KNOWN_KINDS", type("Every", (), {"__contains__": lambda *_: True})())  # noqa: B010


def _batch_sync() -> None:
    """Do not sync the file system, where files are synced together."""
    from esmith.disk import batch

    _batched()
    setattr(batch, "sync_file_system", lambda _: True)  # noqa: B010


def _end() -> None:
    """End as if it was killed when the third file is to be installed."""
    import os

    from esmith.plan.host import DiskHost, Staged

    real, staged = DiskHost.install, []

    def install(self: DiskHost, file: Staged) -> None:
        staged.append(file)
        if len(staged) == 3:
            os._exit(KILLED)
        real(self, file)

    setattr(DiskHost, "install", install)  # noqa: B010


WITHOUT: dict[str, Callable[[], None]] = {
    "host-sync": _host_sync,
    "kept-sync": _kept_sync,
    "file-sync": _file_sync,
    "backup-sync": _backup_sync,
    "store-sync": _store_sync,
    "batched": _batched,
    "batch-sync": _batch_sync,
    "end": _end,
}

if __name__ == "__main__":
    name, script = sys.argv[1:3]
    WITHOUT[name]()
    sys.argv = sys.argv[2:]
    runpy.run_path(script, run_name="__main__")
