"""The declarative migrations: bringing what older versions stored up to date (docs/schema.md#the-migrations)."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from esmith.names import is_number
from esmith.schema.lists import entries, zone_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.schema.model import Property, RecordSchema
    from esmith.store.protocol import Transaction


def rename_record(transaction: Transaction, schema: RecordSchema) -> None:
    """Move a record that has one of the old keys to its new key.

    Where both exist the new one stays as it is and the old one goes.
    """
    database = schema.database
    for old_key in schema.renamed_from:
        old = transaction.record(database, old_key)
        if old is None:
            continue
        if transaction.type_of(database, schema.key) is None:
            transaction.set_type(database, schema.key, old.type)
            for name, value in old.props.items():
                transaction.set_prop(database, schema.key, name, value)
        transaction.delete_record(database, old_key)


def migrate_record(transaction: Transaction, schema: RecordSchema, key: str) -> list[str]:
    """Apply the migrations of every property a record has.

    :param key: the record; it exists.
    :return: notes on block lists that were dropped.
    """
    database = schema.database
    notes = []
    for prop in schema.properties.values():
        _rename(transaction, database, key, prop)
        if prop.removed:
            transaction.delete_prop(database, key, prop.name)
            continue
        value = transaction.prop(database, key, prop.name)
        if value is not None:
            new = migrated_value(prop, value)
            transaction.set_prop(database, key, prop.name, new)
            if prop.block_lists and new != value:
                switch = _switch_of(schema, prop)
                notes += [f"{database} {key} {prop.name}: {note}" for note in _dropped(prop, value, new, switch)]
    return notes


def migrated_value(prop: Property, value: str) -> str:
    """Return a property's value without what is obsolete; unchanged when nothing is."""
    if prop.raise_to is not None and is_number(value) and int(value) < int(prop.raise_to):
        return prop.raise_to
    if prop.type != "list":
        return prop.replace_values.get(value, value)
    old = entries(value)
    new = list(dict.fromkeys(prop.replace_values.get(entry, entry) for entry in old if not _is_obsolete(prop, entry)))
    commas = [part.strip() for part in value.split(prop.separator) if part.strip()]
    return value if new == old == commas else prop.separator.join(new)


def _switch_of(schema: RecordSchema, prop: Property) -> str:
    """Return the property that has a list of block lists used, which says so in its help; "" when none does."""
    others = (other for other in schema.properties.values() if other.type == "enabled/disabled")
    return next((other.name for other in others if re.search(rf"\b{re.escape(prop.name)}\b", other.help)), "")


def _dropped(prop: Property, old: str, new: str, switch: str) -> Iterator[str]:
    """Yield which block lists a migration dropped and why, and that none is left.

    :param switch: the property that has the list used, "" for none.
    """
    for zone in dict.fromkeys(zone_of(entry) for entry in entries(old) if _is_obsolete(prop, entry)):
        yield f"{zone} {fate_of(prop, zone) or 'is not a block list any more'}, so it was dropped"
    if not new and entries(old):
        yield f"the list is empty now; name another block list, or disable {switch or 'what reads this one'}"


def fate_of(prop: Property, zone: str) -> str | None:
    """Return what became of a block list that is closed, None for any other."""
    return next((fate for pattern, fate in prop.closed.items() if fnmatchcase(zone, pattern)), None)


def _is_obsolete(prop: Property, entry: str) -> bool:
    zone = zone_of(entry)
    if fate_of(prop, zone) is not None:
        return True
    return any(fnmatchcase(name, pattern) for pattern in prop.obsolete_values for name in (entry, zone))


def _rename(transaction: Transaction, database: str, key: str, prop: Property) -> None:
    for old_name in prop.renamed_from:
        value = transaction.prop(database, key, old_name)
        if value is None:
            continue
        if transaction.prop(database, key, prop.name) is None:
            transaction.set_prop(database, key, prop.name, value)
        transaction.delete_prop(database, key, old_name)
