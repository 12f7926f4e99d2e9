"""Faults of contribs in what an event asks of services: nothing is done for it, and the event goes on.

Templates and actions of contribs have the same (docs/events.md#a-fault-of-a-contrib).
"""

from __future__ import annotations

from esmith.errors import ServiceError, UsageError
from esmith.events.definition import Event
from esmith.fragments.shipped import Shipped
from esmith.layout import Layout
from esmith.plan.blame import is_a_contribs
from esmith.services.actions import check_action
from esmith.services.definition import Services


def drop_faults(event: Event, layout: Layout) -> dict[str, str]:
    """Take out of an event the service actions and the services that contribs name or define wrongly.

    :return: what is wrong, by the file of the contrib.
    """
    shipped = Shipped(layout)
    return _drop_unknown_actions(event, layout, shipped) | _drop_undefined_services(event, layout, shipped)


def _drop_unknown_actions(event: Event, layout: Layout, shipped: Shipped) -> dict[str, str]:
    wrong = {}
    for (service, action), place in event.asked_in.items():
        if not is_a_contribs(place, layout, shipped):
            continue
        try:
            check_action(action)
        except UsageError as error:
            wrong[place] = f"{error.message}; nothing is done for it\n  {error.hint}"
            event.services[service] = [other for other in event.services[service] if other != action]
    event.services = {service: actions for service, actions in event.services.items() if actions}
    return wrong


def _drop_undefined_services(event: Event, layout: Layout, shipped: Shipped) -> dict[str, str]:
    services, wrong = Services(layout), {}
    for service in list(event.services):
        try:
            services.of(service)
        except ServiceError as error:
            # The other directory of services is the administrator's.
            if error.place.startswith(f"{layout.services}/") and is_a_contribs(error.place, layout, shipped):
                wrong[error.place] = f"{error.message}; nothing is done for {service}\n  {error.hint}"
                del event.services[service]
    return wrong
