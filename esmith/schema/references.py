"""Settings that name records: hints when there is no such record (db/README.md)."""

from __future__ import annotations

from esmith.names import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.load import Schema
    from esmith.schema.model import Property
    from esmith.store.protocol import Records


def reference_hints(
    schema: Schema, snapshot: Records, database: str, key: str, type: str | None, props: dict[str, str]
) -> list[str]:
    """Return a hint for each name in these properties that leads to no record, as far as a schema file says so.

    Nothing is refused: a record may be made after what names it.

    :param snapshot: the databases, with the change.
    :param props: properties of the record; the value of a record without properties has the name "".
    """
    known = schema.record(database, key, type)
    if known is None:
        return []
    hints = []
    for name, value in props.items():
        prop = known.property(name) if name else known.value
        if prop is not None and prop.refers_to:
            place = " ".join(filter(None, (database, key, name)))
            for entry in _entries(prop, value):
                if _is_broken(prop, snapshot, entry):
                    hints.append(_hint(place, prop, entry))
                elif "@" in entry and snapshot.type_of(_target(prop)[0], entry) is None:
                    hints += _address_hint(place, entry)
    return hints


def _address_hint(place: str, entry: str) -> list[str]:
    from esmith.schema.addresses import address_fault

    fault = address_fault(entry)
    return [f"{place}: {shorten(entry)!r} {fault}; nothing is sent there (stored as given)"] if fault else []


def _entries(prop: Property, value: str) -> list[str]:
    """Return the names in a value: those of a list, the words of a text, or the value itself."""
    parts = [value]
    if prop.type == "list":
        parts = value.split(prop.separator)
    elif prop.type == "text":
        parts = value.replace(",", " ").split()
    return [part.strip() for part in parts if part.strip()]


def _is_broken(prop: Property, snapshot: Records, name: str) -> bool:
    from fnmatch import fnmatchcase

    database, types = _target(prop)
    if any(fnmatchcase(name, pattern) for pattern in prop.besides):
        return False
    return snapshot.type_of(database, name) not in types


def _target(prop: Property) -> tuple[str, list[str]]:
    """Return the database and the types of the records that a property names."""
    database, _, types = prop.refers_to.partition(":")
    return database, types.split(",")


def _hint(place: str, prop: Property, name: str) -> str:
    database, types = _target(prop)
    kinds = " or ".join(filter(None, (", ".join(types[:-1]), types[-1])))
    missing = f"{database} has no record {shorten(name)!r} of type {kinds}"
    return f"{place}: {missing}; make one, or correct the name (stored as given)"
