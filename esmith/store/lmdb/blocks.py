"""Whole records, many at once: those of a listing, of an import, and of the journal.

What they are says :mod:`esmith.store.lmdb.whole`.
"""

from __future__ import annotations

from itertools import chain, islice, pairwise

from esmith.store.lmdb.whole import LONG, kept, row_of, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import lmdb

    from esmith.store.lmdb.whole import Rows

#: How many rows are read at once.
_AT_ONCE = 1000
#: So many rows are written again for the sake of full pages.
_FEW = 200


def blocks(cursor: lmdb.Cursor[bytes]) -> Iterator[Rows]:
    """Yield keys and rows of all records, many at once; that of a long record is :data:`esmith.store.lmdb.whole.LONG`.

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


def put_all(cursor: lmdb.Cursor[bytes], rows: Rows) -> None:
    """Write rows.

    Where few rows of the table come after the first of them, these are written again behind them: what is written at
    the end of a table fills its pages, and anything else leaves them half empty.

    :param cursor: in their table.
    :param rows: some, in byte order of their keys.
    """
    after: Rows = []
    more = cursor.set_range(rows[0][0])
    while more and len(after) <= _FEW:
        after.append(cursor.item())
        more = cursor.next()
    if len(after) > _FEW:
        cursor.putmulti(rows)
        return
    for key, _ in after:
        cursor.set_key(key)
        cursor.delete()
    cursor.putmulti(sorted({**dict(after), **dict(rows)}.items()) if after else rows, append=True)


def make(txn: lmdb.Transaction[bytes], table: lmdb._Database, rows: lmdb._Database) -> None:
    """Write the rows of all records again."""
    txn.drop(table, delete=False)
    with txn.cursor(rows) as cursor, txn.cursor(table) as whole:
        for block in blocks_of_rows(cursor):
            whole.putmulti([(key, kept(row)) for key, row in block], append=True)
