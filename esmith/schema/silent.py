"""Records and settings that are allowed and give no hint, found quickly: nearly all of an import or a batch are such.

It finds what :func:`esmith.schema.settings.judge_record`, :func:`esmith.schema.check.check_key` and
:func:`esmith.schema.settings.set_properties` would have nothing to report of, as far as it knows. All else is for
those.
"""

from __future__ import annotations

from esmith.expressions import expression
from esmith.names import nearest
from esmith.schema.check import RECEIVERS, mail_hint, type_hint
from esmith.schema.settings import opens_port
from esmith.schema.types import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.load import Schema
    from esmith.schema.model import Property
    from esmith.store.protocol import Records

#: How many values of a property are remembered as allowed.
_REMEMBERED = 1000
#: Types that allow any value, and those of names.
_FREE = ("text", "secret")
_OF_NAMES = ("account", "mailbox")
#: What mail may know by another name, too (esmith.schema.spellings).
_OF_MAIL = (*_OF_NAMES, "mail-domain")
#: A name that nothing is wrong with, whatever it is the name of; a longer one is looked at.
_PLAIN_NAME = expression(r"[a-z0-9_](?:[a-z0-9._-]{0,98}[a-z0-9_])?")
#: The same, but for names that mean something to mail.
_PLAIN_KEY = expression(r"(?!alias|shared)[a-z0-9_](?:[a-z0-9._-]{0,98}[a-z0-9_])?(?<!-junkmail)")
_JUNK_MAIL = "-junkmail"


class _Kind:
    """What is known of the records of a type.

    :param schema: the schema files.
    :param key: that of a record which has a schema file of its own; "" for all others.
    """

    __slots__ = ("_has_ports", "_known", "_layouts", "_rules", "_service", "is_silent", "key_rule", "names_mail")

    def __init__(self, schema: Schema, database: str, key: str, type: str) -> None:
        self._known = schema.record(database, key, type)
        self.key_rule = self._known.key_rule if self._known is not None else None
        #: Whether mail may take a key for another name.
        self.names_mail = self.key_rule is not None and self.key_rule.type in _OF_MAIL
        self._has_ports = database == "configuration"
        self._service = schema.record(database, key, "service") if self._has_ports else None
        self.is_silent = not type_hint(schema, database, "", type)
        self._rules: dict[str, _Rule | None] = {}
        #: For the names of the properties of a record: those of which not every value is silent.
        self._layouts: dict[tuple[str, ...], list[tuple[int, _Rule]]] = {}

    def layout(self, names: tuple[str, ...]) -> list[tuple[int, _Rule]]:
        """Return which properties of a record are to be looked at.

        :param names: those of all its properties, in their order.
        :return: for each the place of its value in the fields of the record, of which the first is its type.
        """
        found = self._layouts.get(names)
        if found is None:
            rules = ((2 * at + 2, self.rule(name)) for at, name in enumerate(names))
            found = [(at, rule) for at, rule in rules if rule is not None]
            if len(self._layouts) < _REMEMBERED:
                self._layouts[names] = found
        return found

    def rule(self, name: str) -> _Rule | None:
        """Return what is known of a property, None for one of which each value is silent that is no placeholder."""
        if name not in self._rules:
            prop = self._known.property(name) if self._known is not None else None
            if self._has_ports and opens_port(self._service, (name,)):
                # It may have to do with those of other services.
                prop, is_silent = None, False
            elif prop is None:
                is_silent = self._known is None or nearest(name, self._known.properties) is None
            else:
                is_silent = prop.type in _FREE and not _may_say_more(prop) and not prop.refers_to
            self._rules[name] = None if is_silent else _Rule(prop)
        return self._rules[name]


class _Rule:
    """What is known of a property.

    :param prop: what the schema says; None when it has a name that is close to another one.
    """

    __slots__ = ("_is_name", "_prop", "_target", "_types", "silent")

    def __init__(self, prop: Property | None) -> None:
        self._prop = prop if prop is not None and not _may_say_more(prop) else None
        database, _, types = prop.refers_to.partition(":") if prop is not None else ("", "", "")
        self._target = database
        self._types = types.split(",")
        self._is_name = prop is not None and prop.type in (*_FREE, *_OF_NAMES)
        #: Values that are known to be silent.
        self.silent = set[str]()

    def is_silent(self, records: Records, value: str) -> bool:
        """Return whether it is known that a value is allowed, and that there is no hint about it."""
        if self._prop is None or not value.isascii() or value[:1] == "<":
            return False
        if self._target:
            return self._leads_to_record(records, value)
        if refusal(self._prop, value) is not None:
            return False
        if len(self.silent) < _REMEMBERED:
            self.silent.add(value)
        return True

    def _leads_to_record(self, records: Records, value: str) -> bool:
        """Return whether a value is the name of a record of the right type, or no name where none has to be."""
        assert self._prop is not None
        if not value:
            return refusal(self._prop, value) is None
        if not self._is_name or _PLAIN_NAME.fullmatch(value) is None:
            return False
        return records.type_of(self._target, value) in self._types


class Silent:
    """Knows of records that they are allowed, and that there is no hint about them.

    :param schema: the schema files.
    :param records: the databases.
    """

    def __init__(self, schema: Schema, records: Records) -> None:
        self._schema = schema
        self._records = records
        self._kinds: dict[tuple[str, str, str], _Kind] = {}
        self._names: dict[str, frozenset[str]] = {}

    def is_silent(self, database: str, key: str, text: str) -> bool:
        """Return whether it is known that a record is allowed, and that there is no hint about it.

        :param text: its type, name and value of each property, with a NUL between.
        """
        fields = text.split("\0")
        type = fields[0]
        # Services have to do with one another, and a record without properties has a value in the place of a type.
        if len(fields) == 1 or database == "configuration" or "<" in text or key in self._named(database):
            return False
        kind = self._kinds.get((database, "", type)) or self._kind(database, "", type)
        if not kind.is_silent or not self._has_silent_key(kind, database, key, type):
            return False
        for at, rule in kind.layout(tuple(fields[1::2])):
            value = fields[at]
            if value not in rule.silent and not rule.is_silent(self._records, value):
                return False
        return True

    def is_silent_setting(self, database: str, key: str, prop: str, value: str) -> bool:
        """Return whether it is known that a property of a record may be set so, and that there is no hint about it."""
        type = self._records.type_of(database, key)
        if type is None or value[:1] == "<":
            return False
        kind = self._kind(database, key if key in self._named(database) else "", type)
        if kind.names_mail and not _is_name_of_its_own(kind.key_rule, key):
            return False
        known = kind.rule(prop)
        return known is None or value in known.silent or known.is_silent(self._records, value)

    def _kind(self, database: str, key: str, type: str) -> _Kind:
        kind = self._kinds.get((database, key, type))
        if kind is None:
            kind = self._kinds[database, key, type] = _Kind(self._schema, database, key, type)
        return kind

    def _has_silent_key(self, kind: _Kind, database: str, key: str, type: str) -> bool:
        is_plain = _PLAIN_KEY.fullmatch(key) is not None
        rule = kind.key_rule
        if rule is not None and not (is_plain and rule.type in _OF_NAMES):
            if not key.isascii() or refusal(rule, key) is not None or mail_hint("", rule, key):
                return False
            # Names that mail takes for another one's: esmith.schema.spellings.
            if key != key.lower().removesuffix(".") or key.endswith(_JUNK_MAIL):
                return False
        if not is_plain and database == "accounts" and type in RECEIVERS:
            from esmith.schema.account_names import name_fault

            if name_fault(key, type):
                return False
        return nearest(key, self._schema.close_to(database)) is None

    def _named(self, database: str) -> frozenset[str]:
        """Return the keys of the records that may have a schema file of their own."""
        found = self._names.get(database)
        if found is None:
            found = self._names[database] = frozenset(self._schema.named(database))
        return found


def _is_name_of_its_own(rule: Property | None, key: str) -> bool:
    """Return whether it is known that mail takes the key for no other name.

    :param rule: what the key is.
    """
    lower = key.lower()
    is_domain = rule is not None and rule.type == "mail-domain"
    return not lower.endswith(_JUNK_MAIL) and not (is_domain and lower.removesuffix(".") != key)


def _may_say_more(prop: Property) -> bool:
    """Return whether there are hints about a property that depend on more than its type."""
    return bool(prop.removed or prop.programs or prop.list or prop.block_lists or prop.type in ("ciphers", "delivery"))
