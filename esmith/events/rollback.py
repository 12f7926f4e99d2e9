"""Going back to an earlier generation: the files, and the settings they were made from."""

from __future__ import annotations

from functools import partial

from esmith.apply.generations import Generation, mark_interrupted
from esmith.apply.kept import kept_directory
from esmith.apply.origin import mark_reopened
from esmith.apply.restore import UnrecordedError, find_missing, restore_since, why_not
from esmith.errors import EsmithError, InstallError, StoreError
from esmith.events.adjust import ServiceStep
from esmith.events.derive import derive_again, known_derivations, taking_back
from esmith.events.derived import affected, mark_stale
from esmith.events.earlier import Earlier, find_earlier
from esmith.events.pending import add_pending
from esmith.events.recover import recovered
from esmith.fields import dataclass
from esmith.store.model import Author, Change
from esmith.store.undo import set_back

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.session import Session
    from esmith.layout import Layout

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
    :param unknown: the files of which it was not remembered what they were made of, so that all settings were restored.
    :param templates: the templates that made the files.
    """

    paths: list[str]
    changes: list[Change]
    services: dict[str, list[str]]
    forgotten: list[tuple[str, str, str]]
    unknown: list[str]
    templates: set[str]


def roll_back(
    session: Session, number: int | None = None, *, files_only: bool = False, shown: Earlier | None = None
) -> RolledBack:
    """Go back to a generation: its files, and the settings that they were made from.

    The settings go back first, in one revision, which also says that the files are to follow.

    :param number: the generation; None for the one before the last.
    :param files_only: whether the settings stay as they are.
    :param shown: what somebody was shown and has agreed to; nothing else is done then.
    :raises UsageError: when there is no such generation, or none after it.
    :raises EsmithError: when it would not be what was shown.
    :raises InstallError: when a file cannot be restored.
    :raises StoreError: when the store cannot be written.
    :raises ServiceError: when a service does not stay up with its old files.
    :raises BusyError: when a running event does not end in time.
    """
    with recovered(session, "esmith rollback"):
        return _roll_back(session, number, files_only=files_only, shown=shown)


def _roll_back(session: Session, number: int | None, *, files_only: bool, shown: Earlier | None) -> RolledBack:
    step = ServiceStep(session, "esmith rollback")
    with session.store.snapshot() as snapshot:
        earlier = find_earlier(session.layout, snapshot, number, files_only=files_only)
        seen = snapshot.revision()
        size = _bytes_of(earlier.changes)
    _require_shown(earlier, shown)
    first = earlier.later[0]
    step.read({*step.pending(), *(service for other in earlier.later for service in other.services)})
    what = f"esmith rollback {earlier.number}"
    words = ["esmith", "rollback", *(["--files-only"] if files_only else []), str(earlier.number)]
    _prepare(earlier.later, session.layout)
    derivations = known_derivations(session)
    try:
        session.store.reserve(size + sum(len(other.encode()) for other in earlier.later), _TRANSACTIONS)
        # One transaction for the settings and what is to be done: interrupted after it, recovering does the rest.
        with session.store.transaction(Author.current(words)) as transaction:
            if transaction.revision() != seen:
                earlier = find_earlier(session.layout, transaction, earlier.number, files_only=files_only)
                _require_shown(earlier, shown)
            changes = set_back(transaction, earlier.changes)
            mark_interrupted(transaction, first.number, what)
            mark_stale(transaction, affected(derivations, (), changes), what)
    except StoreError as error:
        error.add_unchanged()
        raise
    try:
        pending = partial(add_pending, why=what)
        stale = taking_back(session, first.number, what, derivations=derivations)
        restored = restore_since(first.number, session.layout, session.store, pending, stale, note=session.report)
    except UnrecordedError as error:
        error.add(_SETTINGS_RESTORED)
        raise
    except (InstallError, StoreError) as error:
        error.add(f"{_SETTINGS_RESTORED}; remove the cause, and restore the rest of the files with: esmith recover")
        raise
    derive_again(session, what, derivations=derivations)
    step.carry_out_pending()
    return RolledBack(restored.paths, changes, step.done, earlier.forgotten, earlier.unknown, earlier.templates)


def _require_shown(earlier: Earlier, shown: Earlier | None) -> None:
    """Refuse what is not what was shown.

    :raises EsmithError: when it is not.
    """
    if shown is not None and earlier.parts != shown.parts:
        raise EsmithError(
            "files or settings were changed since this was shown; nothing was changed",
            hint="look at what would be set back now: esmith rollback --dry-run",
        )


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


def _bytes_of(changes: list[Change]) -> int:
    """Return what it takes at most to set settings back: rows, and their parts of the journal."""
    size = 0
    for change in changes:
        texts = (*change.cell, *change.cell, change.old, change.new, change.new)
        size += _PAGE_BYTES + sum(len(text or "") for text in texts)
    return size
