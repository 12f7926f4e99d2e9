"""Which services an event asks to adjust, and how: only those that read a changed file, must start or must stop.

A template says which services read its output (``services`` in template.toml). A service that no output of the event
names is adjusted every time, as the original does: no metadata says what it reads.
"""

from __future__ import annotations

import itertools

from esmith.errors import UsageError
from esmith.plan.output import Difference, Output
from esmith.services.actions import check_action, strongest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.definition import Event
    from esmith.plan.plan import Plan


def check_service_actions(event: Event) -> None:
    """Check the service actions of an event before anything is touched.

    :raises UsageError: when one is unknown.
    """
    for actions in event.services.values():
        for action in actions:
            check_action(action)


def asked_by(event: Event, plan: Plan, *, always: bool = False) -> dict[str, list[str]]:
    """Return what services are asked to do because of a plan: those of the event, and those that read a changed file.

    :param always: whether no change is needed for the services of the event (``--restart``).
    :return: the actions for each service; none when it is only to be started or stopped as its status asks.
    :raises UsageError: when an action is unknown.
    """
    named = {service for output in plan.changed for service in output.rendering.metadata.services or {}}
    outputs = _distinct(plan.outputs)
    return {
        service: _actions_for(event, outputs, service, always=always) for service in sorted({*event.services, *named})
    }


def _distinct(outputs: list[Output]) -> list[Output]:
    """Return the first output of each kind: the files of a thousand users are read by the same services."""
    found: dict[tuple[int, bool], Output] = {}
    for output in outputs:
        is_changed = output.difference is not Difference.NONE
        found.setdefault((id(output.rendering.metadata.services), is_changed), output)
    return list(found.values())


def _actions_for(event: Event, outputs: list[Output], service: str, *, always: bool) -> list[str]:
    own = event.services.get(service, ["restart"])
    readers = _readers(event, outputs, service)
    named = any(output.rendering.metadata.services is not None for output in readers)
    if not named or (always and service in event.services):
        return own
    reasons = _reasons(readers, service, own)
    if len(reasons) == 1:
        return list(reasons[0])
    return [strongest(itertools.chain.from_iterable(reasons))] if reasons else []


def _readers(event: Event, outputs: list[Output], service: str) -> list[Output]:
    """Return the files that a service reads; any service of the event may read one whose metadata names none."""
    of_event = service in event.services
    return [
        output
        for output in outputs
        if (of_event if (services := output.rendering.metadata.services) is None else service in services)
    ]


def _reasons(readers: list[Output], service: str, own: list[str]) -> list[tuple[str, ...]]:
    """Return the actions that changed files ask for, each once: the one in the metadata, else those of the event."""
    actions = [
        (output.rendering.metadata.services or {}).get(service, "")
        for output in readers
        if output.difference is not Difference.NONE
    ]
    return list(dict.fromkeys((check_action(action),) if action else tuple(own) for action in actions))


def wrong_actions(plan: Plan) -> list[str]:
    """Return messages about the metadata that asks for a service action which does not exist.

    Those of changed files are not among them: :func:`asked_by` raises an error for these.
    """
    found: dict[str, str] = {}
    for output in plan.outputs:
        metadata = output.rendering.metadata
        for service, action in (metadata.services or {}).items() if output.difference is Difference.NONE else ():
            try:
                check_action(action or "restart")
            except UsageError as error:
                what = f"{metadata.sources['services']}: service {service}: {error.message}"
                found.setdefault(what, f"{what}; the event fails when {output.path} changes\n  {error.hint}")
    return list(found.values())
