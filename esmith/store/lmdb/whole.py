"""Each record whole in one row, beside its rows: a listing of a hundred thousand records reads one row for each.

The rows of a record are what counts; this holds the same once more. It is written in the transaction that changes them,
and counts only while it is of the revision of its database: a program that does not know it changes the revision alone,
and then the rows are read, and the next change makes it again.

A row has the key of the record, and holds ``=``, the type, name and value of each property, all with a NUL between, and
a newline. In the place of a long row stands :data:`LONG`: a change of one of a thousand properties must not write all
of them.
"""

from __future__ import annotations

from itertools import chain, islice, pairwise

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


def kept(row: bytes) -> bytes:
    """Return what is kept of the row of a record."""
    return row if len(row) <= _MOST_BYTES else LONG


def put_all(cursor: lmdb.Cursor[bytes], rows: Rows) -> None:
    """Write rows.

    :param cursor: in their table.
    :param rows: some, in byte order of their keys. Such as come after all of the table fill its pages.
    """
    cursor.putmulti(rows, append=not cursor.last() or cursor.key() < rows[0][0])


def row_of(rows: lmdb.Cursor[bytes], key: bytes) -> bytes | None:
    """Return the row of a record, however long it is; None when there is no such record.

    :param rows: those of the database.
    """
    return _read(rows, key, None)


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
    return [(key, (row_of(rows, key) or b"") if row == LONG else row) for key, row in block]


def blocks_of_rows(rows: lmdb.Cursor[bytes]) -> Iterator[Rows]:
    """Yield the same, made of the rows of the database.

    :raises ValueError: when a name or a value holds a NUL, or a record has no type.
    """
    cells = rows.iternext()
    #: Key, property and value of cells, beginning with those of the last record, of which there may be more.
    parts: list[bytes] = []
    while text := b"\0".join(chain.from_iterable(islice(cells, _AT_ONCE))):
        parts += text.split(b"\0")
        if len(parts) % 3:
            raise ValueError("a value holds a NUL")
        starts = [at for at, prop in enumerate(parts[1::3]) if not prop]
        if not starts or starts[0]:
            raise ValueError("a record lacks its type")
        rest = parts[3 * starts[-1] :]
        yield _rows_of(parts, starts)
        parts = rest
    if parts:
        yield _rows_of(parts, [0, len(parts) // 3])


def _rows_of(parts: list[bytes], starts: list[int]) -> Rows:
    """Return keys and rows of records.

    :param parts: of each of their cells the key, the property and the value; they are changed.
    :param starts: the cells with which records begin, which are those of types, and where the last one ends.
    """
    keys = parts[::3]
    del parts[::3]
    # Before the type stands its property, which is empty.
    return [(keys[start], written(parts[2 * start + 1 : 2 * end])) for start, end in pairwise(starts)]


def read(
    txn: lmdb.Transaction[bytes], table: lmdb._Database, rows: lmdb._Database, keys: list[bytes]
) -> Iterator[Rows]:
    """Yield keys and rows of some records, many at once, however long they are.

    :param table: of whole records.
    :param rows: those of the database.
    :param keys: of records that are there.
    """
    with txn.cursor(table) as whole, txn.cursor(rows) as cursor:
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            block = whole.getmulti(some)
            if len(block) != len(some):
                # The rows are what counts.
                block = [(key, LONG) for key in some]
            yield fill_in(block, cursor)


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
            whole.putmulti([(key, kept(row)) for key, row in block], append=True)


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
