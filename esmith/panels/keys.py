"""Which keys the tables of a panel file have, and the type of each (docs/manager.md#how-to-write-a-panel)."""

from __future__ import annotations

from esmith.expressions import expression
from esmith.tables import FLAG, NAME, NUMBER, TABLE, TEXT, TEXT_TABLE, TEXTS, Type

#: The name of a section, a field or an action is a part of addresses and forms.
_WORD = expression(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
WORD = Type(
    "a name of letters, digits, '-', '_' and '.'",
    lambda value: isinstance(value, str) and bool(_WORD.fullmatch(value)),
)
TABLES = Type("a list of tables", lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value))
TABLE_OF_LISTS = Type(
    "a table of lists of strings",
    lambda value: isinstance(value, dict) and all(TEXTS.accepts(one) for one in value.values()),
)
PAIRS = Type(
    "a table of lists of two strings",
    lambda value: TABLE_OF_LISTS.accepts(value) and all(len(one) == 2 for one in value.values()),
)
_CONDITION = Type(
    "a field of the page with its values, FIELD=VALUE|VALUE",
    lambda value: isinstance(value, str) and all(part for part in value.partition("=")),
)

PANEL = {
    "heading": NAME,
    "help": TEXT,
    "order": NUMBER,
    "event": NAME,
    "words": TEXTS,
    "reaches-panel": TEXTS,
    "sections": TABLES,
    "records": TABLE,
}
SECTION = {"name": WORD, "heading": NAME, "help": TEXT, "fields": TABLES}
_COMMON = {"name": WORD, "label": NAME, "help": TEXT, "required": FLAG, "shown-if": _CONDITION}
#: What a field is: the key that says so, and the other keys it may have.
KINDS = {
    "setting": {**_COMMON, "setting": NAME, "labels": TEXT_TABLE, "needs": TABLE_OF_LISTS},
    "property": {
        **_COMMON,
        "property": NAME,
        "labels": TEXT_TABLE,
        "needs": TABLE_OF_LISTS,
        "fixed-if": TABLE_OF_LISTS,
    },
    "choices": {**_COMMON, "choices": TABLES, "unset": NAME},
    "each": {**_COMMON, "each": TEXT_TABLE, "any": PAIRS},
    "entries": {**_COMMON, "entries": TEXT_TABLE},
    "members": {**_COMMON, "members": TEXT_TABLE},
    "note": {"note": NAME, "label": NAME, "shown-if": _CONDITION},
}
CHOICE = {
    "match": TEXTS,
    "needs": TEXTS,
    "value": NAME,
    "label": NAME,
    "help": TEXT,
    "set": TEXT_TABLE,
    "delete": TEXTS,
    "create": TEXT_TABLE,
    "stored-only": FLAG,
    "only-if": TABLE_OF_LISTS,
}
EACH = {"database": NAME, "type": NAME, "property": NAME, "on": NAME, "off": NAME, "label": NAME}
ENTRIES = {"record": NAME, "value": NAME}
MEMBERS = {"database": NAME, "type": NAME, "property": NAME, "separator": NAME, "label": NAME}
RECORDS = {
    "database": NAME,
    "type": NAME,
    "also": TEXT_TABLE,
    "key-label": NAME,
    "key-help": TEXT,
    "columns": TEXTS,
    "create": TEXT_TABLE,
    "modify": TEXT_TABLE,
    "modify-of": TEXT_TABLE,
    "delete": TABLE,
    "protected": TEXTS,
    "fixed-if": TABLE_OF_LISTS,
    "actions": TABLES,
}
CREATE = {"event": NAME, "label": NAME}
MODIFY = {"event": NAME}
DELETE = {"event": NAME, "type": NAME, "ask": TEXT, "before": TEXT_TABLE}
BEFORE = {"type": NAME, "property": NAME, "event": NAME, "kept": NAME}
ACTION = {"name": WORD, "label": NAME, "event": NAME, "ask": TEXT, "password": FLAG, "not-for": TEXTS}
#: Those keys of the tables above that have to be there.
REQUIRED = {
    "panel": ("heading", "sections"),
    "section": ("name", "heading"),
    "choice": ("value", "label"),
    "each": ("database", "type", "property", "on", "off"),
    "entries": ("record", "value"),
    "members": ("database", "type", "property"),
    "records": ("database", "type"),
    "create": ("event", "label"),
    "modify": ("event",),
    "delete": ("event",),
    "before": ("type", "property"),
    "action": ("name", "label", "event"),
}
