"""A root in which passwords were used, and where they are found."""

from __future__ import annotations

import time

from tests.commands import Root

FIRST, SECOND, NOW = "tru5tno1", "c0rrect-horse", "n0w-in-use"
CELL = ("configuration", "box", "Password")
LOG = "/var/log/e-smith/events.log"


def traces(root: Root, *values: str) -> dict[str, list[str]]:
    """Return every file below the root that holds one of some values."""
    found: dict[str, list[str]] = {}
    for path in sorted(root.path.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            held = [value for value in values if value.encode() in data]
            if held:
                found["/" + str(path.relative_to(root.path))] = held
    return found


def outlive_the_clock(root: Root) -> None:
    """Wait until the fragments of a root are so old that what files are made from is remembered."""
    fragments = [*root.file("/etc/e-smith").rglob("*")]
    newest = max(path.lstat().st_ctime for path in fragments)
    while time.time() < newest + 1.01:
        time.sleep(0.05)
