"""Signalling an event: its steps in order, on one plan, stopping at the first failure (DESIGN sections 7 and 8)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from esmith.apply.commit import commit_plan, rehearse_plan
from esmith.apply.generations import Generation, finish, recover, restore_since
from esmith.apply.plan import Plan, make_plan
from esmith.events.actions import ActionRunner, ProcessRunner, RecordingRunner
from esmith.events.adjust import Finder, adjust_back, adjust_services, check_words
from esmith.events.definition import ADJUST_PLACE, EXPAND_PLACE, Event, load_event
from esmith.events.lock import LOCK_TIMEOUT, EventLock
from esmith.events.log import EventLog
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.names import counted
from esmith.services.find import find_supervisor
from esmith.services.model import Supervisor
from esmith.services.recording import RecordingSupervisor
from esmith.store.protocol import Store

#: More would hide the first ones; a thousand users without an account are a thousand warnings.
_SHOWN_WARNINGS = 10


@dataclass
class Result:
    """What signalling an event did, or would do.

    :param plan: the files.
    :param actions: the actions that ran.
    :param services: the services that were adjusted, each with what was done.
    :param notes: what the administrator should know.
    """

    plan: Plan = field(default_factory=Plan)
    actions: list[str] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class Machine:
    """What an event acts on: the real machine, or a record of it for ``--dry-run`` and for tests.

    :param runner: runs actions.
    :param find: finds the supervisor of a service.
    :param records: whether it only records; no file and nothing of the store is written then.
    """

    runner: ActionRunner
    find: Finder
    records: bool = False

    @classmethod
    def real(cls, layout: Layout, log: EventLog, lock: EventLock) -> Machine:
        """Return the machine itself, or the part of it that is under the root."""
        runner = ProcessRunner(layout, log, lock.environment)
        return cls(runner, lambda service: find_supervisor(layout, service))

    @classmethod
    def recording(cls, layout: Layout) -> Machine:
        """Return a machine that does nothing and remembers what it was asked."""

        def find(service: str) -> Supervisor | None:
            real = find_supervisor(layout, service)
            return RecordingSupervisor(real=real) if real else None

        return cls(RecordingRunner(), find, records=True)


def signal_event(
    layout: Layout,
    store: Store,
    name: str,
    arguments: list[str],
    *,
    say: Callable[[str], None],
    timeout: float = LOCK_TIMEOUT,
    restart: bool = False,
) -> Result:
    """Signal an event.

    :param store: the databases, opened for writing.
    :param arguments: given to every action.
    :param say: called with messages while it runs: whom it waits for, what fragments warn of.
    :param timeout: how long to wait for another event, in seconds.
    :param restart: adjust every service of the event, whether a file it reads changed or not.
    :raises UsageError: when there is no such event.
    :raises TemplateError: when a fragment is broken; no file was touched.
    :raises InstallError: when a file could not be written.
    :raises ActionError: when an action failed; the steps after it did not run.
    :raises ServiceError: when a service could not be adjusted.
    :raises BusyError: when another event does not end in time.
    """
    log = EventLog(layout)
    with EventLock(layout, f"event {name}", timeout=timeout, say=say) as lock:
        recover_interrupted(layout, store, lock, log, say)
        run = _Run(layout, store, Machine.real(layout, log, lock), log, say, restart=restart)
        return run.signal(name, arguments)


def rehearse_event(
    layout: Layout, store: Store, name: str, arguments: list[str], *, say: Callable[[str], None], restart: bool = False
) -> Result:
    """Return what signalling an event would do now, by the same steps, changing nothing.

    Actions are not run, so what they would change in the databases does not show in the files.
    """
    log = _SilentLog(layout)
    return _Run(layout, store, Machine.recording(layout), log, say, restart=restart).signal(name, arguments)


def recover_interrupted(
    layout: Layout, store: Store, lock: EventLock, log: EventLog, say: Callable[[str], None]
) -> None:
    """Put back what an event changed that was killed, unless this command runs inside the one that goes on."""
    if lock.is_nested:
        return
    for note in recover(layout, store):
        log.write(note)
        say(note)


class _SilentLog(EventLog):
    def write(self, text: str) -> None:
        """Log nothing."""


class _Run:
    """One run of one event."""

    def __init__(
        self,
        layout: Layout,
        store: Store,
        machine: Machine,
        log: EventLog,
        say: Callable[[str], None],
        *,
        restart: bool,
    ) -> None:
        self._layout = layout
        self._store = store
        self._machine = machine
        self._log = log
        self._say = say
        self._restart = restart
        self._result = Result()
        self._generation: Generation | None = None

    def signal(self, name: str, arguments: list[str]) -> Result:
        event = load_event(self._layout, name, TemplateTree(self._layout))
        check_words(event)
        self._log.write(" ".join(["Processing event:", name, *arguments]))
        for skipped in event.skipped:
            self._log.write(f"Skipping non-executable event handler: {os.path.join(event.directory, skipped)}")
        complete = False
        try:
            for step in event.steps:
                self._step(event, step, arguments)
            complete = True
        finally:
            self._end(complete=complete)
        self._log.write(f"Event {name} ended: {counted(len(self._result.plan.changed), 'file')} changed")
        return self._result

    def _step(self, event: Event, step: str, arguments: list[str]) -> None:
        if step == EXPAND_PLACE and event.templates:
            self._expand(event)
        elif step == ADJUST_PLACE and event.services:
            with self._store.snapshot() as snapshot:
                adjust_services(
                    event,
                    self._result.plan,
                    snapshot,
                    self._machine.find,
                    self._log,
                    self._result.services,
                    always=self._restart,
                )
        else:
            self._machine.runner.run(event, step, arguments)
            self._result.actions.append(step)

    def _expand(self, event: Event) -> None:
        with self._store.snapshot() as snapshot:
            plan = make_plan(self._layout, snapshot, event.templates, event=event.name)
        self._result.plan = plan
        show_warnings(plan, self._log, self._say)
        if self._machine.records:
            rehearse_plan(plan, self._layout)
        else:
            self._generation = commit_plan(plan, self._layout, self._store, f"signal-event {event.name}", self._tell)
        for text in [*plan.unchecked, *(f"{output.path}: {output.difference.value}" for output in plan.changed)]:
            self._log.write(text)

    def _end(self, *, complete: bool) -> None:
        """Finish what was installed, or put back what was there before."""
        if self._generation is None:
            return
        if complete:
            finish(self._generation, self._layout, self._store)
            return
        paths = restore_since(self._generation, self._layout, self._store)
        with self._store.snapshot() as snapshot:
            adjust_back(self._result.services, snapshot, self._machine.find, self._log)
        self._tell(f"the event failed, so the old content of {counted(len(paths), 'file')} was put back")

    def _tell(self, text: str) -> None:
        self._log.write(text)
        self._result.notes.append(text)
        self._say(text)


def show_warnings(plan: Plan, log: EventLog, say: Callable[[str], None]) -> None:
    """Log what the fragments of a plan warn of, and show the first of it."""
    warnings = plan.warnings
    for warning in warnings:
        log.write(f"WARNING: {warning}")
    for warning in warnings[:_SHOWN_WARNINGS]:
        say(warning)
    if len(warnings) > _SHOWN_WARNINGS:
        say(f"... and {len(warnings) - _SHOWN_WARNINGS} more warnings, in the log")
