"""What the schema files have about records and settings, as it is shown."""

from __future__ import annotations

from esmith.explain.wiki import mentions
from esmith.schema.load import Schema
from esmith.schema.secrecy import MASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.layout import Layout
    from esmith.schema.model import Property, RecordSchema
    from esmith.store.protocol import Snapshot

#: What a value of a type is, where the type does not list its values (db/README.md#properties).
_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "port": "a TCP port, 1 to 65535",
    "size": "a size such as 25000000, 500k or 15M",
    "host": "a host name or an IP address",
    "host:port": "a host name or an IPv4 address, also with a port, as mail.example.com:587",
    "hostname": "the name of a host",
    "address": "an IP address",
    "ipv4": "an IPv4 address",
    "netmask": "a netmask, as 255.255.255.0",
    "domain": "the name of a domain or a host",
    "mail-domain": "the name of a domain or a host",
    "account": "a name without blanks and /",
    "mailbox": "the name of an account, or an address, as boss@example.com",
    "path": "an absolute path",
    "ciphers": "a list of ciphers, as ciphers(1ssl) has it",
    "delivery": "a line of delivery instructions, as dot-qmail(5) has it",
    "text": "any text of one line",
    "secret": "any text of one line; it is shown masked",
}
_SEPARATORS = {" ": "a blank", ",": "a comma", ":": "a colon", ";": "a semicolon"}
_WORDS = {"enabled/disabled": ["enabled", "disabled"], "yes/no": ["yes", "no"]}


class Descriptions:
    """What the schema files of one root have.

    :param layout: the root.
    :param snapshot: the databases.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot) -> None:
        self.schema = Schema(layout)
        self._snapshot = snapshot

    def record_schema(self, database: str, key: str) -> RecordSchema | None:
        """Return what is known of a record that is stored or not, or of the records of a type of that name.

        :raises SchemaError: when a schema file is broken.
        """
        type = self._snapshot.type_of(database, key)
        return self.schema.record(database, key, type) or self.schema.file(database, f"@{key}")

    def is_known(self, database: str, key: str) -> bool:
        """Return whether a record is stored, or a schema file is for it."""
        return self._snapshot.type_of(database, key) is not None or self.record_schema(database, key) is not None

    def properties(self, database: str, key: str) -> list[str]:
        """Return the names of the properties that a record has or may have: those of the schema first."""
        known = self.record_schema(database, key)
        names = dict.fromkeys(name for name in (known.properties if known else ()) if name != "*")
        record = self._snapshot.record(database, key)
        return list(names | dict.fromkeys(record.props if record else ()))

    def of(self, database: str, key: str, prop: str) -> dict[str, Any]:
        """Return what a setting may be, as what ``json.dumps`` takes.

        :param prop: "" for the value of a record without properties.
        :raises SchemaError: when a schema file is broken.
        """
        record = self.record_schema(database, key)
        known = None if record is None else record.property(prop) if prop else record.value
        if known is not None and known.removed:
            return self._unknown(database, key, prop) | {
                "help": "it is no longer used, and the next upgrade removes it"
            }
        if known is None:
            return self._unknown(database, key, prop)
        return {
            "known": True,
            "help": known.help,
            "type": known.type,
            "values": [*_WORDS.get(known.type, []), *known.values],
            "allowed": allowed(known),
            "default": _masked(known, known.default),
            "unset": _masked(known, known.unset),
            "forced": _masked(known, known.force),
            "page": self._page(database, key, prop),
        }

    def help_of(self, database: str, key: str) -> str:
        """Return what a record is, in the words of its schema file; "" when there is none."""
        record = self.record_schema(database, key)
        return record.help if record else ""

    def _unknown(self, database: str, key: str, prop: str) -> dict[str, Any]:
        page = self._page(database, key, prop)
        nothing = dict.fromkeys(("default", "unset", "forced"))
        return {"known": False, "help": "", "type": "", "values": [], "allowed": "", **nothing, "page": page}

    def _page(self, database: str, key: str, prop: str) -> list[dict[str, Any]]:
        type = self._snapshot.type_of(database, key) or key
        for name in (key, f"@{type}"):
            found = mentions(database, name, prop) or mentions(database, name, "*")
            if found:
                return found
        return []


def allowed(prop: Property) -> str:
    """Return in words which values a property takes."""
    words = [*_WORDS.get(prop.type, []), *prop.values]
    parts = [", ".join(word or "(empty)" for word in words)] if words else []
    if prop.type == "list":
        between = {" ": "a blank", ",": "a comma", ":": "a colon", ";": "a semicolon"}.get(
            prop.separator, prop.separator
        )
        parts.append(f"entries with {between} between them")
    elif prop.type in _KINDS:
        parts.append(_KINDS[prop.type] + _limits(prop))
    if (prop.empty or prop.default == "") and "" not in words:
        parts.append("empty")
    return "; or ".join(parts)


def _limits(prop: Property) -> str:
    unit = " bytes" if prop.type == "size" else ""
    if prop.minimum is not None and prop.maximum is not None:
        return f" from {prop.minimum} to {prop.maximum}{unit}"
    if prop.minimum is not None:
        return f", {prop.minimum}{unit} or more"
    return f", {prop.maximum}{unit} or less" if prop.maximum is not None else ""


def _masked(prop: Property, value: str | None) -> str | None:
    return MASK if value and prop.secret else value
