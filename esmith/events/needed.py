"""Which services changed files and unsaved settings need to be adjusted, as far as files and settings show it."""

from __future__ import annotations

from esmith.events.asked import asked_by
from esmith.services.definition import Services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.definition import Event
    from esmith.layout import Layout
    from esmith.plan.plan import Plan
    from esmith.store.overlay import Overlay


def needed_services(layout: Layout, snapshot: Overlay, plan: Plan, event: Event) -> dict[str, list[str]]:
    """Return the services that would be adjusted because of a plan, each with its service actions.

    Supervisors are not asked: of a service that is disabled it is not known whether it still runs.

    :param snapshot: the databases with what is unsaved.
    :param event: the events that were named, as one; one without services for any.
    :raises UsageError: when the metadata of a changed file asks for an unknown service action.
    :raises ServiceError: when a file that defines a service is broken.
    """
    services = Services(layout)
    needed = _because_of_files(plan, event)
    changed = {one.key for one in snapshot.changes if one.database == "configuration" and one.prop == "status"}
    others = (event.services or services.names()) if changed else ()
    found = {}
    for service in sorted({*needed, *others}):
        key = services.of(service).record
        record = snapshot.record("configuration", key)
        actions = needed.get(service, [])
        if record is None:
            continue
        if record.props.get("status") != "enabled":
            actions = ["stop"] if key in changed else []
        elif key in changed and not actions:
            actions = ["start"]
        if actions:
            found[service] = actions
    return found


def _because_of_files(plan: Plan, event: Event) -> dict[str, list[str]]:
    """Return the services that read a changed file; what an event does in any case is not because of these."""
    named = [one.rendering.metadata.services for one in plan.changed]
    readers = {service for services in named for service in services or {}}
    if None in named:
        # No metadata says who reads it.
        readers |= event.services.keys()
    return {service: actions for service, actions in asked_by(event, plan).items() if service in readers}
