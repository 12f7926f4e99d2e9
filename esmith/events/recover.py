"""Finishing what was left undone: interrupted installs, changes that were not confirmed in time, owed services.

Each command that changes files does the first two before anything else; ``esmith recover``, at boot, and the watcher
do all three.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from esmith.apply.commit import give_back
from esmith.apply.generations import Generation, list_interrupted, restore_since
from esmith.errors import StoreError
from esmith.events.adjust import ServiceStep
from esmith.events.confirm import Pending, find_pending, set_pending
from esmith.events.lock import LOCK_TIMEOUT, EventLock, find_holder
from esmith.events.log import EventLog
from esmith.events.owed import Owed, list_owed, owe, put_owed
from esmith.layout import Layout
from esmith.names import counted
from esmith.services.find import find_supervisor
from esmith.store.model import Change
from esmith.store.protocol import Snapshot, Store, Transaction
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
        notes.append(f"{first.what} was interrupted; the old content of {files} was restored")
        notes += [f"could not be restored: {error}" for error in restored.left.values()]
    if pending is not None and time.time() >= pending.deadline:
        notes.append(_go_back(pending, layout, store))
    for note in notes:
        log.write(note)
        say(note)


@dataclass(frozen=True)
class GivenBack:
    """What was done after a failure.

    :param text: what to say of it.
    :param told: the services that have to be told once more, because they may have read the new files.
    """

    text: str
    told: dict[str, list[str]]


def give_back_all(
    generation: Generation,
    layout: Layout,
    store: Store,
    what: str,
    *,
    owed_before: Mapping[str, Owed],
    done: Collection[str] = (),
) -> GivenBack:
    """Restore the files of an install that was followed by a failure, and what services were owed before it.

    It raises no error of ours, because there is one already.

    :param what: the command.
    :param owed_before: what services were owed before the install.
    :param done: the services that were adjusted since.
    """
    try:
        with store.snapshot() as snapshot:
            owed = set(list_owed(snapshot))
    except StoreError:
        owed = set()
    seen: set[str] = set()

    def is_told(service: str) -> bool:
        # One with nothing pending was adjusted by somebody else, e.g. by an event that an action signalled.
        return service in done or service not in owed

    def record(transaction: Transaction, services: Mapping[str, list[str]]) -> None:
        seen.update(services)
        owe(transaction, services, what)

    def settle_others(transaction: Transaction) -> None:
        put_owed(transaction, {service: owed_before.get(service) for service in seen if not is_told(service)})

    restored, text = give_back(generation, layout, store, record, settle_others)
    services = restored.services if restored is not None else {}
    return GivenBack(text, {service: words for service, words in services.items() if is_told(service)})


def _go_back(pending: Pending, layout: Layout, store: Store) -> str:
    """Restore the files and the settings of a change that was not confirmed, and return what to say of it."""
    kept: list[Change] = []
    changes: list[Change] = []

    def settings_back(transaction: Transaction) -> None:
        if pending.settings_from is not None:
            kept.extend(take_back(transaction, pending.settings_from, pending.settings_to))
        changes.extend(transaction.changes)
        set_pending(transaction, None)

    restored = restore_since(pending.generation, layout, store, partial(owe, why="esmith recover"), also=settings_back)
    files = counted(len(restored.paths), "file")
    text = f"{pending.what} was not confirmed in time; {files} and {counted(len(changes), 'setting')} went back"
    return f"{text}; {counted(len(kept), 'setting')} changed since then stayed" if kept else text


def find_interrupted(layout: Layout, store: Store) -> tuple[str | None, list[Generation]]:
    """Return what runs now, and the installs that were interrupted and not recovered, the newest first.

    An install of the command that runs now is not complete, and not interrupted either. So one counts if it was not
    complete before nobody was seen to hold the lock, and still is not after that.

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
    pending = find_pending(snapshot)
    times = [max(owed.since, owed.tried) + RETRY_SECONDS for owed in list_owed(snapshot).values()]
    return min([*times, *([pending.deadline] if pending else [])], default=None)
