"""Taking a revision back, as a revision of its own."""

from __future__ import annotations

from esmith.errors import EsmithError, UsageError
from esmith.store.model import FORGOTTEN, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from esmith.store.model import Author, Revision
    from esmith.store.protocol import Snapshot, Store, Transaction

    #: Database, key and property; property "" for the type.
    Cell = tuple[str, str, str]


def find_revision(snapshot: Snapshot, number: int) -> Revision:
    """Return a revision of the journal.

    :raises UsageError: when there is no such revision.
    """
    if 0 < number <= snapshot.revision():
        for revision in snapshot.revisions(number):
            return revision
    raise UsageError(f"there is no revision {number}", hint="'esmith history' lists them")


def undo(
    store: Store,
    number: int,
    author: Author,
    *,
    force: bool = False,
    layer: str | None = None,
    notes: list[str] | None = None,
) -> list[Change]:
    """Set everything a revision changed back to what it was before.

    :param number: the revision.
    :param force: also when a later revision changed the same property.
    :param layer: the layer of a fleet to write to, as :meth:`esmith.store.protocol.Store.transaction` has it.
    :param notes: gets those of the transaction.
    :return: what was changed by going back; nothing where everything is as it was before, e.g. undone already.
    :raises UsageError: when there is no such revision.
    :raises EsmithError: when a value of before was forgotten, or a later revision changed the same property and
        ``force`` is not given.
    """
    with store.transaction(author, layer) as transaction:
        changes = undo_in(transaction, number, force=force)
    if notes is not None:
        notes += transaction.notes
    return changes


def undo_in(transaction: Transaction, number: int, *, force: bool = False) -> list[Change]:
    """Do what :func:`undo` does in a transaction, perhaps one that is only tried (:mod:`esmith.store.overlay`)."""
    revision = find_revision(transaction, number)
    _refuse_forgotten(revision)
    if all(transaction.prop(*change.cell) == change.old for change in revision.changes):
        return []
    if not force:
        _refuse_overlap(transaction, revision)
    _set_back(transaction, revision.changes)
    return transaction.changes


def set_back(transaction: Transaction, changes: Iterable[Change]) -> list[Change]:
    """Set settings to other values.

    :param changes: the settings, each with the value it is to have as ``new``. Where a record is made or deleted, all
        of its properties have to be among them.
    :return: what was changed by that.
    """
    _set_back(transaction, [Change(*change.cell, change.new, change.old) for change in changes])
    return transaction.changes


def changed_since(snapshot: Snapshot, number: int) -> dict[Cell, tuple[str | None, str | None]]:
    """Return what was changed after a revision and has another value now: database, key and property of each.

    :return: each with its value then, FORGOTTEN when that was forgotten, and its value now; None for none.
    """
    oldest: dict[Cell, str | None] = {}
    for revision in snapshot.revisions():
        if revision.number <= number:
            break
        oldest |= {change.cell: change.old for change in revision.changes}
    both = {cell: (then, snapshot.prop(*cell)) for cell, then in oldest.items()}
    return {cell: (then, now) for cell, (then, now) in sorted(both.items()) if then != now}


def take_back(
    transaction: Transaction, after: int, last: int, *, among: Callable[[Revision], bool] = lambda _: True
) -> list[Change]:
    """Set back what the revisions from ``after`` (not itself) to ``last`` changed, except what was changed later.

    What was changed later, and back again, was not: so leave settings whose event failed.

    :param among: whether a revision is one of those; what others changed stays as well.
    :return: the changes that stayed, because a later revision changed the same property, or the record they made, or
        because the value of before was forgotten.
    """
    cells = set(changed_since(transaction, last))
    kept: list[Change] = []
    for revision in transaction.revisions():
        if revision.number <= after:
            break
        if revision.number > last:
            continue
        if not among(revision):
            cells |= {change.cell for change in revision.changes}
            continue
        records = {cell[:2] for cell in cells}
        stay = [
            change
            for change in revision.changes
            if change.cell in cells or change.old == FORGOTTEN or not change.prop and change.cell[:2] in records
        ]
        kept += stay
        cells |= {change.cell for change in stay}
        _set_back(transaction, [change for change in revision.changes if change not in stay])
    return kept


def _set_back(transaction: Transaction, changes: list[Change]) -> None:
    # The type comes first, since a property needs its record; when the record goes, it goes as a whole.
    for change in sorted(changes, key=lambda change: change.cell):
        database, key, prop = change.cell
        if prop:
            _restore_prop(transaction, change)
        elif change.old is None:
            transaction.delete_record(database, key)
        else:
            transaction.set_type(database, key, change.old)


def _restore_prop(transaction: Transaction, change: Change) -> None:
    if change.old is None:
        transaction.delete_prop(*change.cell)
    elif transaction.type_of(change.database, change.key) is not None:
        transaction.set_prop(*change.cell, change.old)


def _refuse_forgotten(revision: Revision) -> None:
    for change in revision.changes:
        if change.old == FORGOTTEN:
            place = " ".join(part for part in change.cell if part)
            raise EsmithError(
                f"the value before revision {revision.number} was forgotten, so the revision cannot be undone",
                place=place,
                hint="set by hand what it changed",
            )


def _refuse_overlap(snapshot: Snapshot, revision: Revision) -> None:
    cells = {change.cell for change in revision.changes}
    new_records = {change.cell[:2] for change in revision.changes if not change.prop and change.old is None}
    for later in snapshot.revisions():
        if later.number <= revision.number:
            return
        for change in later.changes:
            if change.cell in cells or change.cell[:2] in new_records:
                place = " ".join(part for part in change.cell if part)
                raise EsmithError(
                    f"revision {later.number} changed the same property later",
                    place=place,
                    hint=f"undo {later.number} first, or set it back anyway: esmith undo --force {revision.number:d}",
                )
