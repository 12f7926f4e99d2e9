"""How a revision is written down: one row of the journal, as bytes.

The fields are joined by NUL, which no name and no value can hold. A cell that did not exist is the single control
character ``\\x01``, one that was forgotten is ``\\x02`` (:data:`esmith.store.model.FORGOTTEN`), which no value can hold
either. So nothing needs escaping and nothing has to be imported.

A revision whose row would be longer than :data:`LONGEST_ROW` is written in parts (:mod:`esmith.store.lmdb.parts`).
"""

from __future__ import annotations

from esmith.store.model import FORGOTTEN, Author, Change, Revision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_ABSENT = "\x01"
#: What stands for a value where there is none to see.
NO_VALUES = frozenset((_ABSENT, FORGOTTEN))
FIELDS_OF_A_CHANGE = 5
#: In bytes. A store may hold longer ones, that an older version wrote.
LONGEST_ROW = 2**16
#: How many characters of the changes are looked at first, and at most at once.
_FEW, _MANY = 2**12, 2**20


class Entry:
    """A revision as it is written. Its changes are made when they are asked for: an import has a million.

    :param number: the revision's number.
    :param row: its row.
    :raises ValueError: when the row is damaged.
    """

    __slots__ = ("_cells", "author", "count", "number", "time")

    def __init__(self, number: int, row: bytes) -> None:
        rest = self._take_head(number, row.decode())
        self._cells = "".join(rest)
        cells = self._cells.count("\0") + 1 if rest else 0
        #: How many changes it has.
        self.count, more = divmod(cells, FIELDS_OF_A_CHANGE)
        if more:
            raise ValueError("fields are missing")

    def _take_head(self, number: int, row: str) -> list[str]:
        """Take what a row begins with, and return what follows, if something does."""
        time, user, sudo_user, words, *rest = row.split("\0", 4)
        count = int(words)
        fields = rest[0].split("\0", count) if rest and count else ["", *rest][1:]
        if len(fields) < count:
            raise ValueError("words are missing")
        self.number = number
        self.time = int(time)
        self.author = Author(user, sudo_user, fields[:count])
        return fields[count:]

    def __iter__(self) -> Iterator[Change]:
        """Yield the changes."""
        for fields in self.pieces():
            yield from changes_of(fields)

    def pieces(self) -> Iterator[list[str]]:
        """Yield the fields of changes, of many at once: of each database, key, property, old and new value."""
        start, size, end = 0, _FEW, len(self._cells)
        while self.count and start <= end:
            piece = self._cells[start : start + size]
            fields = piece.split("\0")
            cut: list[str] = []
            if start + size < end:
                # The last one may not be whole.
                whole = (len(fields) - 1) // FIELDS_OF_A_CHANGE * FIELDS_OF_A_CHANGE
                cut, fields = fields[whole:], fields[:whole]
            start += len(piece) + 1 - sum(map(len, cut)) - len(cut)
            size = min(2 * size, _MANY) if fields else 2 * size
            if fields:
                yield fields

    def is_about(self, database: str | None, key: str | None) -> bool:
        """Return whether it changed a record of a database; None for any."""
        return any(
            database in (None, changed) and key in (None, record)
            for fields in self._pieces_about(key)
            for changed, record in zip(fields[::FIELDS_OF_A_CHANGE], fields[1::FIELDS_OF_A_CHANGE], strict=True)
        )

    def _pieces_about(self, _key: str | None) -> Iterator[list[str]]:
        """Yield the fields of changes among which are all of a record, of many at once."""
        return self.pieces()

    def in_command(self) -> Collection[tuple[str, str, str]] | None:
        """Return what the words of its command show of its values, as database, property and value.

        :return: None when that is not known; what it says besides may be wrong, what it does not say is not there.
        """
        return None

    def databases(self) -> Collection[str]:
        """Return the databases that it changed."""
        return {database for fields in self.pieces() for database in fields[::FIELDS_OF_A_CHANGE]}

    def revision(self) -> Revision:
        """Return the revision with all its changes."""
        return Revision(self.number, self.time, self.author, list(self))


def changes_of(fields: list[str]) -> Iterator[Change]:
    """Yield the changes of fields, as :meth:`Entry.pieces` has them."""
    cells = iter(fields)
    for database, key, prop, old, new in zip(cells, cells, cells, cells, cells, strict=True):
        yield Change(database, key, prop, _value(old), _value(new))


def encode(revision: Revision) -> bytes:
    """Return the row of a revision; its number is the row's key."""
    fields: list[str] = []
    for change in revision.changes:
        fields += (change.database, change.key, change.prop, cell(change.old), cell(change.new))
    return encode_fields(revision.time, revision.author, fields)


def encode_fields(time: int, author: Author, fields: list[str]) -> bytes:
    """Return the row of a revision.

    :param time: seconds since 1970.
    :param fields: database, key, property, old and new :func:`cell` of each change.
    """
    head = (str(time), author.user, author.sudo_user, str(len(author.command)), *author.command)
    return "\0".join((*head, *fields)).encode()


def decode(number: int, row: bytes) -> Revision:
    """Return the revision of a row.

    :param number: the revision's number.
    """
    return Entry(number, row).revision()


def cell(value: str | None) -> str:
    """Return how a value is written."""
    return _ABSENT if value is None else value


def _value(cell: str) -> str | None:
    return None if cell == _ABSENT else cell
