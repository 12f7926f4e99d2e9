"""Each record whole in one row, beside its rows: a listing of a hundred thousand records reads one row for each.

The rows of a record are what counts; this holds the same once more. It is written in the transaction that changes them,
and counts only while it is of the revision of its database: a program that does not know it changes the revision alone,
and then the rows are read, and the next change makes it again.

A row has the key of the record, and holds ``=``, the type, name and value of each property, all with a NUL between, and
a newline. In the place of a long row stands :data:`LONG`: a change of one of a thousand properties must not write all
of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    import lmdb

    Rows = list[tuple[bytes, bytes]]

#: What the names of its tables begin with, before that of the database; and the table of their revisions.
TABLE, STAMPS = "=whole/", "=whole"
#: A longer row would get pages of its own (mdb.c: me_nodemax).
_MOST_BYTES = 1500
#: No name and no value holds this character.
LONG = b"\1"


def written(fields: Iterable[bytes]) -> bytes:
    """Return the row of a record.

    :param fields: its type, and name and value of each property in turn.
    """
    return b"=%b\n" % b"\0".join(fields)


def kept(row: bytes) -> bytes:
    """Return what is kept of the row of a record."""
    return row if len(row) <= _MOST_BYTES else LONG


def row_of(rows: lmdb.Cursor[bytes], key: bytes) -> bytes | None:
    """Return the row of a record, however long it is; None when there is no such record.

    :param rows: those of the database.
    """
    return _read(rows, key, None)


def update(txn: lmdb.Transaction[bytes], table: lmdb._Database, rows: lmdb._Database, keys: Iterable[bytes]) -> None:
    """Write the rows of some records again.

    :param table: of whole records.
    :param rows: those of the database.
    :param keys: of the records, in byte order.
    """
    with txn.cursor(rows) as cursor, txn.cursor(table) as whole:
        for key in keys:
            row = _read(cursor, key, _MOST_BYTES)
            if row is not None:
                whole.put(key, row)
            elif whole.set_key(key):
                whole.delete()


def _read(rows: lmdb.Cursor[bytes], key: bytes, most: int | None) -> bytes | None:
    """Return the row of a record, None when there is no such record.

    :param most: when it would be longer it is :data:`LONG`; None for any length.
    """
    first = key + b"\0"
    if not rows.set_key(first):
        return None
    fields = [rows.value()]
    size = 0
    start = len(first)
    while rows.next():
        name, value = rows.item()
        if not name.startswith(first):
            break
        size += len(name) - start + len(value) + 2
        if most is not None and size > most:
            return LONG
        fields += (name[start:], value)
    row = written(fields)
    return row if most is None else kept(row)
