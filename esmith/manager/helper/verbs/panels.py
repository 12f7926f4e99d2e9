"""The verbs that read pages: their list, a form, a list of records, one record, names that fit a field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from esmith.errors import UsageError
from esmith.manager import wire
from esmith.manager.helper import arguments
from esmith.manager.helper.context import VerbError, not_found
from esmith.manager.helper.opened import opened
from esmith.manager.helper.operations.panels import find_panel
from esmith.panels.form import show_form, suggest
from esmith.panels.listing import list_records
from esmith.panels.load import load_panels
from esmith.panels.model import GROUPS
from esmith.panels.setting import NoSuchRecordError
from esmith.schema.load import Schema
from esmith.schema.remembered import RememberedFiles

if TYPE_CHECKING:
    from esmith.manager.helper.context import Context, Verb
    from esmith.panels.model import Panel
    from esmith.store.protocol import Snapshot

#: How many rows a page has where nothing else is asked for, and at most.
_ROWS, _MOST_ROWS = 50, 1000


def navigation_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return the pages in their groups, and why others are missing."""
    arguments.take(data, {})
    found = load_panels(context.layout, Schema(context.layout))
    groups = []
    for name, heading in GROUPS.items():
        own = [_entry(panel) for panel in found.panels.values() if panel.group == name]
        if own:
            groups.append({"name": name, "heading": heading, "panels": own})
    faults = [{"place": one.place, "message": one.message, "hint": one.hint} for one in found.faults]
    return {"groups": groups, "faults": faults}


def _entry(panel: Panel) -> dict[str, Any]:
    sections = [{"name": one.name, "heading": one.heading} for one in panel.sections]
    shown = {"id": panel.id, "heading": panel.heading, "help": panel.help, "kind": panel.kind}
    return {**shown, "sections": sections if panel.records is None else []}


def panel_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return a form of settings with what is stored."""
    found = arguments.take(data, {"panel": arguments.named})
    with _opened(context, found["panel"]) as (panel, schema, snapshot):
        return show_form(panel, schema, snapshot)


def records_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return a page of a list of records."""
    found = arguments.take(
        data,
        {"panel": arguments.named},
        {"query": arguments.query, "page": arguments.number, "size": arguments.number, "sort": arguments.query},
    )
    size = min(max(found["size"] or _ROWS, 1), _MOST_ROWS)
    with _opened(context, found["panel"]) as (panel, schema, snapshot), _or_not_found():
        return list_records(
            panel, schema, snapshot, found["query"] or "", max(found["page"] or 1, 1), size, found["sort"] or ""
        )


def record_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return the form of a record with what is stored, or of a new one."""
    found = arguments.take(data, {"panel": arguments.named}, {"key": arguments.named_or_none})
    with _opened(context, found["panel"]) as (panel, schema, snapshot), _or_not_found():
        if panel.records is None or (found["key"] is None and panel.records.create is None):
            raise not_found("the page has no such record")
        return {**show_form(panel, schema, snapshot, found["key"]), "list_heading": panel.heading}


def suggest_verb(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return names that fit a field."""
    found = arguments.take(
        data,
        {"panel": arguments.named, "field": arguments.named},
        {"key": arguments.named_or_none, "query": arguments.query},
    )
    with _opened(context, found["panel"]) as (panel, schema, snapshot), _or_not_found():
        return {"names": suggest(panel, schema, snapshot, found["key"], found["field"], found["query"] or "")}


@contextmanager
def _opened(context: Context, id: str) -> Iterator[tuple[Panel, Schema, Snapshot]]:
    """Return a context with a panel, the schema as the store remembers it, and the databases."""
    with opened(context.layout) as snapshot:
        schema = Schema(context.layout, RememberedFiles(snapshot))
        yield find_panel(context, schema, id), schema, snapshot


@contextmanager
def _or_not_found() -> Iterator[None]:
    """Have what names something that is not there be answered so."""
    try:
        yield
    except (NoSuchRecordError, UsageError) as error:
        raise VerbError.of(error, wire.NOT_FOUND) from error


VERBS: dict[str, Verb] = {
    "navigation": navigation_verb,
    "panel": panel_verb,
    "records": records_verb,
    "record": record_verb,
    "suggest": suggest_verb,
}
