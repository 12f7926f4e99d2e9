"""Adjusting the services of one command. What could not be done stays pending."""

from __future__ import annotations

import time

from esmith.errors import ServiceError, StoreError
from esmith.events.pending import PendingAction, list_pending, record_attempt, settle
from esmith.events.usefulness import Usefulness
from esmith.names import without_line
from esmith.printable import shell_word
from esmith.schema.strict import is_strict, require_lenient
from esmith.services.actions import HOLDING, Effect, effect_of, strongest
from esmith.services.boot import boot_action
from esmith.services.definition import Services
from esmith.services.model import Status, StillEndingError, Supervisor, SupervisorError, UnsupervisedError
from esmith.services.service import Probe
from esmith.services.waiting import is_waiting
from esmith.shipped import ShippedFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from esmith.events.session import Session
    from esmith.plan.plan import Plan

#: The state of a service that was asked to end, while it does not yet, by whether it is to start again.
_AFTER_ENDING = {True: Status.UP, False: Status.ENDING}
_LOOK_CLOSER = "its log says why; 'esmith services' shows its state"


class ServiceStep:
    """Adjusts services for one command, and keeps what could not be done as pending actions.

    :param session: the run; in a rehearsal its supervisors only record, and nothing is written.
    :param why: the command.
    """

    def __init__(self, session: Session, why: str) -> None:
        self._session = session
        self._why = why
        self._services = Services(session.layout)
        self._begun = time.time()
        self._usefulness = Usefulness(session.layout, self._services)
        self._watched: dict[str, Supervisor] = {}
        #: The services that were adjusted, each with what was done; of one that failed what was tried.
        self.done: dict[str, list[str]] = {}
        self._unsupervised: dict[str, UnsupervisedError] = {}
        #: Why supervisors did not do what was asked; it is pending.
        self.refused: list[ServiceError] = []

    def read(self, services: Iterable[str]) -> None:
        """Read what is defined of services, so that a mistake shows before anything is changed.

        A service that a broken file of a contrib defines is left alone; the file is skipped.

        :raises ServiceError: when another file that defines one is broken.
        """
        for service in services:
            try:
                self._services.of(service)
            except ServiceError as error:
                self._skip(error)

    def _skip(self, error: ServiceError) -> None:
        """Skip a broken file of a contrib.

        :raises ServiceError: the error, when the file is none, or each fault is to stop everything.
        """
        session = self._session
        if not ShippedFiles(session.layout).is_a_contribs(error.place):
            raise error
        with session.store.snapshot() as snapshot:
            require_lenient(error, strict=is_strict(snapshot))
        session.skip(without_line(error.place), f"{error.message}; nothing is done to its service", error.hint)

    def without_record(self, plan: Plan) -> list[str]:
        """Return messages about the metadata that names a service which has no record: nothing adjusts it.

        :raises ServiceError: when a file that defines one is broken.
        """
        named: dict[str, str] = {}
        for output in plan.outputs:
            metadata = output.rendering.metadata
            for service in metadata.services or {}:
                named.setdefault(service, metadata.sources["services"])
        self.read(named)
        keys = dict(self._records_of(dict.fromkeys(named, [])))
        with self._session.store.snapshot() as snapshot:
            missing = [service for service, key in keys.items() if snapshot.type_of("configuration", key) is None]
        return [
            f"{named[service]}: service {service} has no record in the configuration database, so nothing is done to it"
            f"\n  correct the name, or make one: config set {shell_word(keys[service])} service status enabled"
            for service in missing
        ]

    def pending(self) -> dict[str, PendingAction]:
        """Return the pending actions."""
        with self._session.store.snapshot() as snapshot:
            return list_pending(snapshot)

    def adjust(self, asked: Mapping[str, list[str]]) -> None:
        """Adjust services, those with a pending action too.

        A service without a record in the configuration database is skipped; one whose status is not ``enabled`` is
        only stopped (docs/original.md#the-steps-of-an-event). What a supervisor refuses is noted in ``refused``, and
        the rest goes on.

        :param asked: services, each with its actions; none to only start or stop it as its status asks.
        :raises ServiceError: when a service did not carry out an action as it should. It is in ``done``, too.
        """
        self._adjust({**dict.fromkeys(self.pending(), []), **asked})

    def _adjust(self, asked: Mapping[str, list[str]]) -> None:
        keys = dict(self._records_of(asked))
        with self._session.store.snapshot() as snapshot:
            pending = list_pending(snapshot)
            records = {service: snapshot.record("configuration", key) for service, key in keys.items()}
        settled: list[str] = []
        try:
            for service, record in records.items():
                if record is None:
                    self._session.log.write(f"No conf db entry for service {service}")
                    settled.append(service)
                    continue
                enabled = record.props.get("status") == "enabled"
                if self._adjust_one(service, asked[service], pending.get(service), enabled=enabled):
                    settled.append(service)
        finally:
            if not self._session.records:
                settle(self._session.store, dict.fromkeys(settled))
            self._report_unsupervised()

    def _report_unsupervised(self) -> None:
        """Report in one message for all services that nothing supervises them, so that their actions are pending."""
        found, self._unsupervised = self._unsupervised, {}
        if len(found) < 2:
            for error in found.values():
                self._session.report(str(error))
            return
        for error in found.values():
            self._session.log.write(str(error))
        self._session.report(
            f"{len(found)} services are not supervised, so their actions are pending (esmith services): "
            f"{', '.join(found)}\n  start their supervisor, runsvdir or svscan, or disable each, the first one so: "
            f"config setprop {shell_word(next(iter(found)))} status disabled"
        )

    def _records_of(self, asked: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
        """Yield the services with the keys of their records; one whose definition is broken is refused."""
        for service in sorted(asked):
            try:
                key = self._services.of(service).record
            except ServiceError as error:
                if without_line(error.place) not in self._session.skipped:
                    self._refuse(service, asked[service], error)
            else:
                yield service, key

    def _refuse(self, service: str, actions: list[str], error: ServiceError) -> None:
        """Note that nothing could be done to a service: the actions are pending, and tried again after a while."""
        self._session.log.write(str(error))
        self.refused.append(error)
        self._record_attempt(service, actions)

    def _record_attempt(self, service: str, actions: list[str]) -> None:
        if not self._session.records:
            record_attempt(self._session.store, service, actions, self._why)

    def _note_ending(self, service: str, actions: list[str], pid: int) -> None:
        """Note that a service still ends; one that has not for too long is refused."""
        if self._session.records:
            return
        pending = record_attempt(self._session.store, service, actions, self._why, ending=pid)
        ending = self._services.of(service).ending
        seconds = time.time() - pending.asked
        if seconds > ending.within:
            error = SupervisorError(
                f"it was asked to end {seconds:.0f} s ago and has not, in more than {ending.within:g} s",
                place=f"service {service}",
                hint=_LOOK_CLOSER,
            )
            self._session.log.write(str(error))
            self.refused.append(error)

    def note_usefulness(self, plan: Plan, asked: Mapping[str, list[str]]) -> None:
        """Note which services are of use before the files of a plan are installed.

        :param asked: the services to adjust because of them, each with its actions.
        """
        changed = [output.path for output in plan.changed]
        self._usefulness.note(changed, asked, self._session.find_supervisor)

    def watch(self) -> None:
        """Wait until the services that were adjusted are certain to be up.

        :raises ServiceError: when one does not stay up, does not answer its probe, or is of no use any more.
        """
        watched = [(supervisor, service) for service, supervisor in self._watched.items()]
        probes = {service: self._services.of(service).probe for service in self._watched}
        # What is read for each connection restarts nothing.
        others = {name: one for name, one in self._usefulness.answered.items() if name not in self._watched}
        watched += [(supervisor, service) for service, supervisor in others.items() if service not in self.done]
        probes |= {name: Probe(up_for=0, within=self._services.of(name).probe.within) for name in others}
        if not watched:
            return
        from esmith.services.health import find_failing

        failing = find_failing(watched, probes, self._session.layout, self._usefulness.complaint)
        errors = [self._failure(name, text) for name, text in failing.items()]
        for error in errors:
            self._session.log.write(str(error))
        if errors:
            raise errors[0]

    def _failure(self, service: str, text: str) -> ServiceError:
        """Return the error about a service that fails after it was adjusted, with the last lines of its log."""
        supervisor = self._watched.get(service) or self._usefulness.answered[service]
        logged = self._log_of(service, supervisor)
        hint = f"{logged}\n  'esmith services' shows its state" if logged else _LOOK_CLOSER
        return ServiceError(text, place=f"service {service}", hint=hint)

    def _log_of(self, service: str, supervisor: Supervisor) -> str:
        """Return what a service has logged since this command began, as lines of a message; "" for nothing."""
        from esmith.services.logs import last_lines

        lines = last_lines(self._session.layout, self._services.of(service), supervisor.name, since=self._begun)
        return "\n    ".join(["its log ends with:", *lines]) if lines else ""

    def _add_log(self, error: BaseException, service: str, supervisor: Supervisor | None) -> None:
        if isinstance(error, ServiceError) and supervisor and (logged := self._log_of(service, supervisor)):
            error.hint = f"{error.hint}\n  {logged}" if error.hint else logged

    def carry_out_pending(self) -> None:
        """Carry out the pending actions, and wait until the services are certain to be up.

        :raises SupervisorError: when a supervisor refuses; the action stays pending.
        :raises ServiceError: when a service did not carry out an action as it should, or does not stay up.
        """
        self.adjust({})
        self.watch()
        if self.refused:
            raise self.refused[0]

    def adjust_back(self, services: Mapping[str, list[str]]) -> None:
        """Adjust services once more, after their old files were restored; what fails stays pending.

        :param services: those that read the new files perhaps, each with the actions it got.
        """
        self._watched.clear()
        self._usefulness.forget()
        for service, actions in services.items():
            try:
                self._adjust({service: actions})
            except ServiceError as error:
                self._session.report(f"with its old files: {error}")
            except StoreError as error:
                self._session.report(f"service {service} has read its old files again, which is not recorded: {error}")
        try:
            self.watch()
        except ServiceError as error:
            self._session.report(f"with its old files: {error}")

    def _adjust_one(self, service: str, asked: list[str], pending: PendingAction | None, *, enabled: bool) -> bool:
        """Adjust a service and return whether nothing is pending for it any more."""
        from esmith.services.adjust import adjust

        actions = asked
        supervisor = None
        try:
            supervisor = self._session.find_supervisor(service)
            if supervisor is None:
                self._session.log.write(f"no supervisor knows service {service}")
                return True
            status = supervisor.status(service)
            if pending is not None and pending.is_ending(status) and status.state is _AFTER_ENDING[enabled]:
                self._note_ending(service, actions, pending.ending)
                return False
            if pending is not None and not pending.has_started(status):
                actions = asked if pending.actions == asked else [strongest([*asked, *pending.actions])]
            was_waiting = is_waiting(status)
            carried_out = adjust(supervisor, service, actions, enabled)
            self._follow_status(service, supervisor, actions, enabled=enabled)
        except SupervisorError as error:
            if isinstance(error, StillEndingError):
                self.done[service] = [error.action]
                self._session.report(str(error))
                self._note_ending(service, actions, error.pid)
            elif not isinstance(error, UnsupervisedError):
                self._refuse(service, actions, error)
            elif not enabled or not actions:
                self._session.log.write(f"service {service}: not supervised")
                return True
            else:
                self._unsupervised[service] = error
                self._record_attempt(service, actions)
            return False
        except (ServiceError, KeyboardInterrupt) as error:
            # Perhaps it has the new files already.
            self.done[service] = actions
            self._add_log(error, service, supervisor)
            raise
        if carried_out:
            self.done[service] = carried_out
            self._session.log.write(f"adjusting {supervisor.name} service {service}: {' '.join(carried_out)}")
            # One whose run script waited may wait again, as Postfix's where qmail is the queue: it did not run before.
            if enabled and HOLDING.isdisjoint(map(effect_of, carried_out)) and not was_waiting:
                self._watched[service] = supervisor
        return True

    def _follow_status(self, service: str, supervisor: Supervisor, actions: list[str], *, enabled: bool) -> None:
        """Have a service start at boot as its status says, unless an action decides it."""
        if self._session.records or Effect.BOOT in map(effect_of, actions):
            return
        action = boot_action(self._session.layout, self._services.of(service), supervisor.name, enabled=enabled)
        if not action:
            return
        try:
            supervisor.control(service, action)
        except ServiceError as error:
            # It is up or down as it should be; only the next boot is wrong.
            self._session.report(str(error))
        else:
            self._session.log.write(f"service {service}: {action}d at boot")
