"""The declarative migrations: bringing what older versions stored up to date (docs/schema.md#the-migrations)."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from esmith.names import is_number
from esmith.schema.lists import entries, zone_of
from esmith.store.model import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.schema.model import Property, RecordSchema
    from esmith.store.protocol import Transaction


class Dropped:
    """What a migration took away of a record.

    :param database, key: the record, by the key it has now.
    :param prop: the property, by the name it had; "" for the value of a record without properties, or the record.
    :param value: what it held.
    :param new: what it holds instead; None when it is gone.
    :param why: the reason, as a sentence; "" where the new value says it.
    """

    __slots__ = ("database", "key", "new", "prop", "value", "why")

    def __init__(self, database: str, key: str, prop: str, value: str, new: str | None, why: str) -> None:
        self.database = database
        self.key = key
        self.prop = prop
        self.value = value
        self.new = new
        self.why = why


def rename_record(transaction: Transaction, schema: RecordSchema) -> list[Dropped]:
    """Move a record that has one of the old keys to its new key.

    Where both exist the new one stays as it is and the old one goes.

    :return: the records that went so.
    """
    database = schema.database
    dropped = []
    for old_key in schema.renamed_from:
        old = transaction.record(database, old_key)
        if old is None:
            continue
        if transaction.type_of(database, schema.key) is None:
            transaction.set_record(database, Record(schema.key, old.type, old.props))
        else:
            dropped.append(Dropped(database, old_key, "", old.type, None, f"The record {schema.key} counts."))
        transaction.delete_record(database, old_key)
    return dropped


def needs_migration(schema: RecordSchema, props: dict[str, str]) -> bool:
    """Return whether :func:`migrate_record` has something to do with a record of these properties."""
    return any(
        (value is not None and (prop.removed or migrated_value(prop, value) != value))
        or any(old_name in props for old_name in prop.renamed_from)
        for prop in schema.migrating
        for value in (props.get(prop.name),)
    )


def migrate_record(
    transaction: Transaction, schema: RecordSchema, record: Record, dropped: list[Dropped] | None = None
) -> list[str]:
    """Apply the migrations of every property a record has.

    :param record: the record as it is stored; it is changed with what is stored.
    :param dropped: where is noted what is taken away, but for block lists.
    :return: notes on block lists that were dropped.
    """
    dropped = dropped if dropped is not None else []
    notes: list[str] = []
    for prop in schema.migrating:
        if prop.renamed_from:
            _rename(transaction, schema.database, record, prop, dropped)
        value = record.props.get(prop.name)
        if value is None:
            continue
        cell = (schema.database, record.key, prop.name)
        if prop.removed:
            _delete(transaction, schema.database, record, prop.name)
            dropped.append(Dropped(*cell, value, None, prop.help))
            continue
        new = migrated_value(prop, value)
        if new == value:
            continue
        transaction.set_prop(*cell, new)
        record.props[prop.name] = new
        if prop.block_lists:
            switch = _switch_of(schema, prop)
            notes += [f"{' '.join(cell)}: {note}" for note in _dropped(prop, value, new, switch)]
        else:
            dropped.append(Dropped(*cell, value, new, ""))
    return notes


def migrated_value(prop: Property, value: str) -> str:
    """Return a property's value without what is obsolete; unchanged when nothing is."""
    if prop.raise_to is not None and is_number(value) and int(value) < int(prop.raise_to):
        value = prop.raise_to
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


def _rename(transaction: Transaction, database: str, record: Record, prop: Property, dropped: list[Dropped]) -> None:
    for old_name in prop.renamed_from:
        value = record.props.get(old_name)
        if value is None:
            continue
        if prop.name not in record.props:
            transaction.set_prop(database, record.key, prop.name, value)
            record.props[prop.name] = value
        elif record.props[prop.name] != value:
            why = f"It is called {prop.name} now, and that is set as well."
            dropped.append(Dropped(database, record.key, old_name, value, None, why))
        _delete(transaction, database, record, old_name)


def _delete(transaction: Transaction, database: str, record: Record, prop: str) -> None:
    transaction.delete_prop(database, record.key, prop)
    del record.props[prop]
