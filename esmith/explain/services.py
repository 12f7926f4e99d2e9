"""What a service is, which files it reads, and what adjusts it."""

from __future__ import annotations

from esmith.errors import EsmithError
from esmith.events.pending import list_pending
from esmith.explain.events import all_events
from esmith.explain.readers import find_readers
from esmith.fragments.tree import TemplateTree
from esmith.names import nearest
from esmith.services.find import find_supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.explain.values import Values
    from esmith.layout import Layout
    from esmith.services.definition import Services
    from esmith.store.protocol import Snapshot


def explain_service(
    layout: Layout, snapshot: Snapshot, services: Services, name: str, values: Values
) -> dict[str, Any]:
    """Return what is to be said of a service, as what ``json.dumps`` takes.

    :param values: the settings, as they may be shown.
    :raises ServiceError: when its definition is broken.
    """
    definition = services.of(name)
    record = snapshot.record("configuration", definition.record)
    state, supervisor = _state(layout, name)
    pending = list_pending(snapshot).get(name)
    tree = TemplateTree(layout)
    events, _ = all_events(layout, tree)
    templates = list(dict.fromkeys(template for event in events for template in event.templates))
    found = find_readers(layout, snapshot, templates, lambda _: True)
    files, cells = [], set()
    for reader in found.found:
        word = (reader.metadata.services or {}).get(name)
        if word is None:
            continue
        cells |= reader.cells
        named = {event.name: event.services.get(name) for event in events if reader.template in event.templates}
        files.append(
            {
                "template": reader.template,
                "files": reader.outputs[:3],
                "count": len(reader.outputs),
                "action": word or "",
                "events": list(named),
            }
        )
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
        "settings": sorted(" ".join(filter(None, cell)) for cell in cells if cell[1] and values.matters(cell)),
        "events": asked,
        "expanding": sorted({event for one in files for event in one["events"]}),
        "not_known": {path: f"{error.place}: {error.message}".lstrip(": ") for path, error in found.faults.items()},
    }


def near_services(services: Services, name: str) -> str | None:
    """Return the service whose name is nearest to one, None when none is near."""
    return nearest(name, services.names())


def _state(layout: Layout, name: str) -> tuple[str, str]:
    """Return the state of a service, or why it is not known, and the name of its supervisor; "" for none."""
    try:
        supervisor = find_supervisor(layout, name)
        return ("not supervised", "") if supervisor is None else (str(supervisor.status(name)), supervisor.name)
    except EsmithError as error:
        return error.message, ""
