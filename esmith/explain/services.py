"""What a service is, which files it reads, and what adjusts it."""

from __future__ import annotations

from contextlib import suppress

from esmith.errors import EsmithError, TemplateError
from esmith.events.pending import list_pending
from esmith.explain.events import all_events
from esmith.explain.readers import find_readers
from esmith.fragments.render import Renderer
from esmith.fragments.tree import TemplateTree
from esmith.services.find import find_supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.events.definition import Event
    from esmith.explain.values import Cell, Values
    from esmith.layout import Layout
    from esmith.schema.load import Schema
    from esmith.services.definition import Services
    from esmith.store.protocol import Snapshot

#: How many outputs of one template are named.
_SHOWN = 3


def explain_service(
    layout: Layout, snapshot: Snapshot, services: Services, name: str, values: Values, schema: Schema
) -> dict[str, Any]:
    """Return the explanation of a service, as what ``json.dumps`` takes.

    :param values: the settings, as they may be shown.
    :param schema: the schema files.
    :raises ServiceError: when its definition is broken.
    """
    definition = services.of(name)
    record = snapshot.record("configuration", definition.record)
    state, supervisor = _state(layout, name)
    pending = list_pending(snapshot).get(name)
    events, _ = all_events(layout, TemplateTree(layout))
    actions = _actions(layout, snapshot, events, name)
    readers = find_readers(layout, snapshot, list(actions), lambda _: True)
    made = {reader.template: reader for reader in readers.found}
    cells = {cell for reader in readers.found for cell in reader.cells}
    files = [
        {
            "template": template,
            # A template that reads no setting is not among the readers.
            "files": made[template].outputs[:_SHOWN] if template in made else [],
            "count": len(made[template].outputs) if template in made else 0,
            "action": action,
            "events": [event.name for event in events if template in event.templates],
        }
        for template, action in actions.items()
    ]
    known = schema.named("configuration")
    asked = {event.name: event.services[name] for event in events if name in event.services}
    return {
        "name": name,
        "record": definition.record,
        "has_record": record is not None,
        "program": definition.program.name,
        "status": record.props.get("status") if record is not None else None,
        "wanted": "up" if record is not None and record.props.get("status") == "enabled" else "down",
        "state": state,
        "supervisor": supervisor,
        "pending": [] if pending is None else pending.actions,
        "files": files,
        "settings": sorted(
            " ".join(filter(None, cell)) for cell in cells if _is_setting(cell, snapshot, values, known)
        ),
        "events": asked,
        "expanding": sorted({event.name for event in events if not actions.keys().isdisjoint(event.templates)}),
        "not_known": {path: f"{error.place}: {error.message}".lstrip(": ") for path, error in readers.faults.items()},
    }


def is_one(explained: dict[str, Any], services: Services) -> bool:
    """Return whether what was explained is a service: a record of that type may be none, as ``imap``.

    :param explained: what :func:`explain_service` returned.
    """
    names_it = explained["files"] or explained["events"] or explained["supervisor"]
    return bool(names_it) or explained["name"] in services.names()


def _actions(layout: Layout, snapshot: Snapshot, events: list[Event], name: str) -> dict[str, str]:
    """Return the templates that say that a service reads their outputs, each with the service action it needs."""
    found = {}
    with Renderer(layout, snapshot) as renderer:
        for template in dict.fromkeys(template for event in events for template in event.templates):
            with suppress(TemplateError):
                word = (renderer.find(template)[1].services or {}).get(name)
                if word is not None:
                    found[template] = word
    return found


def _is_setting(cell: Cell, snapshot: Snapshot, values: Values, known: list[str]) -> bool:
    """Return whether a cell is a setting: what is remembered of a file has variables of its fragments, too."""
    database, key, _ = cell
    is_there = database != "configuration" or key in known or snapshot.type_of(database, key) is not None
    return bool(key) and is_there and values.matters(cell)


def _state(layout: Layout, name: str) -> tuple[str, str]:
    """Return the state of a service, or why it is not known, and the name of its supervisor; "" for none."""
    try:
        supervisor = find_supervisor(layout, name)
        return ("not supervised", "") if supervisor is None else (str(supervisor.status(name)), supervisor.name)
    except EsmithError as error:
        return error.message, ""
