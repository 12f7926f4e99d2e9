"""Each record whole in one row, beside its rows: a listing of a hundred thousand records reads one row for each.

The rows of a record are what counts; this holds the same once more. It is written in the transaction that changes them,
and counts only while it is of the revision of its database: a program that does not know it changes the revision alone,
and then the rows are read, and the next change makes it again.

A row has the key of the record, and holds ``=``, the type, name and value of each property, all with a NUL between, and
a newline. In the place of a long row stands :data:`LONG`: a change of one of a thousand properties must not write all
of them.
"""

from __future__ import annotations

from itertools import chain, islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import lmdb

    Rows = list[tuple[bytes, bytes]]

#: What the names of its tables begin with, before that of the database; and the table of their revisions.
TABLE, STAMPS = "=whole/", "=whole"
#: A longer row would get pages of its own (mdb.c: me_nodemax).
_MOST_BYTES = 1500
#: No name and no value holds this character.
LONG = b"\1"
#: How many rows are read at once.
_AT_ONCE = 1000


def written(fields: Iterable[bytes]) -> bytes:
    """Return the row of a record.

    :param fields: its type, and name and value of each property in turn.
    """
    return b"=%b\n" % b"\0".join(fields)


def blocks(cursor: lmdb.Cursor[bytes]) -> Iterator[Rows]:
    """Yield keys and rows of all records, many at once; that of a long record is :data:`LONG`.

    :param cursor: in the table of whole records.
    """
    found = cursor.iternext()
    while block := list(islice(found, _AT_ONCE)):
        yield block


def fill_in(block: Rows, rows: lmdb.Cursor[bytes]) -> Rows:
    """Return a block with the rows of its long records.

    :param rows: in the rows of the database.
    """
    return [(key, (_read(rows, key, None) or b"") if row == LONG else row) for key, row in block]


def blocks_of_rows(rows: lmdb.Cursor[bytes]) -> Iterator[Rows]:
    """Yield the same, made of the rows of the database."""
    found: Rows = []
    key: bytes | None = None
    fields: list[bytes] = []
    cells = rows.iternext()
    while text := b"\0".join(chain.from_iterable(islice(cells, _AT_ONCE))):
        parts = iter(text.split(b"\0"))
        for name, prop, value in zip(parts, parts, parts, strict=True):
            if prop and key is not None:
                fields += (prop, value)
                continue
            if key is not None:
                found.append((key, written(fields)))
            key, fields = name, [value]
        if found:
            yield found
            found = []
    if key is not None:
        yield [(key, written(fields))]


def read(txn: lmdb.Transaction[bytes], table: lmdb._Database, rows: lmdb._Database, key: bytes) -> bytes:
    """Return the row of a record, however long it is.

    :param table: of whole records.
    :param rows: those of the database.
    """
    row = txn.get(key, db=table)
    if row is not None and row != LONG:
        return row
    with txn.cursor(rows) as cursor:
        return _read(cursor, key, None) or b""


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


def make(txn: lmdb.Transaction[bytes], table: lmdb._Database, rows: lmdb._Database) -> None:
    """Write the rows of all records again."""
    txn.drop(table, delete=False)
    with txn.cursor(rows) as cursor, txn.cursor(table) as whole:
        for block in blocks_of_rows(cursor):
            for key, row in block:
                whole.put(key, row if len(row) <= _MOST_BYTES else LONG, append=True)


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
    return row if most is None or len(row) <= most else LONG
