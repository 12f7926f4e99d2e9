"""Which settings have to be others so that files are made again as they were.

What each file was made of is remembered (:mod:`esmith.plan.remembered`): the properties, each with a digest, what was
listed, and the revisions of the databases then. So it is known of which properties the value is another now, and the
journal has what it was. Settings that none of the files read are not asked for.
"""

from __future__ import annotations

from esmith.plan.remembered import digest, head_of_any, listing_digest, names_digest, props_of
from esmith.store.model import FORGOTTEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any, TypeVar

    from esmith.plan.remembered import Cell
    from esmith.store.protocol import Snapshot

    #: Database and key, or database and type.
    Pair = tuple[str, str]
    Value = str | None
    _Place = TypeVar("_Place", bound=tuple[str, ...])


class MadeFrom:
    """What files were made from, and so what the settings have to be for them.

    Where two files were made from different values of one setting, the value of the later one counts.

    :param snapshot: the databases now.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._now = snapshot.revision()
        #: As of which revision each property that was read has to be, and what was listed.
        self._cells: dict[Cell, int] = {}
        self._listings: dict[Pair, int] = {}
        self._names: dict[Pair, int] = {}
        #: The records that have to be there, or must not be: their types, and down to which revision to look for that.
        self._records: dict[Pair, tuple[bool, Collection[str], int]] = {}
        #: Thousands of files may have listed the same.
        self._digests: dict[str, str] = {}

    def add(self, inputs: str) -> bool:
        """Note what a file was made of; return False where that is not remembered.

        :param inputs: what is remembered.
        """
        rows, head = props_of(inputs), head_of_any(inputs)
        if rows is None or head is None or not all(type(number) is int for number in head["revisions"].values()):
            return False
        revisions: dict[str, int] = head["revisions"]
        for *names, before in rows:
            cell: Cell = (names[0], names[1], names[2])
            is_same = before == digest(self._snapshot.prop(*cell))
            _raise_to(self._cells, cell, self._now if is_same else revisions.get(cell[0], 0))
        for spec, before in head["listings"].items():
            is_same = before == self._listing(spec)
            place = _listed(spec)
            _raise_to(self._listings, place, self._now if is_same else revisions.get(place[0], 0))
        for record, before in _names_of(head):
            is_same = before == names_digest(self._snapshot, *record)
            _raise_to(self._names, record, self._now if is_same else revisions.get(record[0], 0))
        return True

    def add_as_of(self, inputs: str, revision: int) -> bool:
        """Note that what another thing was made of has to be as it was after a revision; False as for :meth:`add`."""
        rows, head = props_of(inputs), head_of_any(inputs)
        if rows is None or head is None:
            return False
        for row in rows:
            _raise_to(self._cells, (row[0], row[1], row[2]), revision)
        for spec in head["listings"]:
            _raise_to(self._listings, _listed(spec), revision)
        for place, _ in _names_of(head):
            _raise_to(self._names, place, revision)
        return True

    def add_record(self, database: str, key: str, types: Collection[str], revision: int, *, is_there: bool) -> None:
        """Note that a file is made for a record, so that the record has to be there, or must not be.

        :param types: the types of which it has to be, or must not be; none for any.
        :param revision: after which it has become otherwise; before that it was not looked at.
        """
        self._records[database, key] = is_there, types, revision

    def values(self) -> dict[Cell, tuple[Value, Value]]:
        """Return the settings that have to be others, each with that value and the one it has now; None for none.

        A value that was forgotten is FORGOTTEN.
        """
        history = self._history(self._is_asked, self._oldest())
        wanted: dict[Cell, tuple[int, Value]] = {}
        for cell, was in history.items():
            for revision, value in self._asked(cell, was):
                if cell not in wanted or wanted[cell][0] < revision:
                    wanted[cell] = revision, value
        both = {cell: (value, self._snapshot.prop(*cell)) for cell, (_, value) in wanted.items()}
        found = {cell: (value, now) for cell, (value, now) in both.items() if value != now}
        revisions = {cell: wanted[cell][0] for cell in found}
        return dict(sorted((found | self._of_whole_records(found, revisions)).items()))

    def _listing(self, spec: str) -> str:
        if spec not in self._digests:
            self._digests[spec] = listing_digest(self._snapshot, spec)
        return self._digests[spec]

    def _oldest(self) -> int:
        numbers = [*self._cells.values(), *self._listings.values(), *self._names.values()]
        return min([*numbers, *(revision for *_, revision in self._records.values())], default=self._now)

    def _is_asked(self, cell: Cell) -> bool:
        database, key, prop = cell
        if self._cells.get(cell, self._now) < self._now:
            return True
        if prop:
            return (database, key) in self._names
        return (database, key) in self._records or any(name == database for name, _ in self._listings)

    def _history(self, wants: Callable[[Cell], bool], oldest: int) -> dict[Cell, list[tuple[int, Value]]]:
        """Return what cells were before each change after a revision, the newest change first.

        Where a number is missing a backup was restored: what is older is the journal of another machine.
        """
        found: dict[Cell, list[tuple[int, Value]]] = {}
        next_one = self._now + 1
        for revision in self._snapshot.revisions() if oldest < self._now else ():
            if revision.number <= oldest or revision.number != next_one - 1:
                break
            next_one = revision.number
            for change in revision.changes:
                if wants(change.cell):
                    found.setdefault(change.cell, []).append((revision.number, change.old))
        return found

    def _asked(self, cell: Cell, was: list[tuple[int, Value]]) -> list[tuple[int, Value]]:
        """Return what is asked of a cell: as of which revision, and the value of then."""
        database, key, prop = cell
        now = self._snapshot.prop(*cell)
        found = []
        if cell in self._cells:
            found.append((self._cells[cell], _value_at(was, self._cells[cell], now)))
        if prop:
            listed = self._names.get((database, key), self._now)
            then = _value_at(was, listed, now)
            return [*found, (listed, then)] if (then is None) != (now is None) else found
        for (name, kind), revision in self._listings.items():
            then, kinds = _value_at(was, revision, now), [kind] if kind else []
            if name == database and _is_of(then, kinds) != _is_of(now, kinds):
                found.append((revision, then))
        if (database, key) in self._records:
            is_there, types, oldest = self._records[database, key]
            if _is_of(now, types) != is_there:
                before = ((number, old) for number, old in was if number > oldest and _is_of(old, types) == is_there)
                found += [(number - 1, old) for number, old in before][:1]
        return found

    def _of_whole_records(
        self, found: dict[Cell, tuple[Value, Value]], revisions: dict[Cell, int]
    ) -> dict[Cell, tuple[Value, Value]]:
        """Return the rest of the records that come back, or go, because of some of their cells."""
        more: dict[Cell, tuple[Value, Value]] = {}
        back: dict[Pair, int] = {}
        for cell, (then, _) in found.items():
            database, key, prop = cell
            record = self._snapshot.record(database, key)
            if record is None and then is not None:
                back[database, key] = max(revisions[cell], back.get((database, key), 0))
            elif record is not None and not prop and then is None:
                more |= {(database, key, name): (None, value) for name, value in record.props.items()}
        if back:
            history = self._history(lambda cell: cell[:2] in back, min(back.values()))
            values = {cell: _value_at(was, back[cell[:2]], None) for cell, was in history.items()}
            more |= {cell: (then, None) for cell, then in values.items() if then is not None and cell not in found}
        return more


def _raise_to(revisions: dict[_Place, int], place: _Place, revision: int) -> None:
    revisions[place] = max(revision, revisions.get(place, 0))


def _listed(spec: str) -> Pair:
    """Return the database and the type, "" for all, of what was listed."""
    database, _, kind = spec.partition(":")
    return database, kind


def _names_of(head: dict[str, Any]) -> list[tuple[Pair, str]]:
    """Return the records whose names were listed, each with the digest of them."""
    return [((database, key), before) for database, key, before in head["names"]]


def _value_at(was: list[tuple[int, Value]], revision: int, now: Value) -> Value:
    """Return the value of a cell after a revision.

    :param was: what it was before each change, the newest change first.
    """
    value = now
    for number, old in was:
        if number <= revision:
            break
        value = old
    return value


def _is_of(kind: Value, types: Collection[str]) -> bool:
    """Return whether a record of a type, None for no record, is one of those of some types, none for any."""
    return kind is not None and kind != FORGOTTEN and (not types or kind in types)
