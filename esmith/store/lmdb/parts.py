"""Large revisions: their changes stand in parts, so the history shows twenty of a million without reading all.

In the row of the journal there are no changes then. It begins with :data:`MARK` in the place of the time; then come the
time and what follows it in every row (:mod:`esmith.store.journal`), and, also joined by NUL:

- how many changes there are, and how many parts;
- how many databases were changed, and of each the name and the number of its changes;
- how many values of the changes the words of the command show, and of each the database, the property and the value;
  or ``-`` when that is not known.

The parts are rows of the table :data:`TABLE`. The key is the number of the revision and that of the part, in eight and
four bytes, most significant first. A part holds the changes of records, one record after the other: database, key, how
many changes, and of each the property, the old and the new value. Of a record that did not exist the number has a ``+``
before it, and there are no old values. Only a part of a single change is longer than
:data:`esmith.store.journal.LONGEST_ROW`.

A program that does not know this finds a row that begins with no time. When it comes to that row, in ``esmith history``
or ``undo``, it says that the row is damaged, and it shows and changes nothing of the revision. What needs no journal
goes on working, and so do the revisions that are newer.
"""

from __future__ import annotations

import time
from itertools import groupby

import lmdb

from esmith.store import journal
from esmith.store.journal import FIELDS_OF_A_CHANGE, Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from esmith.store.model import Author, Revision

    #: Of a record what each property that was written held before and what it holds now, "" for the type. Of one that
    #: was not there and was written whole: how many cells it has now. An import writes a million cells.
    Cells = dict[str, tuple[str | None, str | None]] | int

#: What the row of a revision in parts begins with; it is no number.
MARK = "=parts"
TABLE = "=journal/parts"
_ABSENT = journal.cell(None)
_NOT_KNOWN = "-"
#: For the values that the command shows: how many characters, squared, words may have to be compared, and how many
#: values are noted.
_MOST_COMPARED, _MOST_NOTED = 2**18, 500


def row_key(number: int, part: int) -> bytes:
    """Return the key of a part.

    :param number: that of the revision.
    :param part: from 0.
    """
    return number.to_bytes(8) + part.to_bytes(4)


class Writer:
    """Writes the changes of a revision.

    :param put: writes a part, by its number.
    :param author: who made the changes.
    """

    def __init__(self, put: Callable[[int, bytes], object], author: Author) -> None:
        self._put = put
        self._author = author
        self._compared = _parts_of(author.command)
        self._noted: set[tuple[str, str, str]] = set()
        #: The changes of the part that comes next, those of a record in one text.
        self._groups: list[bytes] = []
        self._size = 0
        self._parts = 0
        self._counts: dict[str, int] = {}

    def add(self, database: str, key: str, fields: list[str]) -> None:
        """Add changes of one record.

        :param fields: of each change the property, and the old and new value as :func:`esmith.store.journal.cell`
            writes them.
        """
        count = len(fields) // 3
        if count > 1 and sum(map(len, fields)) + len(fields) > journal.LONGEST_ROW:
            half = count // 2 * 3
            self.add(database, key, fields[:half])
            self.add(database, key, fields[half:])
            return
        if fields[1::3].count(_ABSENT) == count:
            text = "\0".join((database, key, f"+{count}", *(field for at, field in enumerate(fields) if at % 3 != 1)))
        else:
            text = "\0".join((database, key, f"{count}", *fields))
        self._push(database, count, text.encode())

    def add_records(self, database: str, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Add records that did not exist.

        :param rows: the key of each, and its row as :func:`esmith.store.lmdb.whole.written` makes it.
        """
        name = database.encode()
        for key, row in rows:
            count = row.count(b"\0") // 2 + 1
            if len(row) > journal.LONGEST_ROW:
                type, *fields = row[1:-1].decode().split("\0")
                cells = zip(["", *fields[::2]], [type, *fields[1::2]], strict=True)
                self.add(database, key.decode(), [field for prop, value in cells for field in (prop, _ABSENT, value)])
            else:
                self._push(database, count, b"%b\0%b\0+%d\0\0%b" % (name, key, count, row[1:-1]))

    def _push(self, database: str, count: int, text: bytes) -> None:
        if self._size + len(text) > journal.LONGEST_ROW and self._groups:
            self._flush()
        self._groups.append(text)
        self._size += len(text) + 1
        self._counts[database] = self._counts.get(database, 0) + count

    def _flush(self) -> None:
        part = b"\0".join(self._groups)
        self._put(self._parts, part)
        if self._compared is not None:
            self._note(part.decode(), self._compared)
        self._groups = []
        self._size = 0
        self._parts += 1

    def _note(self, part: str, compared: set[str]) -> None:
        """Note which values of a part the command shows."""
        fields = part.split("\0")
        shown = compared.intersection(fields)
        if not shown:
            return
        # A command names its database, which each record begins with; most parts have nothing else of its words.
        heads = [group.partition(b"\0")[0].decode() for group in self._groups]
        if all(fields.count(word) == heads.count(word) for word in shown):
            return
        cells = _fields_of(part)
        for database, _, prop, old, new in zip(cells, cells, cells, cells, cells, strict=True):
            self._noted.update((database, prop, value) for value in (old, new) if value in compared)
        if len(self._noted) > _MOST_NOTED:
            self._compared = None

    def finish(self, when: int) -> bytes:
        """Return the row of the journal: one like all others where it is not too long.

        :param when: seconds since 1970.
        """
        if not self._parts:
            fields = [field for group in self._groups for field in _fields_of(group.decode())]
            row = journal.encode_fields(when, self._author, fields)
            if len(row) <= journal.LONGEST_ROW or not self._groups:
                return row
        if self._groups:
            self._flush()
        noted = None if self._compared is None else [field for cell in sorted(self._noted) for field in cell]
        more = [
            str(sum(self._counts.values())),
            str(self._parts),
            str(len(self._counts)),
            *(field for database, count in self._counts.items() for field in (database, str(count))),
            *([_NOT_KNOWN] if noted is None else [str(len(noted) // 3), *noted]),
        ]
        return MARK.encode() + b"\0" + journal.encode_fields(when, self._author, more)


class Parts:
    """The table of parts, in a transaction that writes.

    :param txn: the transaction.
    :param table: the table.
    """

    def __init__(self, txn: lmdb.Transaction[bytes], table: lmdb._Database) -> None:
        self._txn = txn
        self._table = table

    def row_of_records(
        self,
        number: int,
        author: Author,
        changed: dict[str, dict[str, Cells]],
        read: Callable[[str, list[bytes]], Iterable[list[tuple[bytes, bytes]]]],
    ) -> bytes:
        """Write the parts of a revision of now, if it needs some, and return its row.

        :param changed: what was written, by database and key.
        :param read: yields keys and whole rows of records, many at once, by database and keys.
        """
        writer = self._writer(number, author)
        for database, records in changed.items():
            for are_new, some in groupby(records.items(), lambda item: isinstance(item[1], int)):
                if are_new:
                    for rows in read(database, [key.encode() for key, _ in some]):
                        writer.add_records(database, rows)
                    continue
                for key, cells in some:
                    assert isinstance(cells, dict)
                    fields: list[str] = []
                    for prop, (old, new) in cells.items():
                        if old != new:
                            fields += (prop, _ABSENT if old is None else old, _ABSENT if new is None else new)
                    writer.add(database, key, fields)
        return writer.finish(int(time.time()))

    def row_of_revision(self, revision: Revision) -> bytes:
        """Write the parts of a revision again, or delete those that it had, and return its row."""
        part = 0
        while self._txn.delete(row_key(revision.number, part), db=self._table):
            part += 1
        writer = self._writer(revision.number, revision.author)
        for (database, key), changes in groupby(revision.changes, lambda change: change.cell[:2]):
            fields: list[str] = []
            for change in changes:
                fields += (change.prop, journal.cell(change.old), journal.cell(change.new))
            writer.add(database, key, fields)
        return writer.finish(revision.time)

    def _writer(self, number: int, author: Author) -> Writer:
        return Writer(lambda part, row: self._txn.put(row_key(number, part), row, db=self._table), author)


class PartedEntry(Entry):
    """A revision in parts; a part is read when it is asked for.

    :param number: the revision's number.
    :param row: its row.
    :param read: returns a part by its number, None when there is none.
    :raises ValueError: when the row is damaged.
    """

    __slots__ = ("_counts", "_noted", "_parts", "_read")

    def __init__(self, number: int, row: bytes, read: Callable[[int], bytes | None]) -> None:
        mark, text = row.decode().split("\0", 1)
        if mark != MARK:
            raise ValueError("is of another form")
        fields = iter("".join(self._take_head(number, text)).split("\0"))
        self.count = int(next(fields, ""))
        self._parts = range(int(next(fields, "")))
        self._counts = {next(fields, ""): int(next(fields, "")) for _ in range(int(next(fields, "")))}
        noted = next(fields, "")
        cells = zip(fields, fields, fields, strict=True)
        self._noted = None if noted == _NOT_KNOWN else set(cells)
        if sum(self._counts.values()) != self.count or (self._noted is not None and len(self._noted) != int(noted)):
            raise ValueError("fields are missing")
        self._read = read

    def pieces(self) -> Iterator[list[str]]:
        """Yield the fields of changes, those of a part at once.

        :raises lmdb.CorruptedError: when a part is missing or damaged.
        """
        count = 0
        for part in self._rows():
            fields = _decoded(part)
            count += len(fields) // FIELDS_OF_A_CHANGE
            yield fields
        if count != self.count:
            raise _damaged()

    def is_about(self, database: str | None, key: str | None) -> bool:
        """Return whether it changed a record of a database; parts that do not hold the key are not taken apart."""
        if database is not None and database not in self._counts:
            return False
        return key is None or super().is_about(database, key)

    def _pieces_about(self, key: str | None) -> Iterator[list[str]]:
        name = f"\0{key}\0".encode("utf-8", "surrogateescape")
        return (_decoded(part) for part in self._rows() if name in part)

    def in_command(self) -> Collection[tuple[str, str, str]] | None:
        """Return what the command shows of the values, as it was found when the revision was written."""
        return self._noted

    def databases(self) -> Collection[str]:
        """Return the databases that it changed."""
        return self._counts.keys()

    def _rows(self) -> Iterator[bytes]:
        for number in self._parts:
            part = self._read(number)
            if part is None:
                raise _damaged()
            yield part


def _decoded(part: bytes) -> list[str]:
    try:
        return list(_fields_of(part.decode()))
    except ValueError as error:
        raise _damaged() from error


def _fields_of(text: str) -> Iterator[str]:
    """Yield database, key, property, old and new value of each change of a part.

    :raises ValueError: when it is damaged.
    """
    fields = text.split("\0")
    start, end = 0, len(fields)
    while start < end:
        database, key, count = fields[start : start + 3]
        start += 3
        is_new = count.startswith("+")
        step = 2 if is_new else 3
        stop = start + int(count) * step
        if not start < stop <= end:
            raise ValueError("fields are missing")
        for at in range(start, stop, step):
            yield from (database, key, fields[at], _ABSENT if is_new else fields[at + 1], fields[at + step - 1])
        start = stop


def _parts_of(words: Iterable[str]) -> set[str] | None:
    """Return all that a value may be that stands in words of a command; None when these are too many.

    What is not printable stands there by its code, which begins with a backslash.
    """
    words = list(words)
    if sum(len(word) ** 2 for word in words) > _MOST_COMPARED or any("\\" in word for word in words):
        return None
    found = {word[start:end] for word in words for start in range(len(word)) for end in range(start, len(word) + 1)}
    return found - {"", *journal.NO_VALUES}


def _damaged() -> lmdb.Error:
    return lmdb.CorruptedError("a part of the journal")
