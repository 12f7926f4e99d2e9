"""Which file the name of a database stands for, when it is no database of the root (docs/original.md#text-files)."""

from __future__ import annotations

import os

from esmith.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout

_DATABASES = "/home/e-smith/db"


def flat_path(layout: Layout, name: str, prefix: str = "") -> tuple[str, str]:
    """Return the path of a flat file, or the name of a database of the root.

    An absolute path is one of this disk, also under a root that is a folder. A name without a slash in front is below
    the directory of the databases. What is in that directory itself, however it is written, is a database.

    :param name: a path, or with a prefix also a name.
    :param prefix: the directory of DBPATH; it goes before every name.
    :return: the path and "", or "" and the name.
    :raises UsageError: when the path is not text.
    """
    if "\0" in name or any("\udc80" <= char <= "\udcff" for char in prefix + name):
        raise UsageError("the path of a database has to be UTF-8", hint="rename the file, or correct DBPATH")
    if prefix:
        path = os.path.abspath(f"{prefix}/{name}")
    elif name.startswith("/"):
        # Of two slashes in front abspath keeps both.
        path = os.path.abspath("/" + name.lstrip("/"))
    else:
        path = layout.under(f"{_DATABASES}/{name}")
    directory, base = os.path.split(path)
    if directory in (_DATABASES, layout.database) or _same_directory(directory, layout.database):
        return "", base
    return path, ""


def _same_directory(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
