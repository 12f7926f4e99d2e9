"""Records as JSON, for ``--json`` (the shape is NethServer's, cli-contract section 2.4)."""

from __future__ import annotations

import json
from typing import Any

from esmith.errors import UsageError
from esmith.store.model import Record
from esmith.store.protocol import Snapshot


def record_data(record: Record) -> dict[str, Any]:
    """Return a record as what ``json.dumps`` takes: name, type, and props when it has any."""
    data: dict[str, Any] = {"name": record.key, "type": record.type}
    return data | {"props": record.props} if record.props else data


def records_json(snapshot: Snapshot, database: str, verb: str, operands: list[str]) -> list[str] | None:
    """Return what a reading verb prints with ``--json``; None when there is no such record.

    :raises UsageError: for a verb that has no JSON form.
    """
    data: Any
    if not snapshot.keys(database):
        return None
    if verb == "keys":
        data = snapshot.keys(database)
    elif verb in ("show", "print", "get"):
        if operands:
            record = snapshot.record(database, operands[0])
            if record is None:
                return None
            data = record_data(record)
        else:
            data = [record_data(record) for record in snapshot.records(database)]
    else:
        raise UsageError(f"{verb} has no --json form", hint="use it with show, print, get or keys")
    return [json.dumps(data, ensure_ascii=False)]
