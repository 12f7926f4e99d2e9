"""Records that are allowed and give no hint, found quickly: nearly all of an import are such.

It finds what :func:`esmith.schema.settings.judge_record` and :func:`esmith.schema.check.check_key` would have nothing
to report of, as far as it knows; all other records are for those.
"""

from __future__ import annotations

from esmith.names import nearest
from esmith.schema.check import RECEIVERS, key_hint, mail_hint, type_hint
from esmith.schema.references import reference_hints
from esmith.schema.types import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.load import Schema
    from esmith.schema.model import Property
    from esmith.store.model import Record
    from esmith.store.protocol import Records

#: How many values of a property are remembered as allowed.
_REMEMBERED = 1000
#: Types that allow any value.
_FREE = ("text", "secret")


class _Kind:
    """What is known of the records of a type that have no schema file of their own.

    :param schema: the schema files.
    """

    __slots__ = ("_known", "_layouts", "_rules", "is_silent", "key_rule")

    def __init__(self, schema: Schema, database: str, type: str) -> None:
        self._known = schema.record(database, "", type)
        self.key_rule = self._known.key_rule if self._known is not None else None
        self.is_silent = not type_hint(schema, database, "", type)
        #: For each property the values that are known to be silent; None for all that are no placeholder.
        self._rules: dict[str, tuple[Property | None, set[str] | None]] = {}
        #: For the names of the properties of a record: those of which not every value is silent.
        self._layouts: dict[tuple[str, ...], list[tuple[str, Property | None, set[str]]]] = {}

    def loud(self, props: dict[str, str]) -> dict[str, str]:
        """Return the properties that are not known to be silent."""
        if "<" in "".join(props.values()):
            return props  # one may be a placeholder
        names = tuple(props)
        layout = self._layouts.get(names)
        if layout is None:
            rules = ((name, *self._rule(name)) for name in names)
            layout = [(name, prop, values) for name, prop, values in rules if values is not None]
            if len(self._layouts) < _REMEMBERED:
                self._layouts[names] = layout
        return {
            name: props[name]
            for name, prop, values in layout
            if props[name] not in values and not _is_silent(prop, props[name], values)
        }

    def known_property(self, name: str) -> Property | None:
        """Return what is known of a property, None when nothing is."""
        return self._known.property(name) if self._known is not None else None

    def _rule(self, name: str) -> tuple[Property | None, set[str] | None]:
        if name in self._rules:
            return self._rules[name]
        prop = self.known_property(name)
        if prop is None:
            is_silent = self._known is None or nearest(name, self._known.properties) is None
        else:
            is_silent = prop.type in _FREE and not _may_say_more(prop) and not prop.refers_to
        self._rules[name] = prop, None if is_silent else set()
        return self._rules[name]


class Silent:
    """Knows of records that they are allowed, and that there is no hint about them.

    :param schema: the schema files.
    :param records: the databases.
    """

    def __init__(self, schema: Schema, records: Records) -> None:
        self._schema = schema
        self._records = records
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def is_silent(self, database: str, record: Record) -> bool:
        """Return whether it is known that a record is allowed, and that there is no hint about it."""
        key, type = record.key, record.type
        # Services have to do with one another, and a record without properties has a value in the place of a type.
        if not record.props or database == "configuration" or self._schema.file(database, key) is not None:
            return False
        kind = self._kinds.get((database, type))
        if kind is None:
            kind = self._kinds[database, type] = _Kind(self._schema, database, type)
        if not kind.is_silent or not self._has_silent_key(kind, database, key, type):
            return False
        return all(
            self._refers_well(kind, database, record, name, value) for name, value in kind.loud(record.props).items()
        )

    def _has_silent_key(self, kind: _Kind, database: str, key: str, type: str) -> bool:
        rule = kind.key_rule
        if rule is not None:
            if not key.isascii() or refusal(rule, key) is not None or mail_hint("", rule, key):
                return False
            # Names that mail takes for another one's: esmith.schema.spellings.
            if key != key.lower().removesuffix(".") or key.endswith("-junkmail"):
                return False
        if database == "accounts" and type in RECEIVERS:
            from esmith.schema.account_names import name_fault

            if name_fault(key, type):
                return False
        return not key_hint(self._schema, database, key)

    def _refers_well(self, kind: _Kind, database: str, record: Record, name: str, value: str) -> bool:
        prop = kind.known_property(name)
        if prop is None or not prop.refers_to or _may_say_more(prop) or not _is_plain(prop, value):
            return False
        return not reference_hints(self._schema, self._records, database, record.key, record.type, {name: value})


def _may_say_more(prop: Property) -> bool:
    """Return whether there are hints about a property that depend on more than its type."""
    return bool(prop.removed or prop.programs or prop.list or prop.block_lists or prop.type == "ciphers")


def _is_plain(prop: Property, value: str) -> bool:
    return value.isascii() and value[:1] != "<" and refusal(prop, value) is None


def _is_silent(prop: Property | None, value: str, values: set[str]) -> bool:
    """Return whether a value is silent, and remember it."""
    if prop is None or prop.refers_to or _may_say_more(prop) or not _is_plain(prop, value):
        return False
    if len(values) < _REMEMBERED:
        values.add(value)
    return True
