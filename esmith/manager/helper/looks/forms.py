"""A record of any database as a form: what the schema knows of it, and what is stored besides."""

from __future__ import annotations

from typing import Any

from esmith.panels.field import Scene
from esmith.panels.property import PropertyField, noted_unset, words_of
from esmith.panels.setting import KEY, Setting
from esmith.schema.load import Schema
from esmith.schema.model import Property, RecordSchema
from esmith.store.model import Record
from esmith.store.protocol import Snapshot

#: A record with more properties is shown in part: a list of a hundred thousand addresses is no form.
MOST_FIELDS = 2000


class RecordScene(Scene):
    """What the form of one record is shown from.

    :param record: the record; None for a new one.
    :param type: the type of a new one.
    """

    def __init__(self, schema: Schema, snapshot: Snapshot, key: str, record: Record | None, type: str | None) -> None:
        super().__init__(None, schema, snapshot, key)
        self._record = record
        self._type = type

    def type_of(self, _setting: Setting) -> str | None:
        """Return the type of the record, or that of a new one."""
        return self._record.type if self._record is not None else self._type

    def stored(self, setting: Setting) -> str | None:
        """Return what is stored, None when nothing is."""
        if self._record is None:
            return None
        return self._record.props.get(setting.prop) if setting.prop else self._record.type

    def is_secret(self, setting: Setting) -> bool:
        """Return whether a value is never shown: one that is a secret for any type the record may have had."""
        return self.schema.may_be_secret(*self.cell(setting), self.stored(setting) or None)


def record_form(
    schema: Schema, snapshot: Snapshot, database: str, key: str, record: Record | None, type: str | None
) -> dict[str, Any]:
    """Return the form of a record, as the verb ``setting`` does.

    :param key: its key, "" for a new one that has none yet.
    :param record: the record; None for a new one.
    :param type: the type of a new one.
    """
    scene = RecordScene(schema, snapshot, key, record, type)
    known = schema.record(database, key, record.type if record is not None else type)
    names = _properties(known, record)
    fields = [_field(scene, database, name, known) for name in names[:MOST_FIELDS]]
    return {
        "help": known.help if known is not None else "",
        "sections": [{"name": "properties", "heading": "Properties", "help": "", "fields": fields}],
        "left_out": len(names) - len(fields),
    }


def _properties(known: RecordSchema | None, record: Record | None) -> list[str]:
    """Return the properties of a form: those of the schema, then what is stored besides; "" for a plain value."""
    stored = record.props if record is not None else {}
    if known is not None and known.value is not None and not stored:
        return [""]
    names = [] if known is None else [name for name, prop in known.properties.items() if _is_offered(name, prop)]
    if not names and not stored and record is not None and (known is None or not known.properties):
        return [""]
    return [*names, *sorted(name for name in stored if name not in names)]


def _is_offered(name: str, prop: Property) -> bool:
    return name != "*" and not prop.removed


def _field(scene: RecordScene, database: str, name: str, known: RecordSchema | None) -> dict[str, Any]:
    prop = None if known is None else known.property(name) if name else known.value
    help = "it is no longer used, and the next upgrade removes it" if prop is not None and prop.removed else ""
    # What stands for every property has no label of one.
    label = (prop.label if prop is not None and prop.name != "*" else "") or name or scene.key or ""
    setting = Setting(database, KEY, name)
    # Whoever comes here knows the values as they are stored.
    labels = {} if prop is None else {word: word for word in words_of(prop)}
    made = PropertyField(name, label, help, required=False, shown_if=None, setting=setting, labels=labels)
    shown = made.show(scene)
    if shown["widget"] == "lines":
        # As it is stored: the entries of a form would lose what is between them.
        shown |= {"widget": "text", "value": scene.stored(setting)}
    if name:
        # Here each property may be not set; a default comes back when the databases are initialised.
        shown["unset"] = "" if shown["widget"] == "secret" or prop is None else _unset(prop)
    return shown | {"suggest": False}


def _unset(prop: Property) -> str:
    """Return what a property reads as while it is not set; "" where that is not known."""
    unstored = prop.unstored(None)
    return unstored[1] if unstored is not None else noted_unset(prop.help)
