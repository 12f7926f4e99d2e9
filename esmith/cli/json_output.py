"""Records as JSON, for ``--json`` (the shape is NethServer's; docs/architecture.md#json)."""

from __future__ import annotations

import json
from typing import Any

from esmith.errors import UsageError
from esmith.store.model import Record
from esmith.store.protocol import Snapshot

#: The verbs that print a part of a record.
_OF_PARTS = ("printtype", "gettype", "printprop", "getprop")


def json_text(data: Any) -> str:
    """Return JSON in one line, in which every character that is not printable is written by its code.

    So it is UTF-8 also where a text holds a byte that is not, and safe at a terminal.
    """
    text = json.dumps(data, ensure_ascii=False)
    return text if text.isprintable() else "".join(char if char.isprintable() else _code(char) for char in text)


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
    elif verb in _OF_PARTS:
        data = _parts(snapshot, database, verb, operands)
        if data is None:
            return None
    else:
        raise UsageError(f"{verb} has no --json form", hint="use it with show, print, get or keys")
    return [json_text(data)]


def _parts(snapshot: Snapshot, database: str, verb: str, operands: list[str]) -> Any:
    """Return what a verb prints that is about a part of a record; None where there is none."""
    if not operands:
        return [_type_data(record) for record in snapshot.records(database)]
    record = snapshot.record(database, operands[0])
    if record is None:
        return None
    if verb == "printprop":
        names = operands[1:] or record.props
        props = {name: record.props[name] for name in names if name in record.props}
        return {"name": record.key, "props": props} if props or operands[1:] else None
    if verb == "getprop":
        value = record.props.get(operands[1], record.type if operands[1] == "type" else None)
        return None if value is None else {"name": record.key, "property": operands[1], "value": value}
    return None if verb == "gettype" and record.props and not record.type else _type_data(record)


def _type_data(record: Record) -> dict[str, str]:
    return {"name": record.key, "type": record.type}


def _code(char: str) -> str:
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
