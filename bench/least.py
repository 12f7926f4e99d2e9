"""The least work for a task: what any program takes that is written in Python and keeps settings in LMDB.

The measurements run it beside a command, as a process of its own: ``python -IS least.py PACKAGES WORD ARGUMENT...``,
where PACKAGES is the directory of the package lmdb. It starts without ``site``, does the one thing that the task cannot
do without, checks nothing, and ends at once. A goal below this cannot be met.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import lmdb

#: More databases than a store has, and a size that no file of the measurements reaches, in bytes.
_MOST_DATABASES, _MAP_BYTES = 256, 2**32


def _environment(folder: str, *, write: bool) -> lmdb.Environment:
    import lmdb

    return lmdb.open(folder, max_dbs=_MOST_DATABASES, map_size=_MAP_BYTES, readonly=not write, create=False)


def read(folder: str, database: str, key: str, prop: str) -> bytes:
    """Return one property."""
    env = _environment(folder, write=False)
    with env.begin() as txn:
        return txn.get(f"{key}\0{prop}".encode(), db=env.open_db(database.encode(), txn=txn, create=False)) or b""


def write(folder: str, database: str, key: str, prop: str, value: str) -> bytes:
    """Write one property durably: one transaction, without a journal."""
    env = _environment(folder, write=True)
    with env.begin(write=True) as txn:
        table = env.open_db(database.encode(), txn=txn, create=False)
        txn.put(f"{key}\0{prop}".encode(), value.encode(), db=table)
    return b""


def keys(folder: str, database: str) -> bytes:
    """Return the keys of all records."""
    env = _environment(folder, write=False)
    with env.begin() as txn, txn.cursor(env.open_db(f"=whole/{database}".encode(), txn=txn, create=False)) as cursor:
        return b"\n".join(cursor.iternext(values=False))


def rows(folder: str, database: str) -> bytes:
    """Return all records as they are stored."""
    env = _environment(folder, write=False)
    with env.begin() as txn, txn.cursor(env.open_db(f"=whole/{database}".encode(), txn=txn, create=False)) as cursor:
        return b"".join([part for item in cursor for part in item])


def look(listing: str) -> bytes:
    """Look at files once.

    :param listing: a file with their paths, a NUL after each.
    """
    with open(listing, "rb") as file:
        for path in file.read().split(b"\0")[:-1]:
            os.lstat(path)
    return b""


WORDS = {function.__name__: function for function in (read, write, keys, rows, look)}

if __name__ == "__main__":
    packages, word, *arguments = sys.argv[1:]
    sys.path.append(packages)
    os.write(1, WORDS[word](*arguments))
    os._exit(0)
