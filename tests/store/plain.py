"""The store as plain dicts: what a store, its journal and undo have to do, in the simplest way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from esmith.store.model import FORGOTTEN, Record

#: Database, key, property; "" for the type.
Cell = tuple[str, str, str]
#: Everything that is stored: the values of all cells.
Cells = dict[Cell, str]
#: What one revision changed: the value of each cell before and after.
Changed = dict[Cell, tuple[str | None, str | None]]


@dataclass
class Plain:
    """A store.

    :param cells: what is stored.
    :param names: the databases.
    :param journal: what each revision changed, the first one first; nothing for one that notes a forgetting.
    :param past: what was stored after each revision, and before the first.
    """

    cells: Cells = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    journal: list[Changed] = field(default_factory=list)
    past: list[Cells] = field(default_factory=lambda: [{}])

    def commit(self, cells: Cells, names: Iterable[str] = (), used: Iterable[str] = ()) -> None:
        """Take over what a transaction leaves.

        :param names: the databases that it made.
        :param used: those that were made for a record; when nothing differs in the end they are not there.
        """
        every = self.cells.keys() | cells.keys()
        changed = {cell: (self.cells.get(cell), cells.get(cell)) for cell in every}
        changed = {cell: pair for cell, pair in changed.items() if pair[0] != pair[1]}
        if changed or not self.names >= set(names):
            self.names |= {*names, *used}
        if changed:
            self.cells = dict(cells)
            self.journal.append(changed)
            self.past.append(self.cells)

    def undo(self, number: int, *, force: bool) -> Cells | None:
        """Return what is stored when a revision is taken back; None when that has to be refused."""
        changed = self.journal[number - 1]
        if any(old == FORGOTTEN for old, _ in changed.values()):
            return None
        if all(self.cells.get(cell) == old for cell, (old, _) in changed.items()):
            return self.cells
        made = {cell[:2] for cell, (old, _) in changed.items() if not cell[2] and old is None}
        later = {cell for revision in self.journal[number:] for cell in revision}
        if not force and any(cell in changed or cell[:2] in made for cell in later):
            return None
        return _restored(self.cells, {cell: old for cell, (old, _) in changed.items()})

    def rewind(self, number: int) -> Cells:
        """Return what is stored when all revisions after one are taken back, but for values that were forgotten."""
        then: dict[Cell, str | None] = {}
        for revision in reversed(self.journal[number:]):
            then |= {cell: old for cell, (old, _) in revision.items()}
        return _restored(self.cells, {cell: old for cell, old in then.items() if old != FORGOTTEN})

    def is_rewound_exactly(self, number: int) -> bool:
        """Return whether no value that :meth:`rewind` needs was forgotten."""
        return all(old != FORGOTTEN for revision in self.journal[number:] for old, _ in revision.values())

    def forget(self, cell: Cell) -> None:
        """Take the values of a cell out of the journal."""
        for changed in self.journal:
            if cell in changed:
                old, new = (None if value is None else FORGOTTEN for value in changed[cell])
                changed[cell] = (old, new)
        self.journal.append({})
        self.past.append(self.cells)

    def records(self) -> dict[str, list[Record]]:
        """Return all records of all databases, as tests.store.stores.contents does."""
        found: dict[str, dict[str, Record]] = {name: {} for name in sorted(self.names)}
        for (database, key, prop), value in sorted(self.cells.items(), key=lambda item: _bytes(item[0])):
            if prop:
                found[database][key].props[prop] = value
            else:
                found[database][key] = Record(key, value, {})
        return {name: list(records.values()) for name, records in found.items()}

    def last_change(self, database: str) -> int:
        """Return the number of the last revision that changed a database."""
        numbers = [
            number for number, changed in enumerate(self.journal, 1) if any(cell[0] == database for cell in changed)
        ]
        return max(numbers, default=0)


def _bytes(cell: Cell) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in cell)


def _restored(cells: Cells, wanted: dict[Cell, str | None]) -> Cells:
    """Return cells with those of before; a record whose type was not there goes with all it has."""
    result = dict(cells)
    for cell, value in wanted.items():
        if cell[2]:
            continue
        if value is None:
            result = {other: text for other, text in result.items() if other[:2] != cell[:2]}
        else:
            result[cell] = value
    for cell, value in wanted.items():
        if not cell[2] or (*cell[:2], "") not in result:
            continue
        if value is None:
            result.pop(cell, None)
        else:
            result[cell] = value
    return result
