"""From a table of a panel file to a field."""

from __future__ import annotations

from esmith.panels import keys
from esmith.panels.boxes import EachField, MembersField
from esmith.panels.entries import EntriesField
from esmith.panels.field import Field, Note
from esmith.panels.known import Settings, require
from esmith.panels.mapping import Choice, MappingField, not_exclusive
from esmith.panels.property import PropertyField, is_choice, words_of
from esmith.panels.setting import KEY_FIELD, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.tables import TomlFile

    _Table = dict[str, Any]


def build_field(file: TomlFile, settings: Settings, table: _Table, place: str) -> Field:
    """Return the field that a table describes.

    :param place: what the table is called in messages.
    :raises PanelError: for the first mistake in it.
    """
    kinds = [kind for kind in keys.KINDS if kind in table]
    if len(kinds) != 1:
        raise file.error(f"[{place}] is not a field", hint=f"it needs one of {', '.join(keys.KINDS)}")
    kind = kinds[0]
    file.check(table, keys.KINDS[kind], place)
    name = table.get("name", "")
    settings.place = f"[{place}] " if not name else f"field {name!r}: "
    if name == KEY_FIELD:
        raise settings.error("a field cannot be called so: it is what the name of a new record is sent under")
    made = _MAKERS[kind](_Maker(file, settings, table, place))
    if not made.name and kind != "note":
        raise settings.error("name is missing", "give the field a name")
    return made


def choices_of(settings: Settings, field: Field) -> list[str] | None:
    """Return the values of a field that has few; None for one that may have any."""
    if isinstance(field, MappingField):
        return [choice.value for choice in field.choices]
    known = settings.known(field.setting) if isinstance(field, PropertyField) else None
    return words_of(known) if known is not None and is_choice(known) else None


class _Maker:
    """A table of a field that is read."""

    def __init__(self, file: TomlFile, settings: Settings, table: _Table, place: str) -> None:
        self.file = file
        self.settings = settings
        self.table = table
        self.place = place

    def part(self, name: str, types: dict[str, Any]) -> _Table:
        """Return a table in it, checked."""
        part: _Table = self.table[name]
        self.file.check(part, types, f"{self.place}, {name}")
        require(self.file, part, name, f"{self.place}, {name}")
        return part

    def common(self, name: str = "") -> _Table:
        """Return what every field has.

        :param name: the name it has when the file gives it none.
        """
        condition = self.table.get("shown-if")
        shown_if = None
        if condition is not None:
            field, _, values = condition.partition("=")
            shown_if = field, tuple(values.split("|"))
        return {
            "name": self.table.get("name", name),
            "label": self.table.get("label", ""),
            "help": self.table.get("help", ""),
            "required": self.table.get("required", False),
            "shown_if": shown_if,
        }


def _property(maker: _Maker) -> Field:
    table, settings = maker.table, maker.settings
    setting = settings.of_record(table["property"]) if "property" in table else settings.setting(table["setting"])
    known = settings.known(setting)
    labels = table.get("labels", {})
    for value in labels:
        if not is_choice(known) or value not in words_of(known):
            raise settings.error(f"labels: {value!r} is no choice of {str(setting)!r}")
    needs = table.get("needs", {})
    for value in needs:
        if not is_choice(known) or value not in words_of(known):
            raise settings.error(f"needs: {value!r} is no choice of {str(setting)!r}")
    fixed = {settings.of_record(name): tuple(values) for name, values in table.get("fixed-if", {}).items()}
    for one, values in fixed.items():
        for value in values:
            settings.value(one, value)
    return PropertyField(
        **maker.common(setting.prop or setting.key),
        setting=setting,
        labels=labels,
        needs={value: tuple(settings.setting(text) for text in texts) for value, texts in needs.items()},
        fixed_if=fixed,
    )


def _choices(maker: _Maker) -> Field:
    settings = maker.settings
    choices = []
    for number, table in enumerate(maker.table["choices"], 1):
        place = f"{maker.place}, choices, number {number}"
        maker.file.check(table, keys.CHOICE, place)
        require(maker.file, table, "choice", place)
        choices.append(_choice(settings, table))
    if not choices:
        raise settings.error("choices is empty", "name two or more")
    values = [choice.value for choice in choices]
    if len(set(values)) < len(values):
        raise settings.error("two choices have one value", "give one of them another value")
    pair = not_exclusive(choices)
    if pair is not None:
        raise settings.error(
            f"choices {pair[0].value!r} and {pair[1].value!r} may both be what is stored",
            "have each of them set or delete a property that the other one has otherwise",
        )
    return MappingField(**maker.common(), choices=tuple(choices), unset=maker.table.get("unset", ""))


def _choice(settings: Settings, table: _Table) -> Choice:
    set_to = {settings.setting(text): value for text, value in table.get("set", {}).items()}
    for setting, value in set_to.items():
        settings.value(setting, value)
        if settings.is_secret(setting):
            raise settings.error(f"{str(setting)!r} is a secret, which no choice has", "make it a field")
    create = {}
    for text, type in table.get("create", {}).items():
        words = text.split(" ")
        if len(words) != 2 or not all(words):
            raise settings.error(f"create: {text!r} is not a record", 'write "DATABASE KEY" = "TYPE"')
        create[words[0], words[1]] = type
    delete = tuple(settings.setting(text) for text in table.get("delete", []))
    match = frozenset(settings.setting(text) for text in table["match"]) if "match" in table else {*set_to, *delete}
    foreign = [str(one) for one in match if one not in set_to and one not in delete]
    if foreign:
        raise settings.error(f"match: choice {table['value']!r} neither sets nor deletes {foreign[0]!r}")
    if "match" in table and not match:
        raise settings.error(f"match: choice {table['value']!r} would always be what is stored")
    found = Choice(
        value=table["value"],
        label=table["label"],
        help=table.get("help", ""),
        set=set_to,
        needs=tuple(settings.setting(text) for text in table.get("needs", [])),
        delete=delete,
        match=frozenset(match),
        create=create,
        stored_only=table.get("stored-only", False),
        only_if=settings.conditions(table.get("only-if", {})),
    )
    if not found.set and not found.delete:
        raise settings.error(f"choice {found.value!r} sets nothing", "write set = ..., or delete = ...")
    return found


def _each(maker: _Maker) -> Field:
    settings, part = maker.settings, maker.part("each", keys.EACH)
    settings.type(part["database"], part["type"])
    setting = _of_type(settings, part["database"], part["type"], part["property"])
    for value in (part["on"], part["off"]):
        settings.value(setting, value)
    depends = {settings.setting(text): tuple(values) for text, values in maker.table.get("any", {}).items()}
    for one, values in depends.items():
        for value in values:
            settings.value(one, value)
    return EachField(
        **maker.common(),
        database=part["database"],
        type=part["type"],
        prop=part["property"],
        title=part.get("label", ""),
        on=part["on"],
        off=part["off"],
        any=depends,
    )


def _of_type(settings: Settings, database: str, type: str, prop: str) -> Setting:
    setting = Setting(database, f"@{type}", prop)
    settings.known_of_type(setting)
    return setting


def _entries(maker: _Maker) -> Field:
    settings, part = maker.settings, maker.part("entries", keys.ENTRIES)
    words = part["record"].split(" ")
    if len(words) != 2 or not all(words):
        raise settings.error(f"entries: {part['record']!r} is not a record", 'write record = "DATABASE KEY"')
    # The table for every property is the one that decides on entries.
    settings.value(Setting(words[0], words[1], "*"), part["value"])
    return EntriesField(**maker.common(), database=words[0], key=words[1], value=part["value"])


def _members(maker: _Maker) -> Field:
    settings, part = maker.settings, maker.part("members", keys.MEMBERS)
    settings.type(part["database"], part["type"])
    _of_type(settings, part["database"], part["type"], part["property"])
    if not settings.has_records:
        raise settings.error("members is for pages with a table [records]")
    return MembersField(
        **maker.common(),
        database=part["database"],
        type=part["type"],
        prop=part["property"],
        title=part.get("label", ""),
        separator=part.get("separator", ","),
    )


def _note(maker: _Maker) -> Field:
    return Note(**(maker.common() | {"help": maker.table["note"]}))


_MAKERS: dict[str, Callable[[_Maker], Field]] = {
    "setting": _property,
    "property": _property,
    "choices": _choices,
    "each": _each,
    "entries": _entries,
    "members": _members,
    "note": _note,
}
