"""Changing settings with the schema's checks: what the writing verbs of ``db`` do, for Python callers too.

Each function works inside the caller's transaction and returns hints for the administrator.
"""

from __future__ import annotations

from esmith.schema.check import check_key, check_properties, check_record
from esmith.schema.references import reference_hints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.load import Schema
    from esmith.store.protocol import Transaction


def set_record(
    transaction: Transaction, schema: Schema | None, database: str, key: str, type: str, props: dict[str, str]
) -> list[str]:
    """Make a record, or replace it whole: its type and all its properties.

    :param schema: what is checked; None stores whatever the store can hold (``--force``).
    :raises RefusedError: when the store or the schema does not accept it.
    """
    hints = _check(transaction, schema, database, key, type, props)
    transaction.delete_record(database, key)
    transaction.set_type(database, key, type)
    for name, value in props.items():
        transaction.set_prop(database, key, name, value)
    hints += _references(transaction, schema, database, key, type, props or {"": type})
    return hints + _ports(transaction, schema, database, key, props)


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
    hints += _references(transaction, schema, database, key, type, props)
    return hints + _ports(transaction, schema, database, key, props)


def set_type(transaction: Transaction, schema: Schema | None, database: str, key: str, type: str) -> list[str]:
    """Set the type of a record, keeping its properties.

    :param schema: what is checked; None stores whatever the store can hold (``--force``).
    :raises RefusedError: when the store or the schema does not accept it.
    """
    hints = _check(transaction, schema, database, key, type, {})
    transaction.set_type(database, key, type)
    return hints


def _ports(
    transaction: Transaction, schema: Schema | None, database: str, key: str, props: dict[str, str]
) -> list[str]:
    """Return hints about ports, when one of these properties makes a service listen at one."""
    known = schema.record(database, key, "service") if schema is not None and database == "configuration" else None
    names = [name for name in props if known is not None and (prop := known.property(name)) and prop.type == "port"]
    if schema is None or not (names or (database == "configuration" and "status" in props)):
        return []
    from esmith.schema.ports import shared_ports

    return shared_ports(transaction, schema, key)


def _references(
    transaction: Transaction, schema: Schema | None, database: str, key: str, type: str | None, props: dict[str, str]
) -> list[str]:
    return reference_hints(schema, transaction, database, key, type, props) if schema else []


def _check(
    transaction: Transaction, schema: Schema | None, database: str, key: str, type: str, props: dict[str, str]
) -> list[str]:
    if schema is None:
        return []
    check_key(schema, database, key, type, transaction.type_of(database, key))
    return check_record(schema, database, key, type, props)
