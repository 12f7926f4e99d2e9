"""Users and groups of a root: its own ``/etc/passwd`` and ``/etc/group`` where it has them, else the machine's."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass

from esmith.layout import Layout


@dataclass(frozen=True)
class User:
    """One account, as in passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


def find_user(layout: Layout, name: str) -> User | None:
    """Return the account of a user, None when there is none."""
    fields = _own_line(layout, "/etc/passwd", name, 7)
    if fields is not None:
        return User(name, int(fields[2]), int(fields[3]), fields[5], fields[6]) if fields else None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return User(name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell)


def find_group(layout: Layout, name: str) -> int | None:
    """Return the number of a group, None when there is none."""
    fields = _own_line(layout, "/etc/group", name, 4)
    if fields is not None:
        return int(fields[2]) if fields else None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _own_line(layout: Layout, path: str, name: str, count: int) -> list[str] | None:
    """Return the fields of a name in the root's own file: [] when not in it, None when the root has no such file."""
    if layout.is_machine or not os.path.isfile(layout.under(path)):
        return None
    with open(layout.under(path), encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.rstrip("\n").split(":")
            if fields[0] == name and len(fields) == count and fields[2].isdigit():
                return fields
    return []
