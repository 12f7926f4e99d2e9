"""Whether somebody has changed, since a form was made, what an operation writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esmith.errors import EsmithError
from esmith.manager import wire
from esmith.manager.helper.context import VerbError
from esmith.panels.change import covers
from esmith.printable import shown_time
from esmith.schema.masking import Masking
from esmith.schema.secrecy import MASK
from esmith.store.model import Change
from esmith.store.overlay import Overlay

if TYPE_CHECKING:
    from esmith.manager.helper.operations.base import Cell, Field, Operation
    from esmith.store.journal import Entry
    from esmith.store.protocol import Snapshot

#: Each cell that was changed since: the value it had then, and the last revision that changed it.
_Since = dict["Cell", tuple[str | None, "Entry"]]


def refuse_conflict(operation: Operation, snapshot: Snapshot) -> None:
    """Refuse an operation when somebody changed the same since the form was made, and it would be another value.

    :param snapshot: the databases now, without what the operation changes.
    :raises VerbError: of the kind ``conflict``, or when the form is of other databases.
    """
    revision = operation.revision
    if revision is None or revision == snapshot.revision():
        return
    if revision > snapshot.revision():
        raise VerbError(wire.FAILED, "the databases were replaced since this page was made", hint="load the page again")
    since = _changed_since(snapshot, revision)
    if not since:
        return
    fields = [one for one in operation.fields(snapshot) if any(covers(one.cells, cell) for cell in since)]
    written = _written(operation, snapshot) if fields else set()
    found = [one for one in fields if written is None or any(covers(one.cells, cell) for cell in written)]
    if found:
        raise VerbError(
            wire.CONFLICT,
            "somebody has changed the same meanwhile",
            hint="choose which value counts",
            conflict={"revision": snapshot.revision(), "cells": _cells(operation, snapshot, since, found)},
        )


def _changed_since(snapshot: Snapshot, revision: int) -> _Since:
    found: _Since = {}
    for entry in snapshot.journal():
        if entry.number <= revision:
            break
        for change in entry:
            newest = found[change.cell][1] if change.cell in found else entry
            found[change.cell] = (change.old, newest)
    return found


def _written(operation: Operation, snapshot: Snapshot) -> set[Cell] | None:
    """Return the cells that the operation would change now; None when it is not possible any more."""
    tried = Overlay(snapshot)
    try:
        operation.change(tried)
    except (EsmithError, VerbError):
        return None
    return {change.cell for change in tried.changes}


def _cells(operation: Operation, snapshot: Snapshot, since: _Since, fields: list[Field]) -> list[dict[str, Any]]:
    before = Overlay(snapshot, [Change(*cell, None, old) for cell, (old, _) in since.items()])
    masking = Masking(operation.schema, snapshot)
    found = []
    for one in fields:
        entry = max((since[cell][1] for cell in since if covers(one.cells, cell)), key=lambda entry: entry.number)
        author = masking.revision_data(entry, most=0)
        values = [one.yours, _value(one, snapshot), _value(one, before)]
        if one.secret or _may_be_secret(operation, one, values):
            values = [MASK if value else value for value in values]
        yours, theirs, was = values
        found.append(
            {
                "field": one.name,
                "label": one.label,
                "yours": yours,
                "theirs": theirs,
                "was": was,
                "by": author["sudo_user"].partition(", job ")[0] or author["user"],
                "at": shown_time(entry.time),
                "command": author["command"],
            }
        )
    return found


def _value(one: Field, snapshot: Snapshot) -> Any:
    if one.shown is not None:
        return one.shown(snapshot)
    values = [snapshot.prop(*cell) for cell in one.cells]
    return values[0]


def _may_be_secret(operation: Operation, one: Field, values: list[Any]) -> bool:
    """Return whether one of the values is a secret: what is wanted says nothing of what is stored."""
    texts = [value for value in values if isinstance(value, str)]
    return any(operation.schema.may_be_secret(*cell, text) for cell in one.cells for text in texts)
