"""Which services an event adjusts, and how: only those that read a changed file, must start or must stop.

A template says which services read its output (``services`` in template.toml). A service that no output of the event
names is adjusted every time, as the original does: nobody said what it reads. What could not be told stays owed.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping

from esmith.errors import ServiceError, StoreError
from esmith.events.definition import Event
from esmith.events.owed import Owed, list_owed, note_attempt, settle
from esmith.events.session import Session
from esmith.plan.output import Difference, Output
from esmith.plan.plan import Plan
from esmith.services.adjust import adjust
from esmith.services.definition import Services
from esmith.services.health import find_failing
from esmith.services.model import Supervisor, SupervisorError, UnsupervisedError
from esmith.services.words import HOLDING, check_word, effect_of, strongest

_LOOK_CLOSER = "its log tells why; 'esmith services' shows its state"


def check_words(event: Event) -> None:
    """Check the words of an event before anything is touched.

    :raises UsageError: when one is unknown.
    """
    for words in event.services.values():
        for word in words:
            check_word(word)


def asked_by(event: Event, plan: Plan, *, always: bool = False) -> dict[str, list[str]]:
    """Return what services are asked to do because of a plan: those of the event, and those that read a changed file.

    :param always: whether no change is needed for the services of the event (``--restart``).
    :return: the words for each service; none when it is only to be started or stopped as its status asks.
    :raises UsageError: when a word is unknown.
    """
    named = {service for output in plan.changed for service in output.rendering.metadata.services or {}}
    return {service: _words_for(event, plan, service, always=always) for service in sorted({*event.services, *named})}


def _words_for(event: Event, plan: Plan, service: str, *, always: bool) -> list[str]:
    own = event.services.get(service, ["restart"])
    readers = _readers(event, plan, service)
    named = any(output.rendering.metadata.services is not None for output in readers)
    if not named or (always and service in event.services):
        return own
    reasons = _reasons(readers, service, own)
    if len(reasons) == 1:
        return list(reasons[0])
    return [strongest(itertools.chain.from_iterable(reasons))] if reasons else []


def _readers(event: Event, plan: Plan, service: str) -> list[Output]:
    """Return the files that a service reads; any service of the event may read one whose metadata names none."""
    of_event = service in event.services
    return [
        output
        for output in plan.outputs
        if (of_event if (services := output.rendering.metadata.services) is None else service in services)
    ]


def _reasons(readers: list[Output], service: str, own: list[str]) -> list[tuple[str, ...]]:
    """Return the words that changed files ask for, each once: the action in the metadata, else those of the event."""
    actions = [
        (output.rendering.metadata.services or {}).get(service, "")
        for output in readers
        if output.difference is not Difference.NONE
    ]
    return list(dict.fromkeys((check_word(action),) if action else tuple(own) for action in actions))


class ServiceStep:
    """Adjusts services for one command, and keeps what could not be told as owed.

    :param session: the run; in a rehearsal its supervisors only record, and nothing is written.
    :param why: the command.
    """

    def __init__(self, session: Session, why: str) -> None:
        self._session = session
        self._why = why
        self._services = Services(session.layout)
        self._watched: dict[str, Supervisor] = {}
        #: The services that were told something, each with what was done; of one that failed what was tried.
        self.done: dict[str, list[str]] = {}
        #: Why supervisors did not do what was asked; what was asked is still owed.
        self.refused: list[SupervisorError] = []

    def read(self, services: Iterable[str]) -> None:
        """Read what is defined of services, so that a mistake shows before anything is changed.

        :raises ServiceError: when a file that defines one is broken.
        """
        for service in services:
            self._services.of(service)

    def owed(self) -> dict[str, Owed]:
        """Return what services are owed now."""
        with self._session.store.snapshot() as snapshot:
            return list_owed(snapshot)

    def adjust(self, asked: Mapping[str, list[str]]) -> None:
        """Adjust services, those that are owed something too.

        A service without a record in the configuration database is skipped; one whose status is not ``enabled`` is
        only stopped (docs/original.md#the-steps-of-an-event). What a supervisor refuses is noted in ``refused``, and
        the rest goes on.

        :param asked: services, each with the words for it; none to only start or stop it as its status asks.
        :raises ServiceError: when a service did not take a word as it should. It is in ``done``, too.
        """
        self._adjust({**dict.fromkeys(self.owed(), []), **asked})

    def _adjust(self, asked: Mapping[str, list[str]]) -> None:
        with self._session.store.snapshot() as snapshot:
            owed = list_owed(snapshot)
            services = sorted(asked)
            records = {
                service: snapshot.record("configuration", self._services.of(service).record) for service in services
            }
        settled: list[str] = []
        try:
            for service, record in records.items():
                if record is None:
                    self._session.log.write(f"No conf db entry for service {service}")
                    settled.append(service)
                    continue
                enabled = record.props.get("status") == "enabled"
                if self._adjust_one(service, asked[service], owed.get(service), enabled=enabled):
                    settled.append(service)
        finally:
            if not self._session.records:
                settle(self._session.store, dict.fromkeys(settled))

    def watch(self) -> None:
        """Wait until the services that were told something are surely up.

        :raises ServiceError: when one does not stay up, or does not answer its probe.
        """
        watched = [(supervisor, service) for service, supervisor in self._watched.items()]
        probes = {service: self._services.of(service).probe for service in self._watched}
        failing = find_failing(watched, probes, self._session.layout)
        errors = [ServiceError(text, place=f"service {name}", hint=_LOOK_CLOSER) for name, text in failing.items()]
        for error in errors:
            self._session.log.write(str(error))
        if errors:
            raise errors[0]

    def carry_out_owed(self) -> None:
        """Tell services what they are owed, and wait until they are surely up.

        :raises SupervisorError: when a supervisor refuses; the word stays owed.
        :raises ServiceError: when a service did not take a word as it should, or does not stay up.
        """
        self.adjust({})
        self.watch()
        if self.refused:
            raise self.refused[0]

    def adjust_back(self, services: Mapping[str, list[str]]) -> None:
        """Adjust services once more, after their old files were put back; what fails stays owed, and the rest goes on.

        :param services: those that read the new files perhaps, each with the words it was told.
        """
        self._watched.clear()
        for service, words in services.items():
            try:
                self._adjust({service: words})
            except ServiceError as error:
                self._session.tell(f"with its old files: {error}")
            except StoreError as error:
                self._session.tell(f"service {service} was told to read its old files, which is not recorded: {error}")
        try:
            self.watch()
        except ServiceError as error:
            self._session.tell(f"with its old files: {error}")

    def _adjust_one(self, service: str, asked: list[str], owed: Owed | None, *, enabled: bool) -> bool:
        """Adjust a service and return whether nothing is owed to it any more."""
        words = asked
        try:
            supervisor = self._session.find_supervisor(service)
            if supervisor is None:
                self._session.log.write(f"no supervisor knows service {service}")
                return True
            if owed is not None and not _started_since(supervisor, service, owed):
                words = asked if owed.words == asked else [strongest([*asked, *owed.words])]
            carried_out = adjust(supervisor, service, words, enabled)
        except SupervisorError as error:
            self._session.log.write(str(error))
            if not isinstance(error, UnsupervisedError):
                self.refused.append(error)
            elif not enabled or not words:
                return True
            else:
                self._session.tell(str(error))
            if not self._session.records:
                note_attempt(self._session.store, service, words, self._why)
            return False
        except ServiceError:
            self.done[service] = words
            raise
        if carried_out:
            self.done[service] = carried_out
            self._session.log.write(f"adjusting {supervisor.name} service {service}: {' '.join(carried_out)}")
            if enabled and HOLDING.isdisjoint(map(effect_of, carried_out)):
                self._watched[service] = supervisor
        return True


def _started_since(supervisor: Supervisor, service: str, owed: Owed) -> bool:
    """Return whether the process surely started after the last change, so that it has read everything.

    Supervisors tell whole seconds.
    """
    status = supervisor.status(service)
    return status.pid is not None and time.time() - status.seconds - 1 > owed.since
