"""Signalling an event: its steps in order, stopping at the first failure (docs/events.md#order).

The files go the path of :mod:`esmith.events.installation`. What is special to an event is here: its actions, the
services it adjusts, and a change that has to be confirmed. ``signal-event --dry-run`` is :func:`signal_event` with a
:class:`esmith.events.session.RecordingSession`.
"""

from __future__ import annotations

import os
import time

from esmith.apply.generations import newest_number
from esmith.apply.left import list_left, record_refused
from esmith.contexts import suppress
from esmith.errors import CheckError, EsmithError, StoreError
from esmith.events.actions import run_action
from esmith.events.adjust import ServiceStep
from esmith.events.asked import check_service_actions
from esmith.events.confirm import UnconfirmedChange, find_unconfirmed, set_unconfirmed, wait_in_background
from esmith.events.contribs import drop_unknown_actions
from esmith.events.definition import ADJUST_PLACE, EXPAND_PLACE, load_event
from esmith.events.derive import declared_action, note_made
from esmith.events.errors import ActionError
from esmith.events.installation import Installation
from esmith.events.recover import recovered, restore_killed
from esmith.events.trusted import require_all, services_of
from esmith.fields import dataclass, field
from esmith.fragments.tree import TemplateTree
from esmith.functions import partial
from esmith.names import counted
from esmith.plan.plan import Plan, make_plan
from esmith.schema.strict import STRICT, is_strict
from esmith.shipped import ShippedFiles
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.events.lock import EventLock
    from esmith.events.session import Session
    from esmith.store.protocol import Snapshot


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
    :param at_fault: the files of contribs because of which something was left, as paths of this disk.
    """

    plan: Plan = field(default_factory=Plan)
    actions: list[str] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    partial: dict[str, str] = field(default_factory=dict)
    at_fault: list[str] = field(default_factory=list)


def signal_event(
    session: Session,
    name: str,
    arguments: Sequence[str] = (),
    *,
    restart: bool = False,
    confirm: float | None = None,
) -> Result:
    """Signal an event.

    :param session: the run; with a :class:`esmith.events.session.RecordingSession` nothing is changed, and the result
        is what would be done.
    :param arguments: given to every action.
    :param restart: adjust every service of the event, whether a file it reads changed or not.
    :param confirm: seconds after which the changes are rolled back unless they are confirmed; None for never.
    :raises UsageError: when there is no such event.
    :raises TemplateError: when a fragment is broken; no file was touched.
    :raises InstallError: when a file could not be written.
    :raises ActionError: when an action failed; the steps after it did not run.
    :raises ServiceError: when a service failed, and everything was restored; a SupervisorError when a supervisor
        refused: the files are installed then, and the action of the service is still pending.
    :raises BusyError: when another event does not end in time.
    :raises UntrustedError: when something of the root is not in the hands of its owners alone; nothing ran.
    """
    with session.store.snapshot() as snapshot:
        services = services_of(session.layout, snapshot)
    require_all(session.layout, services, event=name)
    with recovered(session, f"event {name}") as lock:
        started = time.time()
        session.command = " ".join(["signal-event", name, *arguments])
        run = _Run(session, name, arguments, lock, restart=restart)
        result = run.signal(confirm)
        if lock is None:
            result.left = {output.path: output.left.message for output in result.plan.left if output.left}
        elif not lock.is_nested:
            with session.store.snapshot() as snapshot:
                left_now = list_left(snapshot, since=started)
            result.left = {path: left.reason for path, left in left_now.items()}
            result.at_fault += [left.at_fault for left in left_now.values()]
        result.at_fault = sorted({*result.at_fault, *result.plan.at_fault.values()} - {""})
        run.leave_stamp(result)
        # A template that is not there has no file to leave.
        made = {output.left for output in result.plan.left}
        result.left |= {path: fault.message for path, fault in result.plan.faults.items() if fault not in made}
    return result


class _Run:
    """One run of one event.

    :param lock: None in a rehearsal.
    """

    def __init__(
        self, session: Session, name: str, arguments: Sequence[str], lock: EventLock | None, *, restart: bool
    ) -> None:
        self._session = session
        self._arguments = arguments
        self._lock = lock
        self._restart = restart
        self._what = f"signal-event {name}"
        self._event = load_event(session.layout, name, TemplateTree(session.layout))
        self._result = Result(notes=session.notes)
        self._dropped = {} if self._is_strict() else drop_unknown_actions(self._event, session.layout)
        check_service_actions(self._event)
        self._services = ServiceStep(session, self._what)
        self._services.read(self._event.services)
        self._installation = Installation(session, self._what, self._event, restart=restart, services=self._services)
        self._awaits_confirmation = False

    def signal(self, confirm: float | None) -> Result:
        event, log = self._event, self._session.log
        log.write(" ".join(["Processing event:", event.name, *self._arguments]))
        for skipped in event.skipped:
            log.write(f"Skipping non-executable event handler: {os.path.join(event.directory, skipped)}")
        for link in event.dangling:
            place = os.path.join(event.directory, link)
            self._session.say(f"{place}: is a link that leads nowhere, so nothing was run")
        for file, wrong in self._dropped.items():
            self._session.skip(file, wrong)
        try:
            with self._installation:
                for number, step in enumerate(event.steps):
                    if self._session.count is not None:
                        self._session.count(step, number, len(event.steps))
                    self._step(step)
                if confirm is None:
                    self._installation.complete()
                else:
                    self._complete_unconfirmed(confirm)
        except EsmithError as error:
            log.write(f"Event {event.name} failed: {error}")
            if isinstance(error, CheckError) and not self._session.records:
                self._note_refused()
            raise
        self._result.plan = self._installation.plan
        self._result.partial |= self._session.skipped
        self._result.at_fault += self._session.skipped
        log.write(f"Event {event.name} ended: {counted(len(self._result.plan.changed), 'file')} changed")
        if self._awaits_confirmation:
            wait_in_background(self._session.layout)
        if self._services.refused:
            raise self._services.refused[0]
        return self._result

    def _note_refused(self) -> None:
        """Record what the checks refused, for ``esmith status``."""
        session = self._session
        command = " ".join(["signal-event", self._event.name, *self._arguments])
        # What ended the event is what has to be shown, not what is wrong with the store besides.
        with suppress(StoreError), session.store.transaction(Author.current(command.split())) as transaction:
            record_refused(self._installation.plan, self._event.name, command, transaction)

    def leave_stamp(self, result: Result) -> None:
        """Leave a stamp when there was nothing to do, so that the next such event finds that at once."""
        adjusted = result.services or self._services.refused or result.partial
        if adjusted or self._arguments or self._restart or self._lock is None or self._lock.is_nested:
            return
        if self._session.found_nothing(self._installation.plan):
            from esmith.events.stamping import leave_stamp

            leave_stamp(self._session, ["signal-event", self._event.name], self._installation.plan, self._event)

    def _step(self, step: str) -> None:
        if step == ADJUST_PLACE:
            # Before services read it.
            self._installation.derive()
        if step == EXPAND_PLACE and self._event.templates:
            self._installation.carry_out(self._plan)
        elif step == ADJUST_PLACE and (self._event.services or step not in self._event.actions):
            self._adjust()
        else:
            self._act(step)

    def _plan(self, snapshot: Snapshot) -> Plan:
        session, event = self._session, self._event
        count = partial(session.count, "templates:") if session.count is not None else None
        return make_plan(session.layout, snapshot, event.templates, event=event.name, count=count)

    def _act(self, step: str) -> None:
        if not self._has_work(step):
            return
        self._result.actions.append(step)
        if self._lock is None:
            from esmith.events.foreseen import foresee

            foresee(self._session, step, os.path.join(self._event.directory, step))
            return
        with self._session.store.snapshot() as snapshot:
            before = newest_number(snapshot)
        part = self._run_action(step, self._lock)
        # An event that the action signalled and that was killed: later it could only be taken back with this one.
        restore_killed(self._session, after=before)
        note_made(self._session, os.path.join(self._event.directory, step))
        if part is not None:
            path = os.path.join(self._event.directory, step)
            self._result.partial[path] = part
            self._session.report(f"{path}: was done in part\n  {part}")

    def _has_work(self, step: str) -> bool:
        """Return whether an action may have something to do: see :attr:`esmith.events.derived.Derivation.when`."""
        session = self._session
        with session.store.snapshot() as snapshot:
            known = [one for one in self._installation.declared(strict=is_strict(snapshot)) if one.when]
            one = declared_action(session.layout, os.path.join(self._event.directory, step), known) if known else None
            if one is None or one.has_work(snapshot):
                return True
        *setting, value = one.when.split()
        session.log.write(f"{step} has nothing to do while {' '.join(setting)} is not {value}")
        return False

    def _run_action(self, step: str, lock: EventLock) -> str | None:
        """Run an action, and return why it was done in part: one of a contrib that failed, too, stops no other."""
        session = self._session
        try:
            return run_action(session, self._event, step, self._arguments, lock.environment)
        except ActionError as error:
            path = os.path.join(self._event.directory, step)
            if not ShippedFiles(session.layout).is_a_contribs(path):
                raise
            if self._is_strict():
                error.hint = f"{error.hint}\n  {STRICT}"
                raise
            self._result.at_fault.append(path)
            return f"{error.message}; nothing is restored for it\n  {error.hint}"

    def _is_strict(self) -> bool:
        with self._session.store.snapshot() as snapshot:
            return is_strict(snapshot)

    def _adjust(self) -> None:
        asked = self._installation.asked
        if self._installation.generation is not None:
            # An event that an action signalled has adjusted some of them already.
            pending = self._services.pending()
            asked = {service: words if service in pending else [] for service, words in asked.items()}
        self._result.services = self._services.done
        self._services.adjust(asked)
        self._services.watch()

    def _complete_unconfirmed(self, seconds: float) -> None:
        session, generation = self._session, self._installation.generation
        if generation is None:
            if not session.records:
                with session.store.snapshot() as snapshot:
                    earlier = find_unconfirmed(snapshot)
                still = f"; {_at_the_deadline(earlier)}" if earlier else ""
                session.say(f"no file changed, so there is nothing new to confirm{still}")
            return
        with session.store.snapshot() as snapshot:
            change = UnconfirmedChange.begun_by(generation, snapshot, time.time() + seconds)
        self._installation.complete(partial(set_unconfirmed, change=change), keep_since=generation.number)
        session.say(_at_the_deadline(change))
        self._awaits_confirmation = True


def _at_the_deadline(change: UnconfirmedChange) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(change.deadline))
    return f"the changes of {change.what} are rolled back at {when} unless you run: esmith confirm"
