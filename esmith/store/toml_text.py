"""Databases as TOML: a table ``[DATABASE.KEY]`` is a record (docs/commands.md#a-wanted-state)."""

from __future__ import annotations

import json
import string

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot

#: The key of a record's type.
TYPE = "type"
#: The key of the type where there is a property of that name; no property can have this name.
TYPE_BESIDE = ""
_BARE = frozenset(string.ascii_letters + string.digits + "_-")
_HEAD = "# Written by 'esmith export --toml'. 'config apply FILE' makes the settings so again.\n"


def toml_text(snapshot: Snapshot, databases: Iterable[str]) -> str:
    """Return databases as TOML.

    :param databases: their names.
    """
    return _HEAD + "".join(part for name in databases for part in _parts(snapshot, name))


def _parts(snapshot: Snapshot, database: str) -> Iterator[str]:
    records = list(snapshot.records(database))
    values = [record for record in records if not record.props]
    if values:
        # They have to come first: what follows a table belongs to it.
        yield f"\n[{_key(database)}]\n"
    for record in values:
        yield f"{_key(record.key)} = {_string(record.type)}\n"
    for record in records:
        if record.props:
            yield _table(database, record)


def _table(database: str, record: Record) -> str:
    name = TYPE_BESIDE if TYPE in record.props else TYPE
    lines = [f"\n[{_key(database)}.{_key(record.key)}]", f"{_key(name)} = {_string(record.type)}"]
    lines += [f"{_key(prop)} = {_string(value)}" for prop, value in record.props.items()]
    return "\n".join([*lines, ""])


def _key(name: str) -> str:
    return name if name and _BARE.issuperset(name) else _string(name)


def _string(text: str) -> str:
    # A string of JSON is one of TOML but for DEL (https://toml.io/en/v1.0.0#string).
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
