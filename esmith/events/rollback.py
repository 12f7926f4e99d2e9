"""Going back to an earlier generation: the files, and the settings they were made from."""

from __future__ import annotations

from functools import partial
from itertools import takewhile

from esmith.apply.generations import Generation, list_generations, mark_interrupted
from esmith.apply.kept import kept_directory
from esmith.apply.origin import mark_reopened
from esmith.apply.restore import UnrecordedError, find_missing, restore_since, why_not
from esmith.errors import InstallError, StoreError, UsageError
from esmith.events.adjust import ServiceStep
from esmith.events.derive import derive_again, known_derivations, taking_back
from esmith.events.derived import affected, mark_stale
from esmith.events.pending import add_pending
from esmith.events.recover import recovered
from esmith.fields import dataclass
from esmith.store.model import Author, Change
from esmith.store.undo import forgotten_since, rewind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

#: One for the settings, one for the files, and some for services.
_TRANSACTIONS = 8
#: A row may lie on a page of its own.
_PAGE_BYTES = 4096
_SETTINGS_RESTORED = "the settings were restored"


@dataclass
class RolledBack:
    """What going back did.

    :param paths: the files that were restored.
    :param changes: the settings that were restored.
    :param services: the services that read their files again, each with what was done.
    :param forgotten: the properties that stayed as they are, because their values of then were forgotten.
    """

    paths: list[str]
    changes: list[Change]
    services: dict[str, list[str]]
    forgotten: list[tuple[str, str, str]]


def roll_back(session: Session, number: int | None = None) -> RolledBack:
    """Go back to a generation.

    The settings go back first, in one revision, which also says that the files are to follow.

    :param number: the generation; None for the one before the last.
    :raises UsageError: when there is no such generation, or none after it.
    :raises InstallError: when a file cannot be restored.
    :raises StoreError: when the store cannot be written.
    :raises ServiceError: when a service does not stay up with its old files.
    :raises BusyError: when a running event does not end in time.
    """
    with recovered(session, "esmith rollback"):
        return _roll_back(session, number)


def _roll_back(session: Session, number: int | None) -> RolledBack:
    step = ServiceStep(session, "esmith rollback")
    with session.store.snapshot() as snapshot:
        found = {generation.number: generation for generation in list_generations(snapshot)}
    numbers = sorted(found)
    if number is None:
        if len(numbers) < 2:
            raise UsageError("there is no generation to roll back to", hint="'esmith generations' lists them")
        number = numbers[-2]
    later = [other for other in numbers if other > number]
    if number not in found or not later:
        raise UsageError(
            f"there is no generation {number} to roll back to",
            hint="'esmith generations' lists them; the last one is the present state",
        )
    step.read({*step.pending(), *(service for other in later for service in found[other].services)})
    what = f"esmith rollback {number}"
    _prepare([found[other] for other in later], session.layout)
    derivations = known_derivations(session)
    try:
        with session.store.snapshot() as snapshot:
            size = _bytes_back(snapshot, found[number].revision)
            forgotten = forgotten_since(snapshot, found[number].revision)
        session.store.reserve(size + sum(len(found[other].encode()) for other in later), _TRANSACTIONS)
        # One transaction for the settings and what is to be done: interrupted after it, recovering does the rest.
        with session.store.transaction(Author.current(what.split())) as transaction:
            changes = rewind(transaction, found[number].revision)
            mark_interrupted(transaction, later[0], what)
            mark_stale(transaction, affected(derivations, (), changes), what)
    except StoreError as error:
        error.add_unchanged()
        raise
    try:
        pending = partial(add_pending, why=what)
        stale = taking_back(session, later[0], what, derivations=derivations)
        restored = restore_since(later[0], session.layout, session.store, pending, stale, note=session.report)
    except UnrecordedError as error:
        error.add(_SETTINGS_RESTORED)
        raise
    except (InstallError, StoreError) as error:
        error.add(f"{_SETTINGS_RESTORED}; remove the cause, and restore the rest of the files with: esmith recover")
        raise
    derive_again(session, what, derivations=derivations)
    step.carry_out_pending()
    return RolledBack(restored.paths, changes, step.done, forgotten)


def _prepare(installs: list[Generation], layout: Layout) -> None:
    """See that all old files are there, and note with them that they are to be restored.

    :raises InstallError: when they are not; nothing was changed.
    """
    disk = layout.disk()
    try:
        for install in installs:
            reason = why_not(install, layout, disk)
            missing = [] if reason else find_missing(install, layout, disk)
            if reason or missing:
                raise InstallError(
                    f"generation {install.number} cannot be taken back: {reason or 'old files are not kept any more'}",
                    place=missing[0] if missing else kept_directory(layout, install.number),
                    hint="'esmith undo' takes settings back, and an event makes the files from them",
                )
        for install in installs:
            mark_reopened(layout, disk, install.number, install.token)
    except InstallError as error:
        error.add("nothing was changed")
        raise


def _bytes_back(snapshot: Snapshot, number: int) -> int:
    """Return what it takes at most to set back what came after a revision: rows, and their parts of the journal."""
    size = 0
    for revision in takewhile(lambda revision: revision.number > number, snapshot.revisions()):
        for change in revision.changes:
            texts = (*change.cell, *change.cell, change.old, change.old, change.new)
            size += _PAGE_BYTES + sum(len(text or "") for text in texts)
    return size
