"""Variables of a template besides the records, as the driver takes them."""

from __future__ import annotations

import sys

from esmith.fragments.records import RecordView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from esmith.store.model import Record

#: The fields of a message.
Fields = list[bytes | str | None]


def record_fields(record: Record) -> Fields:
    """Return a record as messages have it: how many fields follow, the type, each property with its value."""
    props = [text for pair in record.props.items() for text in pair]
    return [str(1 + len(props)), record.type, *props]


def configuration(records: Iterable[Record]) -> Fields:
    """Return the records of a database, each after its key."""
    return [field for record in records for field in [record.key, *record_fields(record)]]


def named(variables: dict[str, Any]) -> Fields:
    """Return variables by name: texts and numbers, lists, dictionaries and records."""
    return [field for name, value in variables.items() for field in [name, *_value(value)]]


def _value(value: Any) -> Fields:
    if isinstance(value, RecordView):
        record = value.records.snapshot.record(value.database, value.key)
        if record is not None:
            return ["record", value.database, value.key, *record_fields(record)]
    if value is None or isinstance(value, RecordView) or _is_undefined(value):
        return ["undef"]
    if isinstance(value, bool):
        return ["text", "1" if value else ""]
    if isinstance(value, dict):
        return ["hash", str(len(value)), *named({str(name): inner for name, inner in value.items()})]
    if isinstance(value, list | tuple):
        return ["list", str(len(value)), *(field for inner in value for field in _value(inner))]
    return ["text", str(value)]


def _is_undefined(value: Any) -> bool:
    runtime = sys.modules.get("jinja2.runtime")
    return runtime is not None and isinstance(value, runtime.Undefined)
