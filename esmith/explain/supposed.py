"""What would change if a setting had another value."""

from __future__ import annotations

from esmith.checks.hiding import REASON
from esmith.errors import ExitCode
from esmith.events.preview import preview
from esmith.printable import printable
from esmith.schema.check import check_properties, check_record
from esmith.store.model import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.events.preview import Preview, PreviewFile
    from esmith.layout import Layout
    from esmith.schema.load import Schema
    from esmith.store.protocol import Store


def suppose(
    layout: Layout, store: Store, schema: Schema, cell: tuple[str, str, str], value: str, templates: list[str]
) -> dict[str, Any]:
    """Return what would change, as what ``json.dumps`` takes. Nothing is written.

    :param cell: database, key and property; property "" for the value of a record without properties.
    :param templates: the templates that read the setting.
    :raises RefusedError: when the schema or the store would not take the value.
    :raises UsageError: when there is no such record.
    """
    database, key, prop = cell
    with store.snapshot() as snapshot:
        old, type = snapshot.prop(*cell), snapshot.type_of(database, key)
    if prop:
        hints = check_properties(schema, database, key, type, {prop: value})
    else:
        hints = check_record(schema, database, key, value, {})
    found = preview(layout, store, unsaved=[Change(*cell, old, value)], templates=templates, checks=True)
    return {"same": not found.changes, "hints": hints, **_data(found)}


def _data(found: Preview) -> dict[str, Any]:
    return {
        "files": [_file(one) for one in found.files],
        "services": found.services,
        "sound": found.is_sound,
        "exit_code": _exit_code(found),
        "refused": f"{found.refused}" if found.refused is not None else "",
        "faults": [
            {"place": fault.subject, "reason": f"{fault.error}", "stops": fault.stops} for fault in found.faults
        ],
        "warnings": found.warnings,
    }


def _exit_code(found: Preview) -> int:
    """Return what an event with these files would end with (docs/commands.md#exit-codes)."""
    stopping = [fault.error for fault in found.faults if fault.stops]
    if stopping:
        return stopping[0].exit_code
    if found.refused is not None:
        return found.refused.exit_code
    is_partial = found.faults or any(one.left is not None for one in found.files)
    return ExitCode.PARTIAL if is_partial else ExitCode.OK


def _file(one: PreviewFile) -> dict[str, Any]:
    return {
        "path": one.path,
        "change": one.difference.value,
        "diff": [printable(line, keep="\t") for line in one.diff],
        "anyway": one.anyway,
        "left": "" if one.left is None else f"{one.left}",
        "verdict": None if one.verdict is None else _verdict(one),
    }


def _verdict(one: PreviewFile) -> dict[str, Any]:
    assert one.verdict is not None
    # What a check complains of may quote the file.
    reason = REASON if one.secret else one.verdict.reason
    return {"outcome": one.verdict.outcome.value, "by": one.verdict.by, "reason": reason if one.verdict.reason else ""}
