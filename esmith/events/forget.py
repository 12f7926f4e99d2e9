"""Taking the former values of a property out of everything the engine keeps."""

from __future__ import annotations

import shlex

from esmith.apply import forget as kept
from esmith.apply.generations import list_interrupted
from esmith.errors import EsmithError, InstallError, StoreError, UsageError
from esmith.events.confirm import find_unconfirmed
from esmith.events.damage import set_aside_damaged
from esmith.fields import dataclass, field
from esmith.schema.secrecy import is_findable
from esmith.store.forget import Former, find_former, is_known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.plan.remembered import Cell
    from esmith.store.model import Author, Erased
    from esmith.store.protocol import Snapshot


@dataclass
class Forgotten:
    """What was forgotten, or would be.

    :param former: what the journal has.
    :param unsearched: how many values are not looked for in files and free space, because they are too short.
    :param overwritten: files in which values are overwritten, with the number of places.
    :param generations: those that are dropped.
    :param in_place: generated files that hold a former value still.
    :param packed: compressed logs, which are not searched.
    :param erased: what came of the free space of the databases; None in a rehearsal.
    """

    former: Former
    unsearched: int = 0
    overwritten: dict[str, int] = field(default_factory=dict)
    generations: list[int] = field(default_factory=list)
    in_place: list[str] = field(default_factory=list)
    packed: list[str] = field(default_factory=list)
    erased: Erased | None = None


def rehearse_forgetting(session: Session, cell: Cell) -> Forgotten:
    """Return what forgetting the former values of a property would take out; nothing is changed.

    :param cell: database, key and property, "" for the value of a record without properties.
    :raises UsageError: when there is no such property.
    :raises EsmithError: when a change is not confirmed, or an event was interrupted.
    """
    with session.store.snapshot() as snapshot:
        _refuse(snapshot, cell)
        former = _former(snapshot, cell)
        forgotten, _ = _look(session.layout, snapshot, former, cell)
        return forgotten


def forget(session: Session, cell: Cell, author: Author) -> Forgotten:
    """Take every former value of a property out of the journal, kept files, generations, logs and free space.

    The value of today stays in the database; its entry in the journal goes. The files come first and the journal
    after them, since only it has the values: when this is interrupted it can be repeated.

    :param cell: database, key and property, "" for the value of a record without properties.
    :param author: who does it, for the journal.
    :raises UsageError: when there is no such property.
    :raises EsmithError: when a change is not confirmed, an event was interrupted, or runs this.
    :raises InstallError: when a file cannot be read or written.
    """
    layout, store = session.layout, session.store
    with session.lock("esmith forget") as lock:
        if lock.is_nested:
            raise EsmithError(
                "an event runs, which could go back to what is forgotten", hint="run it outside of events"
            )
        for note in set_aside_damaged(layout, store):
            # They may hold the value, too.
            session.report(note)
        try:
            former, forgotten = _take_out(session, cell, author)
        except (InstallError, StoreError) as error:
            error.add("a part of it may be done; run it again for the rest")
            raise
        session.log.write(f"Forgot the former values of {' '.join(filter(None, cell))}")
        forgotten.erased = store.erase([value for value in former.values if is_findable(value)])
    return forgotten


def _take_out(session: Session, cell: Cell, author: Author) -> tuple[Former, Forgotten]:
    """Take the values out of everything but the free space."""
    layout, store = session.layout, session.store
    while True:
        with store.snapshot() as snapshot:
            _refuse(snapshot, cell)
            former = _former(snapshot, cell)
            forgotten, files = _look(layout, snapshot, former, cell)
        kept.release_drafts(layout, files)
        kept.overwrite(files)
        kept.remove_bases(layout, files)
        with store.transaction(author) as transaction:
            kept.drop_generations(forgotten.generations, transaction)
        kept.remove_generations(layout, forgotten.generations)
        with store.transaction(author) as transaction:
            now = _former(transaction, cell)
            if now.values == former.values:
                kept.drop_digests(transaction, cell)
                kept.mask_commands(transaction, filter(is_findable, now.values))
                transaction.rewrite(now.revisions)
                return former, forgotten


def _former(snapshot: Snapshot, cell: Cell) -> Former:
    return find_former(snapshot, cell, is_findable)


def _look(layout: Layout, snapshot: Snapshot, former: Former, cell: Cell) -> tuple[Forgotten, dict[str, kept.Places]]:
    """Return the files that hold the values, and where in those that are overwritten the values stand."""
    values = {value for value in former.values if is_findable(value)}
    logs, packed = kept.find_in_logs(layout, values)
    files = {**kept.find_in_kept(layout, values), **kept.find_in_overrides(layout, values), **logs}
    forgotten = Forgotten(
        former,
        unsearched=len(former.values - values),
        overwritten={layout.inside(path): len(places) for path, places in files.items()},
        generations=kept.find_generations(layout, snapshot, values, cell),
        in_place=kept.find_in_place(layout, snapshot, values),
        packed=[layout.inside(path) for path in packed],
    )
    return forgotten, files


def _refuse(snapshot: Snapshot, cell: Cell) -> None:
    database, key, prop = cell
    words = [part for part in cell if part]
    place = " ".join(words)
    record = snapshot.record(database, key)
    if not prop and record is not None and record.props:
        raise UsageError("the record has properties", place=place, hint="name the property whose values to forget")
    if not is_known(snapshot, cell):
        hint = ""
        if not snapshot.has_database(database) and snapshot.record("configuration", database) is not None:
            hint = "the database comes first: " + shlex.join(["esmith", "forget", "configuration", *words])
        raise UsageError("there is no such property, and the journal knows of none", place=place, hint=hint)
    interrupted = list_interrupted(snapshot)
    if interrupted:
        raise EsmithError(
            f"{interrupted[-1].what} was interrupted, and its old files are needed to go back",
            hint="run this again after: esmith recover",
        )
    unconfirmed = find_unconfirmed(snapshot)
    if unconfirmed is not None:
        raise EsmithError(
            f"{unconfirmed.what} is not confirmed, and is rolled back to old values otherwise",
            hint="keep it with 'esmith confirm', or wait until it was rolled back; then run this again",
        )
