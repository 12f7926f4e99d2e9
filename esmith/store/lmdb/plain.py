"""Many records at once, most of which are plain: of these the rows are made without a look at each name and value.

A record is plain when it is one of printable ASCII, and its properties stand in order. Nearly all are. What is not, or
is refused, is for :meth:`esmith.store.lmdb.transaction.LmdbTransaction.set_record`.
"""

from __future__ import annotations

from itertools import islice, pairwise
from operator import lt

from esmith.store import limits
from esmith.store.lmdb import whole
from esmith.store.lmdb.blocks import put_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import lmdb

    #: Of each record the key, and its type, name and value of each property with a NUL between.
    Texts = list[tuple[str, str]]

#: How many records are written at once.
_AT_ONCE = 1000
#: What no key of a plain record has, nor begins or ends with, when there is a NUL before and after each key.
_NOT_IN_KEYS = ("=", "\0 ", " \0", "\0#", "\0\0")


class Rows:
    """The rows of records.

    :param rows: those of their cells.
    :param whole: those of the whole records.
    :param counts: how many cells each record has.
    """

    __slots__ = ("counts", "rows", "whole")

    def __init__(self) -> None:
        self.rows: whole.Rows = []
        self.whole: whole.Rows = []
        self.counts: list[int] = []

    def put(self, cursor: lmdb.Cursor[bytes]) -> None:
        """Write those of the cells.

        :param cursor: in the rows of the database.
        """
        put_all(cursor, self.rows)


class Shapes:
    """Makes rows of plain records. The records of a database have a few sets of properties; each is looked at once."""

    def __init__(self) -> None:
        #: Of the names of properties, in this order, the length of the longest; -1 where they are not plain.
        self._longest: dict[tuple[bytes, ...], int] = {}

    def rows_of(self, texts: Texts) -> Rows | None:
        """Return the rows of records, in their order; None when one of them is not plain.

        :param texts: for which :func:`are_plain` is true.
        """
        found = Rows()
        rows, counts = found.rows, found.counts
        for key, text in texts:
            name, record = key.encode(), text.encode()
            type, *fields = record.split(b"\0")
            props = tuple(fields[::2])
            longest = self._longest.get(props)
            if longest is None:
                longest = self._longest[props] = _longest(props)
            if longest < 0 or len(name) + longest >= limits.MAX_NAME_BYTES or len(fields) % 2 or b"|" in type:
                return None
            first = name + b"\0"
            rows.append((first, type))
            rows += [(first + prop, value) for prop, value in zip(props, fields[1::2], strict=False)]
            counts.append(1 + len(props))
            found.whole.append((name, whole.kept(b"=%b\n" % record)))
        return found


def _longest(props: tuple[bytes, ...]) -> int:
    """Return the length of the longest name; -1 when they are not the names of properties, or not in order."""
    if b"" in props or any(b"|" in prop for prop in props) or any(one >= other for one, other in pairwise(props)):
        return -1
    return max(map(len, props), default=0)


def blocks(texts: Iterable[tuple[str, str]]) -> Iterator[Texts]:
    """Yield records, many at once."""
    rest = iter(texts)
    while block := list(islice(rest, _AT_ONCE)):
        yield block


def are_plain(texts: Texts) -> bool:
    """Return whether records are plain as far as can be seen of all at once, and stand in byte order of their keys."""
    keys = [key for key, _ in texts]
    values = [text for _, text in texts]
    names, text = "\0".join(["", *keys, ""]), "\0".join(values)
    return (
        names.isascii()
        and text.isascii()
        and names.count("\0") == len(keys) + 1
        and names.replace("\0", "").isprintable()
        and text.replace("\0", "").isprintable()
        and not any(part in names for part in _NOT_IN_KEYS)
        and all(map(lt, keys, keys[1:]))
        and max(map(len, values)) <= limits.MAX_VALUE_BYTES
    )


def split_known(rows: lmdb.Cursor[bytes], texts: Texts) -> tuple[Texts, Texts]:
    """Return the records that are not there, and those that are there and otherwise.

    :param rows: those of the database.
    :param texts: the records, which are plain, in order.
    """
    if not rows.set_range(texts[0][0].encode() + b"\0") or rows.key() > texts[-1][0].encode() + b"\0":
        return texts, []
    new: Texts = []
    others: Texts = []
    for key, text in texts:
        now = whole.row_of(rows, key.encode())
        if now is None:
            new.append((key, text))
        elif now != b"=%b\n" % text.encode():
            others.append((key, text))
    return new, others
