"""What the journal knows of a property's values, and its revisions without them."""

from __future__ import annotations

from esmith.printable import printable
from esmith.store.model import FORGOTTEN, Author, Change, Revision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.store.protocol import Snapshot

    #: Database, key, property; "" for the value of a record without properties.
    Cell = tuple[str, str, str]


class Former:
    """What is to be forgotten of a property.

    :param values: every value the journal has, but the one of today.
    :param revisions: the revisions that have one of them, or that of today, as they are to be written again.
    :param elsewhere: other properties that have or had one of the values.
    """

    __slots__ = ("elsewhere", "revisions", "values")

    def __init__(self, values: set[str], revisions: list[Revision], elsewhere: set[Cell]) -> None:
        self.values = values
        self.revisions = revisions
        self.elsewhere = elsewhere


def is_known(snapshot: Snapshot, cell: Cell) -> bool:
    """Return whether there is such a property, or the journal has one."""
    if snapshot.prop(*cell) is not None:
        return True
    return any(change.cell == cell for revision in snapshot.revisions() for change in revision.changes)


def find_former(snapshot: Snapshot, cell: Cell, is_findable: Callable[[str], bool]) -> Former:
    """Return what the journal has of a property.

    :param is_findable: whether a value may be looked for in commands; others are only taken out of words that stand
        behind the name of the property. It goes as a part of a word only from commands that changed the property: what
        happens to hold it elsewhere (the host ``nas.example.com``) stays as it is.
    """
    values: set[str] = set()
    for revision in snapshot.revisions():
        for change in revision.changes:
            if change.cell == cell:
                values |= {value for value in (change.old, change.new) if value and value != FORGOTTEN}
    findable = {value for value in values if is_findable(value)}
    rewritten = []
    elsewhere: set[Cell] = set()
    for revision in snapshot.revisions():
        new = _without(revision, cell, values, findable)
        if new is not None:
            rewritten.append(new)
        others = (change for change in revision.changes if change.cell != cell)
        elsewhere |= {change.cell for change in others if findable & {change.old, change.new}}
    for database in snapshot.databases():
        for record in snapshot.records(database):
            cells = {(database, record.key, prop): value for prop, value in {"": record.type, **record.props}.items()}
            elsewhere |= {other for other, value in cells.items() if other != cell and value in findable}
    today = snapshot.prop(*cell)
    return Former(values - {today or ""}, rewritten, elsewhere)


def _without(revision: Revision, cell: Cell, values: set[str], findable: set[str]) -> Revision | None:
    """Return a revision without the values of a property; None when it has none of them."""
    author = revision.author
    parts = findable if any(change.cell == cell for change in revision.changes) else set()
    words = [
        FORGOTTEN if word in _written(findable) else _word_without(word, before, cell, author.command, values, parts)
        for before, word in zip(["", *author.command], author.command, strict=False)
    ]
    changes = [_forgotten(change) if change.cell == cell else change for change in revision.changes]
    if words == author.command and changes == revision.changes:
        return None
    return Revision(revision.number, revision.time, Author(author.user, author.sudo_user, words), changes)


def _forgotten(change: Change) -> Change:
    old, new = (None if value is None else FORGOTTEN for value in (change.old, change.new))
    return change if (old, new) == (change.old, change.new) else Change(*change.cell, old, new)


def _word_without(word: str, before: str, cell: Cell, command: list[str], values: set[str], parts: set[str]) -> str:
    _, key, prop = cell
    # Words are written down with codes for what is not printable; those of older versions are as they were.
    if before == printable(prop or key) and printable(key) in command and word in _written(values):
        return FORGOTTEN
    for value in sorted(_written(parts), key=len, reverse=True):
        word = word.replace(value, FORGOTTEN)
    return word


def _written(values: set[str]) -> set[str]:
    return values | {printable(value) for value in values}
