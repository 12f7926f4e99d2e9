"""What changed in the databases since an output was made, by the journal: what was read is compared no further.

After a change of one account the files of ten thousand others were made from the same database, which has another
revision now. What each of them read is many properties; what changed is in the journal, and is little.
"""

from __future__ import annotations

from esmith.plan.remembered import row_mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.plan.remembered import Cell
    from esmith.store.journal import Entry
    from esmith.store.protocol import Snapshot

#: So many changes are read of the journal; to look up what was read costs less than more of them.
_MOST = 20_000
#: For so many records their names are looked for in the text of what is remembered, which is not parsed then.
_FEW = 8


class Since:
    """What changed since revisions, for one plan.

    :param snapshot: the databases.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._entries: Iterator[Entry] | None = None
        #: The number of the oldest revision that was read, and of the newest there is.
        self._oldest = 0
        self._newest = 0
        self._count = 0
        self._is_readable = True
        #: The last revision that changed a cell.
        self._last: dict[Cell, int] = {}
        #: The last revision that changed something of a record, the newest ones first.
        self._records: dict[tuple[str, str], int] = {}
        self._marks: dict[tuple[str, int], tuple[str, ...] | None] = {}

    def reaches(self, revision: int) -> bool:
        """Return whether all that changed after a revision is known."""
        if self._entries is None:
            self._entries = self._snapshot.journal()
            self._newest = self._snapshot.revision()
            self._oldest = self._newest + 1
        while self._is_readable and self._oldest > revision + 1:
            entry = next(self._entries, None)
            self._count += entry.count if entry is not None else 0
            # A revision that is not there was not written by this engine.
            if entry is None or entry.number != self._oldest - 1 or self._count > _MOST:
                self._is_readable = False
                break
            self._add(entry)
        return self._oldest <= revision + 1 and revision <= self._newest

    def _add(self, entry: Entry) -> None:
        self._oldest = entry.number
        for change in entry:
            self._last.setdefault(change.cell, entry.number)
            self._records.setdefault((change.database, change.key), entry.number)

    def changed(self, cell: Cell, revision: int) -> bool:
        """Return whether a cell changed after a revision that :meth:`reaches`."""
        return self._last.get(cell, 0) > revision

    def marks(self, database: str, revision: int) -> tuple[str, ...] | None:
        """Return what stands among the properties of an output that read a record which changed after a revision.

        An output of which none of it stands there is as it was.

        :return: as :func:`esmith.plan.remembered.text_of` writes it; None when that would be too many.
        """
        place = database, revision
        if place not in self._marks:
            self._marks[place] = self._marks_of(database, revision)
        return self._marks[place]

    def _marks_of(self, database: str, revision: int) -> tuple[str, ...] | None:
        """Return what stands in what is remembered where a record was read that changed; None for too many."""
        found = []
        for (name, key), number in self._records.items():
            if number <= revision:
                break
            if name == database:
                found.append(row_mark(database, key))
        return tuple(found) if len(found) <= _FEW else None
