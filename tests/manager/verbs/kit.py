"""A desk: verbs called in this process, as a child of the helper calls them, and what came of it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from esmith.layout import Layout
from esmith.manager.helper import jobs, process
from esmith.manager.helper.context import Context, VerbError
from esmith.manager.helper.verbs import changes, panels
from tests.store.stores import opened

VERBS = {**changes.VERBS, **panels.VERBS}
#: Far longer than any job takes.
_LIMIT_SECONDS = 60.0


class Desk:
    """Who asks for changes of a root.

    :param path: the root.
    :param account: the account that is logged in.
    """

    def __init__(self, path: Path, account: str = "admin") -> None:
        self.path = path
        self.layout = Layout(str(path))
        self.context = Context(self.layout, account, "192.0.2.7")

    def call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Call a verb, and return its result."""
        found: dict[str, Any] = VERBS[verb](self.context, arguments)
        return found

    def refusal(self, verb: str, **arguments: Any) -> VerbError:
        """Call a verb that refuses, and return how."""
        with pytest.raises(VerbError) as found:
            self.call(verb, **arguments)
        return found.value

    def preview(self, operation: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Return the preview of an operation."""
        return self.call("preview", operation=operation, **more)

    def apply(self, operation: dict[str, Any], confirm: float | None = None) -> dict[str, Any]:
        """Apply an operation, and return its job when that has ended."""
        return self.ended(self.call("apply", operation=operation, confirm=confirm)["id"])

    def ended(self, job: str) -> dict[str, Any]:
        """Return a job when it has ended."""
        deadline = time.monotonic() + _LIMIT_SECONDS
        while (found := self.call("job", job=job))["state"] == "running":
            assert time.monotonic() < deadline, found
            time.sleep(0.01)
        return found

    def revision(self) -> int:
        """Return the last revision."""
        with opened(self.path, write=False) as store, store.snapshot() as snapshot:
            return snapshot.revision()

    def value(self, key: str, prop: str = "", database: str = "configuration") -> str | None:
        """Return what is stored."""
        with opened(self.path, write=False) as store, store.snapshot() as snapshot:
            return snapshot.prop(database, key, prop)

    def setting(self, key: str, database: str = "configuration", **more: Any) -> dict[str, Any]:
        """Return an operation on a record, made from what is stored now."""
        given = {"database": database, "key": key, "values": {}, "revision": self.revision()}
        return {"kind": "setting", **given, **more}

    def file(self, path: str) -> Path:
        """Return where a path of the configured system is."""
        return self.path / path.lstrip("/")

    def looks(self, *others: str) -> dict[str, tuple[int, int, int]]:
        """Return how all files look but those of the engine: inode, mode and time of the last change.

        :param others: more directories, below the root, that are not looked at.
        """
        found = {}
        ours = tuple(str(self.path / one) for one in ("var/lib/e-smith", "var/log", "home/e-smith/db", *others))
        for folder, names, files in os.walk(self.path):
            names[:] = [name for name in names if not os.path.join(folder, name).startswith(ours)]
            for name in files:
                status = os.lstat(os.path.join(folder, name))
                found[os.path.join(folder, name)] = (status.st_ino, status.st_mode, status.st_mtime_ns)
        return found


def run_here(patch: pytest.MonkeyPatch) -> None:
    """Have jobs be done in this process, before the verb returns, so that its services can be recorded."""

    def start(work: Any, _descriptor: int, environment: dict[str, str]) -> None:
        with pytest.MonkeyPatch.context() as own:
            for name, value in environment.items():
                own.setenv(name, value)
            work()

    patch.setattr(process, "start", start)


def process_of(desk: Desk, job: str) -> int:
    """Return the number of the process of a job; 0 before it has noted that."""
    lines = jobs.read_lines(desk.layout, job)
    return next((line["pid"] for line in lines if line["kind"] == "started"), 0)
