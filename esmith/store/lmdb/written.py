"""What a transaction has written so far, and so what the journal gets; and transactions within the transaction."""

from __future__ import annotations

from esmith.store.model import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from esmith.store.model import Record

    #: Of a record what each property that was written held before and what it holds now, "" for the type. Of one that
    #: was not there and was written whole: how many cells it has now. An import writes a million cells.
    Cells = dict[str, tuple[str | None, str | None]] | int
    #: Returns a record as it is now.
    Read = Callable[[str, str], Record | None]

    class Outer(Protocol):
        """The transaction in which there is another one."""

        def begin_inner(self) -> Any:
            """Begin the other one, and return what is to be as now when it is taken back."""

        def end_inner(self, before: Any, *, keep: bool) -> None:
            """End it."""


class Written:
    """What was written.

    :param records: it, by database and key.
    """

    __slots__ = ("records",)

    def __init__(self, records: dict[str, dict[str, Cells]] | None = None) -> None:
        self.records: dict[str, dict[str, Cells]] = {} if records is None else records

    def note(self, database: str, key: str, prop: str, old: str | None, new: str | None) -> None:
        """Note that a cell is written.

        :param old: what it held until now.
        """
        records = self.records.get(database)
        if records is None:
            records = self.records[database] = {}
        cells = records.get(key)
        if cells is None:
            records[key] = {prop: (old, new)}
        elif isinstance(cells, int):
            records[key] = cells + (new is not None) - (old is not None)
        else:
            first = cells.get(prop)
            cells[prop] = (old if first is None else first[0], new)

    def note_record(self, database: str, record: Record) -> None:
        """Note that a record is written which is not there."""
        records = self.records.setdefault(database, {})
        cells = records.get(record.key, 0)
        if isinstance(cells, int):
            records[record.key] = 1 + len(record.props)
        else:
            _add(cells, _as_new(record))

    def changed(self) -> dict[str, dict[str, Cells]]:
        """Return the records in which something differs from what was before."""
        found = {
            database: {key: cells for key, cells in records.items() if _count(cells)}
            for database, records in self.records.items()
        }
        return {database: records for database, records in found.items() if records}

    def changes(self, read: Read) -> list[Change]:
        """Return what differs from what was before."""
        return [
            Change(database, key, prop, old, new)
            for database, records in self.records.items()
            for key, cells in records.items()
            for prop, (old, new) in (cells if isinstance(cells, dict) else _as_new(read(database, key))).items()
            if old != new
        ]

    def count_changes(self) -> dict[str, int]:
        """Return how many cells differ, by database."""
        counts = {database: sum(map(_count, records.values())) for database, records in self.records.items()}
        return {database: count for database, count in counts.items() if count}

    def copy(self) -> Written:
        """Return what was written so far."""
        return Written(
            {
                database: {key: cells if isinstance(cells, int) else dict(cells) for key, cells in records.items()}
                for database, records in self.records.items()
            }
        )

    def add(self, later: Written, read: Read) -> None:
        """Add what was written later, up to now; it is not to be used any more."""
        for database, records in later.records.items():
            into = self.records.setdefault(database, {})
            for key, cells in records.items():
                before = into.get(key, 0)
                if isinstance(before, dict):
                    _add(before, cells if isinstance(cells, dict) else _as_new(read(database, key)))
                elif isinstance(cells, int):
                    into[key] = before + cells
                elif key in into:
                    into[key] = before + sum((new is not None) - (old is not None) for old, new in cells.values())
                else:
                    into[key] = cells


class Savepoint:
    """A transaction within a transaction; see :meth:`esmith.store.protocol.Transaction.savepoint`.

    :param transaction: the outer one.
    """

    __slots__ = ("_before", "_transaction")

    def __init__(self, transaction: Outer) -> None:
        self._transaction = transaction

    def __enter__(self) -> None:
        self._before = self._transaction.begin_inner()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._transaction.end_inner(self._before, keep=kind is None)


def _as_new(record: Record | None) -> dict[str, tuple[str | None, str | None]]:
    """Return the cells of a record that was not there before."""
    cells = {} if record is None else {"": record.type, **record.props}
    return {prop: (None, value) for prop, value in cells.items()}


def _add(cells: dict[str, tuple[str | None, str | None]], later: dict[str, tuple[str | None, str | None]]) -> None:
    for prop, (old, new) in later.items():
        first = cells.get(prop)
        cells[prop] = (old if first is None else first[0], new)


def _count(cells: Cells) -> int:
    """Return how many cells differ from what was before."""
    if isinstance(cells, int):
        return cells
    count = 0
    for old, new in cells.values():
        if old != new:
            count += 1
    return count
