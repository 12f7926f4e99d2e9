"""Checking a setting before it is stored."""

from __future__ import annotations

import os

from esmith.errors import RefusedError
from esmith.names import in_dns, nearest, shorten
from esmith.schema.types import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.load import Schema
    from esmith.schema.model import Property, RecordSchema


#: The types of accounts that get mail.
RECEIVERS = ("user", "group", "pseudonym")


class NotAllowedError(RefusedError):
    """A value that the schema does not allow. Whoever means it may store it without the schema."""


def check_record(schema: Schema, database: str, key: str, type: str, props: dict[str, str]) -> list[str]:
    """Check a whole record, as ``set`` and ``setdefault`` store it.

    :return: hints about names that are unknown but close to known ones.
    :raises NotAllowedError: when the schema does not allow it.
    """
    known = schema.record(database, key, type)
    if known is not None and known.value is not None and not props:
        _check_value(f"{database} {key}", known.value, type)
    return [*name_hints(schema, database, key, type), *check_properties(schema, database, key, type, props)]


def name_hints(schema: Schema, database: str, key: str, type: str) -> list[str]:
    """Return hints about the key and the type of a record: names close to known ones, names that lead nowhere."""
    hints = [*key_hint(schema, database, key), *type_hint(schema, database, key, type)]
    known = schema.record(database, key, type)
    if known is not None and known.key_rule is not None:
        hints += _dns_hint(f"{database} {key}", known.key_rule, key)
        hints += mail_hint(f"{database} {key}", known.key_rule, key)
    if database == "accounts" and type in RECEIVERS and _key_refusal(schema, database, key, type) is None:
        from esmith.schema.account_names import name_fault

        fault = name_fault(key, type)
        hints += [f"accounts {key}: it gets no mail: {fault} (stored as given)"] if fault else []
    return hints


def account_hints(database: str, key: str, current: str | None, type: str) -> list[str]:
    """Return the hint for whoever replaces an account that gets mail by one of another type.

    Users, groups and pseudonyms share their names, so a new group may take the place of a user by mistake.

    :param current: the type of the record that is there already.
    """
    if database != "accounts" or current == type or not {current, type} <= set(RECEIVERS):
        return []
    return [
        f"accounts {key} was a {current}, which is gone now: its type and all its properties (stored as given)\n"
        "  to take it back by esmith undo; its number is shown by: esmith history --limit 1"
    ]


def check_database(schema: Schema, database: str) -> None:
    """Check the name of a database that is about to be made.

    Any name will do, but one that is close to a known one, or a record's: whoever misspells ``accounts``, or leaves
    ``configuration`` out, would never see the record.

    :raises NotAllowedError: when it looks like a mistake.
    """
    known = schema.databases()
    if database not in known and schema.record("configuration", database, None) is not None:
        raise NotAllowedError(
            "there is no such database; a record of the configuration is called so",
            place=database,
            hint=f"it is config ... {database}, and [configuration.{database}] in a file of TOML",
        )
    close = nearest(database, known) if database not in known else None
    if close:
        raise NotAllowedError(f"there is no such database; did you mean {close!r}?", place=database)


def check_key(schema: Schema, database: str, key: str, type: str, current: str | None = None) -> None:
    """Check the key of a record that is to be of a type.

    A record that has a key its type does not allow, e.g. an imported one, may be replaced or get another type.

    :param current: the type of the record that is there already.
    :raises NotAllowedError: when records of the type cannot have this key.
    """
    reason = _key_refusal(schema, database, key, type)
    if reason is None or (current is not None and _key_refusal(schema, database, key, current) is not None):
        return
    raise NotAllowedError(f"the key {shorten(key)!r} {reason}", place=database)


def _key_refusal(schema: Schema, database: str, key: str, type: str) -> str | None:
    known = schema.record(database, key, type)
    return refusal(known.key_rule, key) if known is not None and known.key_rule is not None else None


def check_properties(schema: Schema, database: str, key: str, type: str | None, props: dict[str, str]) -> list[str]:
    """Check properties of a record, as ``setprop`` stores them.

    Unknown properties and records are accepted: a contrib or a custom template may use them.

    :return: hints about names that are unknown but close to known ones.
    :raises NotAllowedError: when a known property does not allow its value.
    """
    known = schema.record(database, key, type)
    hints = [
        f"{database} {key} {name}: {_shown(schema, database, key, type, name, value)} looks like a placeholder; "
        "put your own value there (stored as given)"
        for name, value in props.items()
        if _is_placeholder(value)
    ]
    if known is None:
        return hints
    for name, value in props.items():
        prop = known.property(name)
        if prop is None:
            hints += _hint(known, f"{database} {key}", name)
        elif prop.removed:
            hints.append(f"{database} {key}: {name} is no longer used; the next console-save removes it")
            # Until then it is read as before.
            _check_value(f"{database} {key} {name}", prop, value)
        else:
            place = f"{database} {key} {name}"
            _check_value(place, prop, value)
            if not value.isascii():
                hints += _dns_hint(place, prop, value)
            if prop.programs:
                hints += _program_hint(schema, place, prop, value)
            if prop.type == "ciphers" and value:
                from esmith.schema.ciphers import misspelt

                hints += (
                    f"{database} {key} {name}: OpenSSL ignores {word!r}; did you mean {close!r}? (stored as given)"
                    for word, close in misspelt(value)
                )
            if (prop.list or prop.block_lists) and not _is_placeholder(value):
                from esmith.schema.meanings import meanings

                hints += (f"{database} {key} {hint}" for hint in meanings(prop, name, value))
    return hints


def _is_placeholder(value: str) -> bool:
    return value.startswith("<") and value.endswith(">")


def _shown(schema: Schema, database: str, key: str, type: str | None, prop: str, value: str) -> str:
    return "the value" if schema.is_secret(database, key, type, prop, value) else repr(shorten(value))


def _check_value(place: str, prop: Property, value: str) -> None:
    reason = refusal(prop, value)
    if prop.type == "delivery":
        from esmith.schema.addresses import delivery_fault

        reason = delivery_fault(value)
    if reason:
        shown = "the value" if prop.secret else repr(shorten(value))
        raise NotAllowedError(f"{shown} {reason}", place=place)


def _hint(known: RecordSchema, place: str, name: str) -> list[str]:
    close = nearest(name, known.properties)
    return [f"{place} has no property {name!r}; did you mean {close!r}? (stored as given)"] if close else []


def key_hint(schema: Schema, database: str, key: str) -> list[str]:
    """Return a hint when a key is close to that of a known record."""
    if schema.record(database, key, None) is not None:
        return []
    close = nearest(key, schema.close_to(database))
    return [f"{database} knows no record {key!r}; did you mean {close!r}? (stored as given)"] if close else []


def _dns_hint(place: str, prop: Property, value: str) -> list[str]:
    name = in_dns(value) if prop.type in ("domain", "mail-domain") and not value.isascii() else ""
    return [f"{place}: mail and DNS have another name for it, which is {name} (stored as given)"] if name else []


def _program_hint(schema: Schema, place: str, prop: Property, value: str) -> list[str]:
    """Return a hint when the program that a value needs is not installed."""
    program = prop.programs.get(value, "")
    if not program or os.path.exists(schema.layout.under(program)):
        return []
    cure = f"\n  what helps:\n    {prop.cures[value]}" if value in prop.cures else ""
    return [f"{place}: {value} needs {program}, which is not installed (stored as given){cure}"]


def mail_hint(place: str, prop: Property, value: str) -> list[str]:
    """Return a hint about the name of a domain, or a pseudonym's address, that no mail can come to."""
    fault = ""
    if prop.type == "mail-domain" and value.isascii():
        from esmith.schema.addresses import mail_domain_fault

        fault = mail_domain_fault(value)
    elif prop.type == "mailbox" and "@" in value:
        from esmith.schema.addresses import address_fault

        fault = address_fault(value)
        fault = f"it {fault}" if fault else ""
    return [f"{place} gets no mail: {fault} (stored as given)"] if fault else []


def type_hint(schema: Schema, database: str, key: str, type: str) -> list[str]:
    """Return a hint when a type is close to a known one."""
    types = schema.types(database)
    if not types or type in types or (known := schema.record(database, key, None)) and known.type == type:
        return []
    close = nearest(type, types)
    return [f"{database} knows no type {type!r}; did you mean {close!r}? (stored as given)"] if close else []
