"""A command that leaves out one way of making files durable: ``python -m tests.power.without NAME SCRIPT WORD...``.

So a test sees that the proof notices it.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from typing import Any

#: The exit code of a command that ended as if it was killed.
KILLED = 99


def _host_sync() -> None:
    """Do not sync the directories after an install."""
    from esmith.plan.host import DiskHost

    setattr(DiskHost, "sync", lambda self, directories: None)  # noqa: B010 - the type has no such method


def _directory_sync() -> None:
    """Do not sync any directory."""
    from esmith.disk import Directory

    setattr(Directory, "sync", lambda self: None)  # noqa: B010


def _file_sync() -> None:
    """Do not sync new files."""
    import os

    from esmith.disk import directory

    class WithoutSync:
        """The module os, where fsync does nothing."""

        def __getattr__(self, name: str) -> Any:
            return (lambda descriptor: None) if name == "fsync" else getattr(os, name)

    setattr(directory, "os", WithoutSync())  # noqa: B010


def _store_sync() -> None:
    """Do not sync the databases."""
    import lmdb

    real = lmdb.open
    setattr(lmdb, "open", lambda *words, **options: real(*words, **options, sync=False))  # noqa: B010


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
    "directory-sync": _directory_sync,
    "file-sync": _file_sync,
    "store-sync": _store_sync,
    "end": _end,
}

if __name__ == "__main__":
    _, name, script, *_ = sys.argv
    WITHOUT[name]()
    sys.argv = sys.argv[2:]
    runpy.run_path(script, run_name="__main__")
