"""Signalling an event: its steps in order, on one plan, stopping at the first failure (docs/events.md#order)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from esmith.apply.commit import commit_plan, rehearse_plan
from esmith.apply.generations import Generation, finish, list_generations
from esmith.apply.left import list_left
from esmith.events.actions import ActionRunner, ProcessRunner, RecordingRunner
from esmith.events.adjust import Finder, ServiceStep, asked_by, check_words
from esmith.events.confirm import Pending, find_pending, set_pending, wait_in_background
from esmith.events.definition import ADJUST_PLACE, EXPAND_PLACE, load_event
from esmith.events.lock import LOCK_TIMEOUT, EventLock
from esmith.events.log import EventLog, SilentLog
from esmith.events.owed import Owed, owe
from esmith.events.recover import give_back_all, recover_files
from esmith.events.trusted import require_all, services_of
from esmith.fragments.metadata import OWN_CHECKS
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.names import counted
from esmith.plan.plan import Plan, make_plan
from esmith.plan.verdict import unchecked
from esmith.services.find import find_supervisor
from esmith.services.model import Supervisor
from esmith.services.recording import RecordingSupervisor
from esmith.store.protocol import Store, Transaction

#: More would hide the first ones; a thousand users without an account are a thousand warnings.
_SHOWN_WARNINGS = 10


@dataclass
class Result:
    """What signalling an event did, or would do.

    :param plan: the files.
    :param actions: the actions that ran.
    :param services: the services that were adjusted, each with what was done.
    :param notes: what the administrator should know.
    :param left: the files that were left as they were, also by events that actions signalled, each with the reason.
        Within another event they are left to that one to report.
    :param partial: the actions that were done in part, each with what it printed last.
    """

    plan: Plan = field(default_factory=Plan)
    actions: list[str] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    partial: dict[str, str] = field(default_factory=dict)


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
    confirm: float | None = None,
) -> Result:
    """Signal an event.

    :param store: the databases, opened for writing.
    :param arguments: given to every action.
    :param say: called with messages while it runs: whom it waits for, what fragments warn of.
    :param timeout: how long to wait for another event, in seconds.
    :param restart: adjust every service of the event, whether a file it reads changed or not.
    :param confirm: seconds after which everything goes back unless it is confirmed; None for never.
    :raises UsageError: when there is no such event.
    :raises TemplateError: when a fragment is broken; no file was touched.
    :raises InstallError: when a file could not be written.
    :raises ActionError: when an action failed; the steps after it did not run.
    :raises ServiceError: when a service failed, and everything was put back; a SupervisorError when a supervisor
        refused: the files are installed then, and what the service was to be told is still owed.
    :raises BusyError: when another event does not end in time.
    :raises UntrustedError: when something of the root is not in the hands of its owners alone; nothing ran.
    """
    _require_trusted(layout, store, name)
    log = EventLog(layout)
    with EventLock(layout, f"event {name}", timeout=timeout, say=say) as lock:
        recover_files(layout, store, lock, log, say)
        machine = Machine.real(layout, log, lock)
        started = time.time()
        run = _Run(layout, store, machine, log, say, name, restart=restart, confirm=confirm)
        result = run.signal(arguments)
        if not lock.is_nested:
            with store.snapshot() as snapshot:
                result.left = {path: left.reason for path, left in list_left(snapshot, since=started).items()}
        if confirm is not None:
            if run.awaits_confirmation:
                wait_in_background(layout)
            else:
                say("no file changed, so there is nothing to confirm")
        return result


def rehearse_event(
    layout: Layout,
    store: Store,
    name: str,
    arguments: list[str],
    *,
    say: Callable[[str], None],
    restart: bool = False,
    show: Callable[[Plan], None] = lambda plan: None,
) -> Result:
    """Return what signalling an event would do now, by the same steps, changing nothing.

    Actions are not run, so what they would change in the databases does not show in the files.

    :param show: called with the plan before it is checked, so that also what is refused can be looked at.
    """
    _require_trusted(layout, store, name)
    log = SilentLog(layout)
    result = _Run(layout, store, Machine.recording(layout), log, say, name, restart=restart, show=show).signal(
        arguments
    )
    result.left = {output.path: output.left.message for output in result.plan.left if output.left}
    return result


def _require_trusted(layout: Layout, store: Store, name: str) -> None:
    """Refuse the event before anything of it runs when something of the root is in the hands of others."""
    with store.snapshot() as snapshot:
        services = services_of(snapshot)
    require_all(layout, services, event=name)


class _Run:
    """One run of one event."""

    def __init__(
        self,
        layout: Layout,
        store: Store,
        machine: Machine,
        log: EventLog,
        say: Callable[[str], None],
        name: str,
        *,
        restart: bool,
        confirm: float | None = None,
        show: Callable[[Plan], None] = lambda plan: None,
    ) -> None:
        self._show = show
        self._layout = layout
        self._store = store
        self._machine = machine
        self._log = log
        self._say = say
        self._restart = restart
        self._confirm = confirm
        self._result = Result()
        self._generation: Generation | None = None
        self._what = f"signal-event {name}"
        self._event = load_event(layout, name, TemplateTree(layout))
        check_words(self._event)
        self._services = ServiceStep(layout, store, machine.find, log, self._tell, self._what, records=machine.records)
        self._owed_before: dict[str, Owed] = {}

    @property
    def awaits_confirmation(self) -> bool:
        """Whether something was installed that goes back unless it is confirmed."""
        return self._generation is not None and self._confirm is not None

    def signal(self, arguments: list[str]) -> Result:
        name = self._event.name
        self._log.write(" ".join(["Processing event:", name, *arguments]))
        for skipped in self._event.skipped:
            self._log.write(f"Skipping non-executable event handler: {os.path.join(self._event.directory, skipped)}")
        for name in self._event.dangling:
            self._say(f"{os.path.join(self._event.directory, name)}: is a link that leads nowhere, so nothing was run")
        complete = False
        try:
            for step in self._event.steps:
                self._step(step, arguments)
            if self._generation is not None:
                self._complete(self._generation)
            complete = True
        finally:
            if self._generation is not None and not complete:
                self._put_back(self._generation)
        self._log.write(f"Event {name} ended: {counted(len(self._result.plan.changed), 'file')} changed")
        if self._services.refused:
            raise self._services.refused[0]
        return self._result

    def _step(self, step: str, arguments: list[str]) -> None:
        if step == EXPAND_PLACE and self._event.templates:
            self._expand()
        elif step == ADJUST_PLACE and (self._event.services or step not in self._event.actions):
            self._adjust()
        else:
            part = self._machine.runner.run(self._event, step, arguments)
            self._result.actions.append(step)
            if part is not None:
                path = os.path.join(self._event.directory, step)
                self._result.partial[path] = part
                self._tell(f"{path}: was done in part\n  {part}")

    def _expand(self) -> None:
        with self._store.snapshot() as snapshot:
            plan = make_plan(self._layout, snapshot, self._event.templates, event=self._event.name)
        self._result.plan = plan
        show_warnings(plan, self._log, self._say)
        asked = asked_by(self._event, plan, always=self._restart)
        if self._machine.records:
            self._show(plan)
            rehearse_plan(plan, self._layout)
        else:
            self._owed_before = self._services.owed()
            self._generation = commit_plan(
                plan,
                self._layout,
                self._store,
                self._what,
                self._tell,
                services=asked,
                also=partial(owe, services=asked, why=self._what),
            )
        report_checks(plan, self._layout, self._log, self._say)
        report_left(plan, self._tell)
        for output in plan.changed:
            self._log.write(f"{output.path}: {output.difference.value}")

    def _adjust(self) -> None:
        asked = asked_by(self._event, self._result.plan, always=self._restart)
        if self._generation is not None:
            # An event that an action signalled has told some of them already.
            owed = self._services.owed()
            asked = {service: words if service in owed else [] for service, words in asked.items()}
        self._result.services = self._services.done
        self._services.adjust(asked)
        self._services.watch()

    def _complete(self, generation: Generation) -> None:
        with self._store.snapshot() as snapshot:
            before = find_pending(snapshot)
            earlier = [other.revision for other in list_generations(snapshot) if other.number < generation.number]
            pending = Pending(
                what=self._what,
                deadline=time.time() + (self._confirm or 0),
                generation=generation.number,
                settings_from=earlier[0] if earlier else None,
                settings_to=snapshot.revision(),
            )
        first = before.generation if before else generation.number if self._confirm is not None else None

        def also(transaction: Transaction) -> None:
            if self._confirm is not None:
                set_pending(transaction, pending)

        finish(generation, self._layout, self._store, also, keep_since=first)
        if self._confirm is not None:
            when = time.strftime("%H:%M:%S", time.localtime(pending.deadline))
            self._say(f"everything goes back at {when} unless it is confirmed: esmith confirm")

    def _put_back(self, generation: Generation) -> None:
        """Restore what was there before, and have the services that may have read the new files read the old ones."""
        back = give_back_all(
            generation, self._layout, self._store, self._what, owed_before=self._owed_before, done=self._services.done
        )
        self._tell(back.text)
        self._services.adjust_back(back.told)

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


def report_left(plan: Plan, tell: Callable[[str], None]) -> None:
    """Tell which files of a plan were left as they were, and why."""
    for output in plan.left:
        if output.left is not None:
            tell(f"{output.left.place}: {output.left.message}, so it is left as it is\n  {output.left.hint}")


def report_checks(plan: Plan, layout: Layout, log: EventLog, say: Callable[[str], None]) -> None:
    """Log and show which new files were not checked, and log whether programs saw them in place.

    A root that is only a folder has hardly the plugins of a machine, so what is not known because of that is logged.
    """
    for text in plan.unchecked:
        log.write(text)
    shown = [verdict for verdict in plan.verdicts if layout.is_machine or verdict.by not in OWN_CHECKS]
    for text in unchecked(shown):
        say(text)
    if plan.copied:
        log.write(f"checks looked at copies of the new files: {plan.copied}")
