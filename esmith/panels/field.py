"""A field of a form, and what it is shown and changed in: a :class:`Scene` to read, a :class:`Work` to change."""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.names import shorten
from esmith.panels.setting import KEY
from esmith.schema.check import NotAllowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from esmith.panels.records import Records
    from esmith.panels.setting import Cell, Setting
    from esmith.schema.load import Schema
    from esmith.schema.model import Property
    from esmith.store.protocol import Snapshot, Transaction

#: In the key or the property of a cell: every one.
EVERY = "*"
#: How many characters a form shows of what is stored and is none of its choices.
_SHOWN = 200


class Scene:
    """What a form is shown from.

    :param records: its list as the panel file has it; None for a form of settings.
    :param key: the record that it is of, None for a form of settings and for a new record.
    """

    def __init__(self, records: Records | None, schema: Schema, snapshot: Snapshot, key: str | None = None) -> None:
        self.records = records
        self.schema = schema
        self.snapshot = snapshot
        self.key = key
        self.is_new = records is not None and key is None

    def cell(self, setting: Setting) -> Cell:
        """Return the cell of a setting."""
        return setting.cell(self.key)

    def type_of(self, setting: Setting) -> str | None:
        """Return the type of the record of a setting, or what it will have; None where that is not known."""
        database, key, _ = self.cell(setting)
        records = self.records
        stored = None if self.is_new and KEY in setting.key else self.snapshot.type_of(database, key)
        if stored is None and records is not None and setting.key == KEY and setting.database == records.database:
            return records.type
        return stored

    def stored(self, setting: Setting) -> str | None:
        """Return what is stored, None when nothing is."""
        return None if self.is_new and KEY in setting.key else self.snapshot.prop(*self.cell(setting))

    def known(self, setting: Setting) -> Property | None:
        """Return what the schema knows of a setting."""
        database, key, prop = self.cell(setting)
        record = self.schema.record(database, key, self.type_of(setting))
        if record is None:
            return None
        return record.property(prop) if prop else record.value

    def effective(self, setting: Setting) -> str | None:
        """Return what a setting counts as: what is stored, or what a missing one reads as; None for nothing."""
        stored = self.stored(setting)
        if stored:
            return stored
        known = self.known(setting)
        unstored = known.unstored(stored) if known is not None else None
        return stored if unstored is None else unstored[1]

    def is_secret(self, setting: Setting) -> bool:
        """Return whether the value of a setting is never shown."""
        database, key, prop = self.cell(setting)
        return self.schema.is_secret(database, key, self.type_of(setting), prop)

    def holds(self, conditions: dict[Setting, tuple[str, ...]]) -> bool:
        """Return whether each of these settings counts as one of the values with it."""
        return all(self.effective(setting) in values for setting, values in conditions.items())

    def shown(self, setting: Setting) -> str:
        """Return what is stored of a setting, for people: with the names of its record and property."""
        _, key, prop = self.cell(setting)
        stored = self.stored(setting)
        value = "not set" if stored is None else "(secret)" if self.is_secret(setting) else stored or "(empty)"
        text = " ".join(filter(None, (key, prop, value)))
        return shorten(text, _SHOWN)


class Work(Scene):
    """What a form changes settings in.

    :param transaction: a transaction, or unsaved changes (:class:`esmith.store.overlay.Overlay`).
    """

    def __init__(
        self, records: Records | None, schema: Schema, transaction: Transaction, key: str | None = None
    ) -> None:
        super().__init__(records, schema, transaction, key)
        self.transaction = transaction
        self.hints: list[str] = []

    def note(self, hints: Iterable[str]) -> None:
        """Note hints for the administrator, each once."""
        self.hints += (hint for hint in hints if hint not in self.hints)

    def set(self, setting: Setting, value: str, type: str | None = None) -> None:
        """Set a setting. A record that is not there is made where its type is known.

        :param type: the type that its record is made with; None for that of the schema.
        :raises RefusedError: when the store or the schema does not accept it.
        :raises UsageError: when there is no such record.
        """
        from esmith.schema.settings import set_properties, set_type

        database, key, prop = self.cell(setting)
        if not prop:
            self.note(set_type(self.transaction, self.schema, database, key, value))
            return
        self.make(database, key, type)
        self.note(set_properties(self.transaction, self.schema, database, key, {prop: value}))

    def make(self, database: str, key: str, type: str | None = None) -> None:
        """Make a record that is not there, where its type is known.

        :param type: its type; None for that of the schema.
        """
        if self.transaction.type_of(database, key) is not None:
            return
        from esmith.schema.settings import set_record

        if type is None:
            known = self.schema.file(database, key)
            type = known.type if known is not None else None
        if type is not None:
            self.note(set_record(self.transaction, self.schema, database, key, type, {}))

    def delete(self, setting: Setting) -> None:
        """Make a setting be not set."""
        database, key, prop = self.cell(setting)
        if prop:
            self.transaction.delete_prop(database, key, prop)
        else:
            self.transaction.delete_record(database, key)


@dataclass(frozen=True)
class Field:
    """A field of a form; each kind of it is a class below this one.

    :param name: what values are sent under; "" for what holds no value.
    :param required: whether it always has to have a value.
    :param shown_if: the field that it is of use with and the values of it; None where the file names none.
    """

    name: str
    label: str
    help: str
    required: bool
    shown_if: tuple[str, tuple[str, ...]] | None

    def settings(self) -> list[Setting]:
        """Return the single settings that it stands for."""
        return []

    def show(self, scene: Scene) -> dict[str, Any]:
        """Return what a form shows of it, as verb ``panel`` does (``blank`` says the keys)."""
        raise NotImplementedError

    def withdraw(self, work: Work, value: Any) -> None:
        """Take away what is to be gone before any field adds something: one may take what another gives up."""

    def write(self, work: Work, value: Any) -> None:
        """Change the settings to a value of the form.

        :param value: None for not set.
        :raises EsmithError: when it is refused; what was changed until then is taken back by the caller.
        """
        raise NotImplementedError

    def cells(self, scene: Scene) -> list[Cell]:
        """Return the cells that it may write; ``*`` as a key or a property stands for every one."""
        return [scene.cell(setting) for setting in self.settings()]

    def missing(self, _scene: Scene) -> list[Setting]:
        """Return the settings that what is stored needs, and that are missing or empty."""
        return []

    def is_absent(self, _scene: Scene) -> bool:
        """Return whether a form is without it."""
        return False

    def hides(self, _scene: Scene) -> bool:
        """Return whether its value is a secret."""
        return False

    def blank(self, scene: Scene, widget: str) -> dict[str, Any]:
        """Return a field as it is shown without a value."""
        return {
            "name": self.name,
            "label": self.label or self.name,
            "help": self.help,
            "widget": widget,
            "value": None,
            "custom": None,
            "unset": None,
            "choices": [],
            "min": None,
            "max": None,
            "may_be_empty": False,
            "required": self.required,
            "suggest": False,
            "is_set": False,
            "shown_if": None,
            "settings": [" ".join(filter(None, cell)) for cell in self.cells(scene)],
        }


@dataclass(frozen=True)
class Note(Field):
    """A text in a form."""

    def show(self, scene: Scene) -> dict[str, Any]:
        """Return the text."""
        return self.blank(scene, "note")

    def write(self, work: Work, value: Any) -> None:
        """Do nothing."""


def one_text(value: Any) -> str:
    """Return a value that has to be a text.

    :raises NotAllowedError: when it is none.
    """
    if not isinstance(value, str):
        raise NotAllowedError("one text is needed here")
    return value


def texts(value: Any) -> list[str]:
    """Return a value that has to be a list of texts: each once, without blanks around it and without empty ones.

    :raises NotAllowedError: when it is none.
    """
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise NotAllowedError("a list of texts is needed here")
    return list(dict.fromkeys(filter(None, (one.strip() for one in value))))


def is_blank(value: Any) -> bool:
    """Return whether a value of a form is nothing: not set, blanks, or a list of these."""
    if isinstance(value, list):
        return all(map(is_blank, value))
    return value is None or (isinstance(value, str) and not value.strip())


def unknown_choice(values: Iterable[str]) -> NotAllowedError:
    """Return the error for choices that are not offered."""
    return NotAllowedError(f"not offered here: {shorten(', '.join(map(repr, sorted(values))), _SHOWN)}")
