"""Changing settings with the schema's checks: what the writing verbs of ``db`` do, for Python callers too.

Each function works inside the caller's transaction and returns hints for the administrator.
"""

from __future__ import annotations

from esmith.errors import RefusedError
from esmith.schema.check import account_hints, check_key, check_properties, check_record, name_hints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.schema.load import Schema
    from esmith.schema.model import RecordSchema
    from esmith.store.model import Record
    from esmith.store.protocol import Records, Transaction


def set_record(
    transaction: Transaction, schema: Schema | None, database: str, key: str, type: str, props: dict[str, str]
) -> list[str]:
    """Make a record, or replace it whole: its type and all its properties.

    :param schema: what is checked; None stores whatever the store can hold (``--force``).
    :raises RefusedError: when the store or the schema does not accept it.
    """
    hints = _check(transaction, schema, database, key, type, props)
    hints += account_hints(database, key, transaction.type_of(database, key), type) if schema else []
    transaction.delete_record(database, key)
    transaction.set_type(database, key, type)
    for name, value in props.items():
        transaction.set_prop(database, key, name, value)
    return hints + _of_other_records(transaction, schema, database, key, props or {"": type})


def set_properties(
    transaction: Transaction, schema: Schema | None, database: str, key: str, props: dict[str, str]
) -> list[str]:
    """Set properties of an existing record; all of them or, when one is refused, none.

    :param schema: what is checked; None stores whatever the store can hold (``--force``).
    :raises RefusedError: when the store or the schema does not accept one.
    :raises UsageError: when there is no such record.
    """
    type = transaction.type_of(database, key)
    hints = check_properties(schema, database, key, type, props) if schema else []
    for name, value in props.items():
        transaction.set_prop(database, key, name, value)
    return hints + _of_other_records(transaction, schema, database, key, props)


def set_type(transaction: Transaction, schema: Schema | None, database: str, key: str, type: str) -> list[str]:
    """Set the type of a record, keeping its properties.

    :param schema: what is checked; None stores whatever the store can hold (``--force``).
    :raises RefusedError: when the store or the schema does not accept it.
    """
    hints = _check(transaction, schema, database, key, type, {})
    transaction.set_type(database, key, type)
    # With another type the properties mean something else.
    record = transaction.record(database, key)
    props = record.props if record else {}
    return hints + _of_other_records(transaction, schema, database, key, props or {"": type})


def judge_record(
    records: Records, schema: Schema, database: str, record: Record
) -> tuple[list[str], dict[str, RefusedError]]:
    """Judge a record that is stored already, by the rules of the functions above.

    Values that are the default are left out: nobody chose them.

    :return: the hints, and why a value is not allowed, by property; the value of a record without properties has the
        name "".
    """
    key, type = record.key, record.type
    hints = name_hints(schema, database, key, type)
    refused = {}
    known = schema.record(database, key, type)
    chosen = {name: value for name, value in record.props.items() if not _is_default(known, name, value)}
    props = chosen if record.props else {"": type}
    try:
        hints += _value_hints(schema, database, record, props)
    except RefusedError:
        for name, value in props.items():
            try:
                hints += _value_hints(schema, database, record, {name: value})
            except RefusedError as error:
                refused[name] = error
    return hints + _of_other_records(records, schema, database, key, props), refused


def _value_hints(schema: Schema, database: str, record: Record, props: dict[str, str]) -> list[str]:
    """Return hints about values.

    :param props: some of its properties; the value of a record without properties has the name "".
    :raises RefusedError: when the schema does not allow one.
    """
    if "" in props:
        check_record(schema, database, record.key, record.type, {})
        return []
    return check_properties(schema, database, record.key, record.type, props)


def _is_default(known: RecordSchema | None, name: str, value: str) -> bool:
    prop = known.property(name) if known is not None else None
    return prop is not None and prop.default == value


def _of_other_records(
    records: Records, schema: Schema | None, database: str, key: str, props: dict[str, str]
) -> list[str]:
    """Return the hints of what a record has to do with others: those it names, and those that have its port.

    :param props: what was set of it; the value of a record without properties has the name "".
    """
    if schema is None:
        return []
    type = records.type_of(database, key)
    known = schema.record(database, key, type)
    hints = []
    # Most records name no others and are named anyhow; these do not pay for the import.
    if known is not None and _name_records(known, props):
        from esmith.schema.references import reference_hints

        hints += reference_hints(schema, records, database, key, type, props)
    if known is not None and known.key_rule is not None:
        from esmith.schema.spellings import spelling_hints

        hints += spelling_hints(schema, records, database, key)
    if database == "configuration" and opens_port(schema.record(database, key, "service"), props):
        from esmith.schema.ports import shared_ports

        hints += shared_ports(records, schema, key)
    return hints


def _name_records(known: RecordSchema, props: dict[str, str]) -> bool:
    """Return whether one of these properties names other records."""
    found = (known.property(name) if name else known.value for name in props)
    return any(prop is not None and prop.refers_to for prop in found)


def opens_port(known: RecordSchema | None, props: Collection[str]) -> bool:
    """Return whether one of these properties makes a service listen at a port."""
    if "status" in props:
        return True
    return any(known is not None and (prop := known.property(name)) and prop.type == "port" for name in props)


def _check(
    transaction: Transaction, schema: Schema | None, database: str, key: str, type: str, props: dict[str, str]
) -> list[str]:
    if schema is None:
        return []
    check_key(schema, database, key, type, transaction.type_of(database, key))
    return check_record(schema, database, key, type, props)
