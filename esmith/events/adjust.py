"""Which services an event adjusts, and how: only those that read a changed file, must start or must stop.

A template says which services read its output (``services`` in template.toml). A service that no output of the event
names is adjusted every time, as the original does: nobody said what it reads.
"""

from __future__ import annotations

from collections.abc import Callable

from esmith.apply.plan import Difference, Plan
from esmith.errors import ServiceError
from esmith.events.definition import Event
from esmith.events.log import EventLog
from esmith.services.adjust import adjust
from esmith.services.model import Supervisor, UnsupervisedError
from esmith.services.words import check_word, strongest
from esmith.store.protocol import Snapshot

#: Finds the supervisor of a service.
Finder = Callable[[str], Supervisor | None]


def words_for(event: Event, plan: Plan, service: str, *, always: bool) -> list[str]:
    """Return what a service is asked to do because of a plan; several reasons give the strongest action.

    :param always: whether a change is needed at all (``--restart``).
    """
    own = event.services[service]
    if always:
        return own
    named = False
    reasons: set[tuple[str, ...]] = set()
    for output in plan.outputs:
        services = output.rendering.metadata.services
        if services is None or service in services:
            named = named or services is not None
            if output.difference is not Difference.NONE:
                word = (services or {}).get(service, "")
                reasons.add((word,) if word else tuple(own))
    if not named:
        return own
    if len(reasons) < 2:
        return [word for words in reasons for word in words]
    return [strongest(word for words in reasons for word in words)]


def check_words(event: Event) -> None:
    """Check the words of an event before anything is touched.

    :raises UsageError: when one is unknown.
    """
    for words in event.services.values():
        for word in words:
            check_word(word)


def adjust_services(
    event: Event,
    plan: Plan,
    snapshot: Snapshot,
    find: Finder,
    log: EventLog,
    done: dict[str, list[str]],
    *,
    always: bool,
) -> None:
    """Adjust the services of an event.

    A service without a record in the configuration database is skipped; one whose status is not ``enabled`` is only
    stopped (cli-contract section 5).

    :param done: where the services that were adjusted are noted, each with what was done.
    :raises ServiceError: when one could not be adjusted; the ones before it are noted, and itself with what was tried.
    """
    for service in sorted(event.services):
        record = snapshot.record("configuration", service)
        if record is None:
            log.write(f"No conf db entry for service {service}")
            continue
        supervisor = find(service)
        if supervisor is None:
            log.write(f"no supervisor knows service {service}")
            continue
        words = words_for(event, plan, service, always=always)
        try:
            carried_out = adjust(supervisor, service, words, record.props.get("status") == "enabled")
        except UnsupervisedError as error:
            # It reads the new files when its supervisor starts it.
            log.write(str(error))
            continue
        except ServiceError:
            done[service] = words
            raise
        if carried_out:
            done[service] = carried_out
            log.write(f"adjusting {supervisor.name} service {service}: {' '.join(carried_out)}")


def adjust_back(services: dict[str, list[str]], snapshot: Snapshot, find: Finder, log: EventLog) -> None:
    """Adjust services once more, after their old files were put back; what fails is logged, and the rest goes on.

    :param services: those that had been adjusted, with what was done.
    """
    for service, words in services.items():
        supervisor = find(service)
        enabled = snapshot.prop("configuration", service, "status") == "enabled"
        if supervisor is None:
            continue
        try:
            carried_out = adjust(supervisor, service, words, enabled)
        except ServiceError as error:
            log.write(str(error))
        else:
            log.write(f"adjusting {service} back: {' '.join(carried_out)}")
