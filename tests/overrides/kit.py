"""Roots as an older version left them, and overrides in them."""

from __future__ import annotations

import os
from pathlib import Path

from esmith.digests import sha256
from esmith.layout import Layout
from esmith.overrides import Override, find
from esmith.overrides.record import record_bases, record_installed
from esmith.plan.host import DiskHost
from esmith.shipped import digests_in
from tests.commands import Root

CUSTOM = "/etc/e-smith/templates-custom"
#: The version that the older roots of the tests are of.
OLDER = "0.0.9"


def ship_older(root: Root, name: str, text: str | None) -> None:
    """Have a shipped file of a root be as an older version had it.

    :param name: its path below ``/etc/e-smith``.
    :param text: None for none.
    """
    path = root.file(f"/etc/e-smith/{name}")
    listed = root.file("/var/lib/e-smith/shipped")
    digests = digests_in(listed.read_bytes())
    if text is None:
        path.unlink()
        del digests[name]
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        digests[name] = sha256(text.encode()).hexdigest()
    listed.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())))


def forget_bases(root: Root) -> None:
    """Have a root be as one that an earlier version installed, which recorded nothing."""
    for path in root.file("/var/lib/e-smith/bases").iterdir():
        path.unlink()
    root.file("/var/lib/e-smith/bases").rmdir()
    root.file("/var/lib/e-smith/version").unlink()


def record(root: Root, *replaced: str, version: str = OLDER) -> None:
    """Do what ``esmith init`` does before it installs the shipped files.

    :param replaced: the shipped files that are about to be replaced, as paths below ``/etc/e-smith``.
    """
    layout = Layout(str(root.path))
    host = DiskHost(layout)
    record_bases(layout, host, [str(root.file(f"/etc/e-smith/{name}")) for name in replaced], version)
    host.close()


def note_installed(root: Root, version: str) -> None:
    """Do what ``esmith init`` does after it installed the shipped files."""
    layout = Layout(str(root.path))
    host = DiskHost(layout)
    record_installed(layout, host, version)
    host.close()


def found(root: Root) -> dict[str, Override]:
    """Return the overrides of a root, by their paths in templates-custom, else below ``/etc/e-smith``."""
    return {one.name.removeprefix("templates-custom"): one for one in find(Layout(str(root.path)))}


def states(root: Root) -> dict[str, str]:
    """Return the state of each override of a root."""
    return {name: one.state for name, one in found(root).items()}


def all_files(root: Root) -> dict[str, tuple[int, int]]:
    """Return inode and modification time of all files of a root: what writes nothing leaves them."""
    # The store notes beside its data file that it was verified, whoever reads it.
    folders = (place for place in os.walk(root.path) if not place[0].endswith("/home/e-smith/db"))
    paths = (Path(folder) / name for folder, _, names in folders for name in names)
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in paths}
