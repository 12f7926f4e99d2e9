"""What schema files hold, kept in the store beside the databases: reading TOML takes longer than a whole ``setprop``.

A row is what one file holds, with what the file looked like: device, inode, size and both times. While the file
looks so, its row is read in its place; else the file is. A file that was changed less than :data:`_SETTLED_SECONDS` ago
is always read: it could change again and look the same. The table says nothing that the files do not, so a damaged or
missing row costs time and nothing else.

The rows are written with a change that is stored anyway, never alone.
"""

from __future__ import annotations

import marshal
import os
import sys
import time
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.store.protocol import Snapshot, Transaction

#: The table of the engine, and how its rows are written: another version of Python may write them otherwise.
TABLE = "schema"
_FORMAT = b"1 %d.%d %d " % (*sys.version_info[:2], marshal.version)
#: The time of a file has steps, and nothing shows that it changed twice in one.
_SETTLED_SECONDS = 2


class RememberedFiles:
    """What schema files hold, as the store has it.

    :param rows: the databases; a schema that reads from them is of no use any more when they are closed.
    """

    def __init__(self, rows: Snapshot | Transaction) -> None:
        self._rows = rows
        self._new: dict[str, bytes] = {}

    def find(self, name: str, path: str) -> tuple[Any, bytes | None]:
        """Return what a file holds, None when that is not known, and what the file looks like.

        :param name: of the row.
        :param path: the file.
        :return: the second is for :meth:`remember`; None when it has changed only now, or is not there.
        """
        looks = _looks_of(path)
        row = self._rows.state(TABLE, name) if looks is not None else None
        if looks is None or row is None or not row.startswith(looks):
            return None, looks
        checksum, content = row[len(looks) : len(looks) + 8], row[len(looks) + 8 :]
        if checksum != b"%08x" % crc32(content, crc32(looks)):
            return None, looks
        try:
            return marshal.loads(content), looks
        except (ValueError, TypeError, EOFError):
            return None, looks

    def remember(self, name: str, looks: bytes | None, data: Any) -> None:
        """Note what a file holds, for :meth:`store`.

        :param looks: what it looked like before it was read.
        :param data: made of dictionaries, lists, texts, numbers and truth values; anything else is not noted.
        """
        if looks is None:
            return
        try:
            content = marshal.dumps(data)
        except ValueError:
            return
        self._new[name] = b"%s%08x%s" % (looks, crc32(content, crc32(looks)), content)

    def store(self, transaction: Transaction) -> None:
        """Write what was noted with a transaction."""
        for name, row in self._new.items():
            transaction.set_state(TABLE, name, row)
        self._new.clear()


def _looks_of(path: str) -> bytes | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    if abs(time.time() - max(status.st_mtime, status.st_ctime)) < _SETTLED_SECONDS:
        return None
    numbers = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return _FORMAT + b"%d %d %d %d %d\n" % numbers
