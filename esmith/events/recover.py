"""Finishing what was interrupted: installs, changes that were not confirmed in time, pending actions.

Each command that changes files does the first two before anything else; ``esmith recover``, at boot, and the watcher
do all three.
"""

from __future__ import annotations

import time

from esmith.apply.cleanup import remove_left_behind
from esmith.apply.generations import Generation, generations_since, list_interrupted
from esmith.contexts import contextmanager
from esmith.events.confirm import UnconfirmedChange, find_unconfirmed, set_unconfirmed
from esmith.events.damage import set_aside_damaged
from esmith.events.derive import derive_again, require_made, taking_back
from esmith.events.derived import list_stale, retry_times
from esmith.events.lock import EventLock, find_holder
from esmith.events.pending import add_pending, list_pending
from esmith.functions import partial
from esmith.names import counted
from esmith.store.model import Author, Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esmith.apply.generations import Also
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot, Store, Transaction

#: How long after an attempt without success a pending action is tried again, in seconds.
RETRY_SECONDS = 60.0
_WHAT = "esmith recover"
#: The command that replaces the files of the product.
REPLACING = "esmith init"


def recover_all(session: Session, *, with_services: bool = True) -> None:
    """Restore what was interrupted or not confirmed in time, and carry out the pending actions of services.

    :param with_services: whether the pending actions are carried out; otherwise they stay pending.
    :raises InstallError: when a file cannot be restored.
    :raises ServiceError: when a service could not be adjusted; its action is still pending.
    :raises ActionError: when something that an action makes of files is still stale.
    :raises BusyError: when a running event does not end in time.
    """
    session.layout.trust.renew()
    with session.store.snapshot() as snapshot:
        stale = list_stale(snapshot)
    with recovered(session, _WHAT):
        with session.store.snapshot() as snapshot:
            still, pending = list_stale(snapshot), list_pending(snapshot)
        for action in stale.keys() - still.keys():
            session.say(f"{', '.join(stale[action].makes)}: made again")
        if pending and with_services:
            from esmith.events.adjust import ServiceStep

            step = ServiceStep(session, _WHAT)
            try:
                step.carry_out_pending()
            finally:
                for service, actions in step.done.items():
                    session.say(f"service {service}: {' '.join(actions)}")
        require_made(session)


@contextmanager
def recovered(session: Session, what: str) -> Iterator[EventLock | None]:
    """Hold the lock of the root, in which what earlier commands left undone is restored first.

    Inside an event that goes on nothing is restored, and in a rehearsal the lock is not taken.

    :param what: what the lock is held for, shown to those who wait.
    :return: a context manager that gives the lock; None in a rehearsal.
    :raises InstallError: when a file cannot be restored.
    :raises BusyError: when a running event does not end in time.
    """
    if session.records:
        if any(one.what == REPLACING for one in find_interrupted(session.layout, session.store)[1]):
            session.say(f"{REPLACING} was interrupted, so some files of the product are new and some old")
            session.say("run it again, or restore them first: esmith recover")
        yield None
        return
    with session.lock(what) as lock, recovering(session, lock):
        yield lock


@contextmanager
def recovering(session: Session, lock: EventLock) -> Iterator[None]:
    """Restore what earlier commands left undone, and at the end what this one leaves when a signal ends it.

    A signal may come between a step and the note that it was done. Nothing is restored inside an event that goes on.

    :param lock: the lock of the root, which is held.
    :raises InstallError: when a file cannot be restored.
    """
    if not lock.is_nested:
        _restore(session)
    try:
        yield
    except KeyboardInterrupt:
        if not lock.is_nested:
            _restore(session)
        raise


def _restore(session: Session) -> None:
    """Restore what an event changed that was killed, or was not confirmed in time.

    The services that read those files get pending actions.
    """
    for note in set_aside_damaged(session.layout, session.store):
        session.report(note)
    swept = restore_killed(session)
    with session.store.snapshot() as snapshot:
        unconfirmed = find_unconfirmed(snapshot)
    if unconfirmed is not None and time.time() >= unconfirmed.deadline:
        session.report(_roll_back(unconfirmed, session))
    remove_left_behind(session.layout, session.store, swept)
    derive_again(session, _WHAT)


def restore_killed(session: Session, *, after: int = 0) -> set[str]:
    """Restore what was there before installs whose commands were killed; the caller knows that none of them runs.

    :param after: only installs with higher numbers, e.g. those begun while an action ran.
    :return: the directories in which temporary files of processes that ended were removed.
    :raises InstallError: when a file cannot be restored.
    :raises StoreError: when the store cannot be written.
    """
    with session.store.snapshot() as snapshot:
        if not list_interrupted(snapshot, after=after):
            return set()
    from esmith.apply.restore import restore_interrupted

    def also_since(installs: Sequence[Generation]) -> Also:
        return taking_back(session, installs[-1].number, _WHAT, installs=installs)

    return restore_interrupted(
        session.layout,
        session.store,
        partial(add_pending, why=_WHAT),
        also_since,
        session.report,
        after=after,
    )


def _roll_back(change: UnconfirmedChange, session: Session) -> str:
    """Restore the files and the settings of a change that was not confirmed, and return the message about it."""
    from esmith.apply.restore import restore_since
    from esmith.store.undo import take_back

    reason = _why_not(change, session)
    if reason:
        with session.store.transaction(Author.current(_WHAT.split())) as transaction:
            set_unconfirmed(transaction, None)
        text = f"{change.what} was not confirmed in time, but {reason}"
        return f"{text}\n  nothing was rolled back; 'esmith history' and 'esmith undo' take its settings back"
    kept: list[Change] = []
    changes: list[Change] = []

    def settings_back(transaction: Transaction) -> None:
        if change.settings_from is not None:
            kept.extend(take_back(transaction, change.settings_from, change.settings_to))
        changes.extend(transaction.changes)
        set_unconfirmed(transaction, None)

    record = partial(add_pending, why=_WHAT)
    also = taking_back(session, change.generation, _WHAT, settings_back)
    command = [*_WHAT.split(), f"({change.what} was not confirmed)"]
    restored = restore_since(
        change.generation, session.layout, session.store, record, also, command=command, note=session.report
    )
    files = counted(len(restored.paths), "file")
    text = f"{change.what} was not confirmed in time; {files} and {counted(len(changes), 'setting')} were restored"
    stay = f"; {counted(len(kept), 'setting')} changed since then stay" if kept else ""
    return text + stay


def _why_not(change: UnconfirmedChange, session: Session) -> str:
    """Return why what an unconfirmed change installed cannot be taken back, "" when it can."""
    from esmith.apply.restore import why_not

    with session.store.snapshot() as snapshot:
        installs = generations_since(change.generation, snapshot)
    disk = session.layout.disk()
    return next(filter(None, (why_not(install, session.layout, disk) for install in installs)), "")


def find_interrupted(layout: Layout, store: Store) -> tuple[str | None, list[Generation]]:
    """Return what runs now, and the installs that were interrupted and not recovered, the newest first.

    An install of the command that runs now is not complete, and not interrupted either. So one counts if it was not
    complete before nobody held the lock, and still is not after that.

    :return: who holds the lock, e.g. ``event email-update (process 123)``, None for nobody; and the installs.
    :raises InstallError: when the lock cannot be read.
    """
    with store.snapshot() as snapshot:
        before = {(install.number, install.time) for install in list_interrupted(snapshot)}
    holder = find_holder(layout)
    if holder is not None or not before:
        return holder, []
    with store.snapshot() as snapshot:
        return None, [one for one in list_interrupted(snapshot) if (one.number, one.time) in before]


def next_due(snapshot: Snapshot) -> float | None:
    """Return when :func:`recover_all` has something to do next, in seconds since 1970; None for never.

    An install that is not complete is due at once, unless an event that holds the lock is about to complete it.
    """
    if list_interrupted(snapshot):
        return 0.0
    unconfirmed = find_unconfirmed(snapshot)
    tried = [max(pending.since, pending.tried) for pending in list_pending(snapshot).values()]
    times = [last + RETRY_SECONDS for last in (*tried, *retry_times(snapshot))]
    return min([*times, *([unconfirmed.deadline] if unconfirmed else [])], default=None)
