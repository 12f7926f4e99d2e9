"""Finishing what was left undone: interrupted installs, changes that were not confirmed in time, owed services.

Each command that changes files does the first two before anything else; ``esmith recover``, at boot, and the watcher
do all three.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from esmith.apply.generations import list_interrupted, restore_since
from esmith.events.adjust import ServiceStep
from esmith.events.confirm import Pending, find_pending, set_pending
from esmith.events.lock import LOCK_TIMEOUT, EventLock
from esmith.events.log import EventLog
from esmith.events.owed import list_owed, owe
from esmith.layout import Layout
from esmith.names import counted
from esmith.services.find import find_supervisor
from esmith.store.model import Author
from esmith.store.protocol import Snapshot, Store
from esmith.store.undo import take_back

#: How long after a vain attempt a service is told again, in seconds.
RETRY_SECONDS = 60.0


def recover_all(layout: Layout, store: Store, *, say: Callable[[str], None], timeout: float = LOCK_TIMEOUT) -> None:
    """Put back what was interrupted or not confirmed in time, and tell services what they are owed.

    :param store: the databases, opened for writing.
    :param say: called with what was done.
    :param timeout: how long to wait for a running event, in seconds.
    :raises InstallError: when a file cannot be put back.
    :raises ServiceError: when a service could not be told; it stays owed.
    :raises BusyError: when a running event does not end in time.
    """
    layout.trust.renew()
    log = EventLog(layout)
    with EventLock(layout, "esmith recover", timeout=timeout, say=say) as lock:
        recover_files(layout, store, lock, log, say)
        with store.snapshot() as snapshot:
            owed = list_owed(snapshot)
        if not owed:
            return

        def tell(text: str) -> None:
            log.write(text)
            say(text)

        step = ServiceStep(layout, store, partial(find_supervisor, layout), log, tell, "esmith recover")
        try:
            step.carry_out_owed()
        finally:
            for service, words in step.done.items():
                say(f"service {service}: {' '.join(words)}")


def recover_files(layout: Layout, store: Store, lock: EventLock, log: EventLog, say: Callable[[str], None]) -> None:
    """Put back what an event changed that was killed, or was not confirmed in time.

    The services that read those files are owed their words then. Nothing is done inside an event that goes on.

    :raises InstallError: when a file cannot be put back.
    """
    if lock.is_nested:
        return
    with store.snapshot() as snapshot:
        interrupted = list_interrupted(snapshot)
        pending = find_pending(snapshot)
    notes = []
    if interrupted:
        first = interrupted[-1]
        restored = restore_since(first.number, layout, store, partial(owe, why="esmith recover"))
        files = counted(len(restored.paths), "file")
        notes.append(f"{first.what} was interrupted; the old content of {files} was put back")
    if pending is not None and time.time() >= pending.deadline:
        notes.append(_go_back(pending, layout, store))
    for note in notes:
        log.write(note)
        say(note)


def _go_back(pending: Pending, layout: Layout, store: Store) -> str:
    """Put back the files and the settings of a change that was not confirmed, and return what to say of it."""
    restored = restore_since(pending.generation, layout, store, partial(owe, why="esmith recover"))
    with store.transaction(Author.current(["esmith", "recover"])) as transaction:
        kept = []
        if pending.settings_from is not None:
            kept = take_back(transaction, pending.settings_from, pending.settings_to)
        settings = len(transaction.changes)
        set_pending(transaction, None)
    files = counted(len(restored.paths), "file")
    text = f"{pending.what} was not confirmed in time; {files} and {counted(settings, 'setting')} went back"
    return f"{text}; {counted(len(kept), 'setting')} changed since then stayed" if kept else text


def next_due(snapshot: Snapshot) -> float | None:
    """Return when :func:`recover_all` has something to do next, in seconds since 1970; None for never.

    An install that is not complete is due at once, unless an event that holds the lock is about to complete it.
    """
    if list_interrupted(snapshot):
        return 0.0
    pending = find_pending(snapshot)
    times = [max(owed.since, owed.tried) + RETRY_SECONDS for owed in list_owed(snapshot).values()]
    return min([*times, *([pending.deadline] if pending else [])], default=None)
