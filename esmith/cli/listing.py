"""What ``print``, ``show`` and ``printtype`` print of a whole database, made of bytes as they are stored.

A server may have a hundred thousand records, and a record as an object takes longer to make than to print.
"""

from __future__ import annotations

from itertools import chain

from esmith.cli.output import print_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.store.protocol import Snapshot

    #: Keys and rows, as :meth:`esmith.store.protocol.Snapshot.blocks` has them.
    Rows = list[tuple[bytes, bytes]]

#: As much output is kept until the database is closed: whoever reads it may take his time, and meanwhile pages that
#: other commands give up could not be used again.
_KEPT_BYTES = 2**24


class Listed:
    """What a verb prints of all records. Where it is much it is printed as it is made; the rest is kept.

    :param verb: ``print``, ``show`` or ``printtype``.
    :raises EsmithError: when the output cannot be written.
    """

    def __init__(self, snapshot: Snapshot, database: str, verb: str) -> None:
        self.is_empty = True
        self._kept: list[bytes] = []
        form, size = _FORMS[verb], 0
        for rows in snapshot.blocks(database):
            self.is_empty = False
            lines = form(rows)
            self._kept.append(lines)
            size += len(lines)
            if size > _KEPT_BYTES:
                self.print_rest()

    def print_rest(self) -> None:
        """Print what was kept.

        :raises EsmithError: when it cannot be written.
        """
        for lines in self._kept:
            print_bytes(lines)
        self._kept.clear()


def _printed(rows: Rows) -> bytes:
    text = b"".join(chain.from_iterable(rows))
    if b"|" in text:
        text = b"".join(chain.from_iterable((key, _escaped(row)) for key, row in rows))
    return text.replace(b"\0", b"|")


def _escaped(row: bytes) -> bytes:
    r"""Return a row with ``\|`` for each bar in a value."""
    fields = row.split(b"\0")
    fields[2::2] = [value.replace(b"|", b"\\|") for value in fields[2::2]]
    return b"\0".join(fields)


def _types(rows: Rows) -> bytes:
    return b"".join([b"%b%b\n" % (key, row[:-1].partition(b"\0")[0]) for key, row in rows])


def _shown(rows: Rows) -> bytes:
    text = b"".join(chain.from_iterable(rows))
    if b"=\0" in text:
        # The original shows no properties of a record that has no type; scripts compare listings to the byte.
        text = b"".join(chain.from_iterable((key, b"=\n" if row[1:2] == b"\0" else row) for key, row in rows))
    # The field of a record's last value has what follows it as well: a newline, and the next record's key and type.
    fields = iter(text.split(b"\0"))
    return b"\n    ".join([next(fields), *map(b"=".join, zip(fields, fields, strict=True))])


_FORMS: dict[str, Callable[[Rows], bytes]] = {"print": _printed, "show": _shown, "printtype": _types}
