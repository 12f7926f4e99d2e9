"""Which events there are, what each is for, and what each expands and adjusts."""

from __future__ import annotations

import os
import shlex

from esmith.errors import EsmithError, SchemaError, TemplateError
from esmith.events.applying import FIRST
from esmith.events.definition import ABOUT, event_names, load_event
from esmith.fragments.tree import TemplateTree
from esmith.plan.installed import OUTPUTS
from esmith.printable import shell_word
from esmith.shipped import ShippedFiles
from esmith.tables import TEXT, TomlFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.events.definition import Event
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

_KEYS = {"help": TEXT}


def all_events(layout: Layout, tree: TemplateTree) -> tuple[list[Event], dict[str, EsmithError]]:
    """Return the events of a root, and those that cannot be read, each with why.

    :param tree: where globs of templates are looked up.
    """
    found, faults = [], {}
    for name in event_names(layout):
        try:
            found.append(load_event(layout, name, tree))
        except EsmithError as error:
            faults[name] = error
    return found, faults


def events_of(layout: Layout, tree: TemplateTree) -> dict[str, list[str]]:
    """Return the templates that events expand, each with the names of these events. A broken event is left out."""
    found: dict[str, list[str]] = {}
    for event in all_events(layout, tree)[0]:
        for template in event.templates:
            found.setdefault(template, []).append(event.name)
    return found


def known_files(layout: Layout, snapshot: Snapshot) -> list[str]:
    """Return the paths of all files that templates of events make, or made before."""
    return sorted({*events_of(layout, TemplateTree(layout)), *OUTPUTS.rows(snapshot)})


def events_data(layout: Layout) -> list[dict[str, Any]]:
    """Return all events as what ``json.dumps`` takes, sorted by name."""
    tree, shipped = TemplateTree(layout), ShippedFiles(layout)
    events, faults = all_events(layout, tree)
    found = []
    for event in events:
        about, fault = "", ""
        try:
            about = _about(layout, event)
        except TemplateError as error:
            fault = f"{error.place}: {error.message}"
        found.append(
            {
                "name": event.name,
                "help": about,
                "by": _by(layout, event, shipped),
                "templates": event.templates,
                "services": event.services,
                "actions": event.actions,
                "fault": fault,
            }
        )
    for name, broken in faults.items():
        found.append({"name": name, "help": "", "by": "", "fault": f"{broken.place}: {broken.message}".lstrip(": ")})
    return sorted(found, key=lambda one: str(one["name"]))


def _about(layout: Layout, event: Event) -> str:
    """Return what an event is for; "" when its directory does not say it."""
    path = os.path.join(event.directory, ABOUT)
    if not os.path.isfile(path):
        return ""
    layout.trust.require(path)
    try:
        file = TomlFile(path, SchemaError)
        file.check(file.data, _KEYS)
    except (OSError, SchemaError) as error:
        message = error.message if isinstance(error, SchemaError) else f"cannot be read: {error.strerror}"
        raise TemplateError(message, place=path) from error
    return " ".join(str(file.data.get("help", "")).split())


def _by(layout: Layout, event: Event, shipped: ShippedFiles) -> str:
    """Return whose an event is: ``shipped``, or ``other`` for one of a contrib or of the administrator."""
    if not shipped.is_known:
        return ""
    begins = os.path.relpath(event.directory, layout.configuration) + os.sep
    return "shipped" if any(name.startswith(begins) for name in shipped.names) else "other"


#: The events that are about one record of a database: for accounts this depends on the type.
_OF_A_RECORD = {"domains": "domain-modify", "hosts": "host-modify", "networks": "network-create"}


def applied_by(
    events: list[Event], templates: list[str], database: str, key: str, type: str | None
) -> tuple[str, list[str]]:
    """Return the command that makes a changed setting take effect, and the names of all events that expand all of it.

    :param templates: the templates that read it.
    :param type: the type of its record, None when there is none.
    :return: "" for no one event that does.
    """
    whole = [event for event in events if templates and set(templates) <= set(event.templates)]
    names = [event.name for event in whole]
    own = f"{type}-modify" if database == "accounts" else _OF_A_RECORD.get(database, "")
    if own in names:
        return shlex.join(["signal-event", own, key]), names
    for name in FIRST:
        if name in names:
            return f"signal-event {shell_word(name)}", names
    # The one that does least besides.
    smallest = min(whole, key=lambda event: (len(event.templates), event.name), default=None)
    return ("" if smallest is None else f"signal-event {shell_word(smallest.name)}"), names
