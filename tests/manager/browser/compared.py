"""Two roots beside each other: their databases, and the files that were generated."""

from __future__ import annotations

import difflib

from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.toml_text import toml_text
from tests.commands import Root

#: What is generated is there.
_FOLDERS = ("/etc", "/var/qmail", "/var/service", "/home/e-smith/files")
#: What differs from one root to another in any case: keys that are made, and what was compiled or noted.
_OWN = ("/etc/e-smith/", "/etc/shadow")


def databases(root: Root) -> str:
    """Return all databases of a root as text."""
    # As ``esmith export --toml`` does; not as a command, since it is asked for often.
    with open_store(Layout(str(root.path))).snapshot() as snapshot:
        return toml_text(snapshot, snapshot.databases())


def files(root: Root) -> dict[str, str]:
    """Return the generated files of a root, by path: mode and text, with the path of the root as ``{root}``."""
    found = {}
    for path, (content, mode, _inode, _time) in root.snapshot(*_FOLDERS).items():
        if not path.startswith(_OWN):
            text = content.decode("utf-8", "backslashreplace").replace(str(root.path), "{root}")
            found[path] = f"mode {mode & 0o7777:04o}\n{text}"
    return found


def difference(one: Root, other: Root) -> str:
    """Return how two roots differ, as text; "" when they do not."""
    parts = _unlike("databases", databases(one), databases(other))
    first, second = files(one), files(other)
    for path in sorted(first.keys() | second.keys()):
        parts += _unlike(path, first.get(path, "not there"), second.get(path, "not there"))
    return "\n".join(parts)


def _unlike(name: str, one: str, other: str) -> list[str]:
    if one == other:
        return []
    return list(difflib.unified_diff(one.splitlines(), other.splitlines(), name, name, lineterm="", n=1))
