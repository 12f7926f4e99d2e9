"""Parsing schema files: which keys each table may have, and the type of each.

What is returned is kept in the store (:mod:`esmith.schema.remembered`) and not checked again, so whoever changes what a
file may hold gives the rows there another number; a test asks for it.
"""

from __future__ import annotations

from esmith.errors import SchemaError
from esmith.names import is_number
from esmith.patterns import LISTS
from esmith.schema.types import TYPES
from esmith.tables import FLAG, INTEGER, NAME, NUMBER, TABLE, TEXT, TEXT_TABLE, TEXTS, TomlFile, Type, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Those that need no other word, which a key could not have.
_KEY_TYPES = [name for name in TYPES if name not in ("choice", "secret")]
#: The keys of a schema file, and of the table of one property.
RECORD_KEYS = {
    "type": TEXT,
    "help": TEXT,
    "key": one_of(*_KEY_TYPES),
    "create": FLAG,
    "scope": one_of("host", "shared"),
    "renamed-from": TEXTS,
    "ensure-from": TEXT,
    "ensure": TEXT_TABLE,
    "value": TABLE,
    "properties": TABLE,
}
PROPERTY_KEYS = {
    "type": one_of(*TYPES),
    "help": TEXT,
    "label": NAME,
    "scope": one_of("host", "shared"),
    "shown-if": Type(
        "a setting with its values, PROPERTY=VALUE or DATABASE KEY PROPERTY=VALUE|VALUE",
        lambda value: isinstance(value, str) and _is_condition(value),
    ),
    "default": TEXT,
    "unset": TEXT,
    "force": TEXT,
    "values": TEXTS,
    "min": NUMBER,
    "max": NUMBER,
    "separator": NAME,
    "empty": FLAG,
    "removed": FLAG,
    "renamed-from": TEXTS,
    "obsolete-values": TEXTS,
    "replace-values": TEXT_TABLE,
    "refers-to": Type(
        "a database and types of its records: accounts:user,group",
        lambda value: (
            isinstance(value, str) and all(map(str.strip, value.replace(":", ",", 1).split(","))) and ":" in value
        ),
    ),
    "besides": TEXTS,
    "programs": TEXT_TABLE,
    "cures": TEXT_TABLE,
    "raise-to": Type("a whole number in quotes", lambda value: isinstance(value, str) and is_number(value)),
    "list": one_of(*LISTS),
    "block-lists": FLAG,
    "assigned": one_of("free", "fixed"),
    "generate": Type("a whole number from 1 to 1000", lambda value: INTEGER.accepts(value) and 1 <= value <= 1000),
}
#: One row of block-lists.toml.
CLOSED_KEYS = {"zones": TEXTS, "since": NAME, "fate": NAME, "source": NAME}


def _is_condition(text: str) -> bool:
    setting, sign, values = text.partition("=")
    return len(setting.split(" ")) in (1, 3) and all(setting.split(" ")) and sign != "" and values != ""


def parse_records(path: str, text: bytes | None = None) -> dict[str, Any]:
    """Return what the schema file of a record, or of a type, holds.

    :param text: of the file, where it was read already.
    :raises SchemaError: when it is broken.
    :raises OSError: when there is no such file.
    """
    file = TomlFile(path, SchemaError, text=text)
    file.check(file.data, RECORD_KEYS)
    for name, table in file.data.get("properties", {}).items():
        file.check(table, PROPERTY_KEYS, f"properties.{name}")
    file.check(file.data.get("value", {}), PROPERTY_KEYS, "value")
    return file.data


def parse_closed_lists(path: str, text: bytes | None = None) -> dict[str, str]:
    """Return the block lists that a file says are closed, as patterns of zones, each with what became of it.

    :param text: as for :func:`parse_records`.
    :raises SchemaError: when the file is broken.
    :raises OSError: when there is no such file.
    """
    file = TomlFile(path, SchemaError, text=text)
    file.check(file.data, {"closed": Type("tables [[closed]]", lambda value: isinstance(value, list))})
    found: dict[str, str] = {}
    for row in file.data.get("closed", []):
        file.check(row, CLOSED_KEYS, "closed")
        found |= dict.fromkeys(row.get("zones", []), f"{row.get('fate')} (since {row.get('since')})")
    return found
