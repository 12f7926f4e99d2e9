"""What schema files hold, kept in the store beside the databases: parsing TOML takes longer than a whole ``setprop``.

A row is the text of one file and what it holds, which was in order. The file is read each time, and its row counts
where the text is the same to the byte; else the file is parsed. No time of a file is believed: it has steps, so a file
can change twice and look the same, and what was written a moment ago could not be remembered at all. The table says
nothing that the files do not, so a damaged or missing row costs time and nothing else.

``esmith init`` and ``initialize-databases`` read every file, and write all rows. Besides these a row is written with a
change that is stored anyway, never alone: what changes nothing needs no space on the disk.
"""

from __future__ import annotations

import marshal
import os
import sys
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.store.protocol import Snapshot, Transaction

#: The table of the engine, and how its rows are written: another version of Python may write them otherwise, and
#: another version of :mod:`esmith.schema.parse` may refuse what they hold.
TABLE = "schema"
FORMAT = 3
_FORMAT = b"%d %d.%d %d " % (FORMAT, *sys.version_info[:2], marshal.version)
#: The checksum of all that follows it, and how long the text of the file is, each in so many hexadecimal digits.
_DIGITS = 8
_TEXT_AT = len(_FORMAT) + 2 * _DIGITS


class RememberedFiles:
    """What schema files hold, as the store has it.

    :param rows: the databases; a schema that reads from them is of no use any more when they are closed.
    """

    def __init__(self, rows: Snapshot | Transaction) -> None:
        self._rows = rows
        self._new: dict[str, bytes] = {}

    def find(self, name: str, path: str) -> tuple[Any, bytes | None]:
        """Return what a file holds, None when that is not known, and its text.

        :param name: of the row.
        :param path: the file.
        :return: the second is None when the file cannot be read.
        """
        text = _text_of(path)
        row = self._rows.state(TABLE, name) if text is not None else None
        if text is None or row is None or row[:_TEXT_AT] != _head(text, row[_TEXT_AT:]):
            return None, text
        if row[_TEXT_AT : _TEXT_AT + len(text)] != text:
            return None, text
        try:
            return marshal.loads(row[_TEXT_AT + len(text) :]), text
        except (ValueError, TypeError, EOFError):
            return None, text

    def remember(self, name: str, text: bytes, data: Any) -> None:
        """Note what a file holds, for :meth:`store`.

        :param text: of which that was parsed.
        :param data: made of dictionaries, lists, texts, numbers and truth values; anything else is not noted.
        """
        try:
            content = text + marshal.dumps(data)
        except ValueError:
            return
        self._new[name] = _head(text, content) + content

    def store(self, transaction: Transaction) -> None:
        """Write what was noted with a transaction."""
        for name, row in self._new.items():
            transaction.set_state(TABLE, name, row)
        self._new.clear()


def _head(text: bytes, content: bytes) -> bytes:
    """Return what the row of a file begins with.

    :param content: the text and what it holds.
    """
    size = b"%0*x" % (_DIGITS, len(text))
    return _FORMAT + b"%0*x" % (_DIGITS, crc32(content, crc32(size))) + size


def _text_of(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # A byte more than it has: one call reads all of it, unless it grows meanwhile.
        text = os.read(descriptor, os.fstat(descriptor).st_size + 1)
        while more := os.read(descriptor, 1 << 16):
            text += more
        return text
    except OSError:
        return None
    finally:
        os.close(descriptor)
