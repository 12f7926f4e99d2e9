"""Unknown service actions that contribs ask for: they stop no event (docs/events.md#a-fault-of-a-contrib)."""

from __future__ import annotations

from esmith.errors import UsageError
from esmith.fields import replace
from esmith.services.actions import check_action
from esmith.shipped import ShippedFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.definition import Event
    from esmith.layout import Layout
    from esmith.plan.plan import Plan


def drop_unknown_actions(event: Event, layout: Layout) -> dict[str, str]:
    """Take out of an event the unknown service actions that contribs ask for; nothing could be done for them.

    :return: what is wrong, by the link or the list of the contrib.
    """
    shipped = ShippedFiles(layout)
    wrong = {}
    for (service, action), place in event.asked_in.items():
        if not shipped.is_a_contribs(place):
            continue
        try:
            check_action(action)
        except UsageError as error:
            wrong[place] = f"{error.message}; nothing is done for it\n  {error.hint}"
            event.services[service] = [other for other in event.services[service] if other != action]
    event.services = {service: actions for service, actions in event.services.items() if actions}
    return wrong


def drop_wrong_actions(plan: Plan, layout: Layout) -> dict[str, str]:
    """Take out of a plan the unknown service actions in the metadata of contribs; their services are restarted.

    :return: what is wrong, by the file of the contrib.
    """
    shipped = ShippedFiles(layout)
    wrong = {}
    for output in plan.outputs:
        metadata = output.rendering.metadata
        for service, action in (metadata.services or {}).items():
            place = metadata.sources["services"]
            try:
                check_action(action or "restart")
            except UsageError as error:
                if shipped.is_a_contribs(place):
                    wrong[place] = f"{error.message}; {service} is restarted instead\n  {error.hint}"
                    services = {**(output.rendering.metadata.services or {}), service: ""}
                    output.rendering.metadata = replace(output.rendering.metadata, services=services)
    return wrong
