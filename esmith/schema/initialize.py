"""``initialize-databases``: migrations, then defaults, then forced values, for every database (catalogue D.1)."""

from __future__ import annotations

import os
import secrets
import string

from esmith.errors import RefusedError, SchemaError
from esmith.names import is_leftover
from esmith.schema.migrate import migrate_record, migrated_value, rename_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.schema.load import Schema
    from esmith.schema.model import Property, RecordSchema
    from esmith.store.model import Author, Change
    from esmith.store.protocol import Store, Transaction


def initialize_databases(
    store: Store, schema: Schema, layout: Layout, author: Author
) -> tuple[list[Change], list[str]]:
    """Bring every database that has schema files up to date, in one transaction.

    A default is written only where the property does not exist; a forced value always is. Values an administrator
    set are kept, whatever the schema says of them.

    :return: what changed, and warnings about what could not be done.
    :raises SchemaError: when a schema file or a default is broken; nothing is changed then.
    """
    warnings: list[str] = []
    with store.transaction(author) as transaction:
        for database in schema.databases():
            warnings += initialize_database(transaction, schema, layout, database)
        return transaction.changes, warnings


def initialize_database(transaction: Transaction, schema: Schema, layout: Layout, database: str) -> list[str]:
    """Bring one database up to date, inside a transaction of the caller.

    :return: warnings about what could not be done.
    :raises SchemaError: when a schema file or a default is broken.
    """
    transaction.create_database(database)
    files = schema.files(database)
    for file in files:
        rename_record(transaction, file)
    for file in files:
        _initialize_file(transaction, file)
    return _contrib_directories(transaction, layout, database)


def _initialize_file(transaction: Transaction, file: RecordSchema) -> None:
    database = file.database
    if file.key.startswith("@"):
        _ensure_record(transaction, file)
        for record in list(transaction.records(database, file.key[1:])):
            migrate_record(transaction, file, record.key)
            _set_defaults(transaction, file, record.key)
        return
    if transaction.type_of(database, file.key) is None:
        kind = file.type if file.value is None else file.value.default
        if not file.create or kind is None:
            return
        transaction.set_type(database, file.key, kind)
    if file.value is not None:
        _migrate_scalar(transaction, file)
    migrate_record(transaction, file, file.key)
    _set_defaults(transaction, file, file.key)


def _migrate_scalar(transaction: Transaction, file: RecordSchema) -> None:
    assert file.value is not None
    current = transaction.type_of(file.database, file.key) or ""
    transaction.set_type(file.database, file.key, file.value.force or migrated_value(file.value, current))


def _set_defaults(transaction: Transaction, file: RecordSchema, key: str) -> None:
    for prop in file.properties.values():
        current = transaction.prop(file.database, key, prop.name)
        wanted = prop.force if prop.force is not None or current is not None else _default(prop)
        if wanted is not None:
            transaction.set_prop(file.database, key, prop.name, wanted)


def _default(prop: Property) -> str | None:
    if prop.generate is not None:
        letters = string.ascii_letters + string.digits
        return "".join(secrets.choice(letters) for _ in range(prop.generate))
    return prop.default


def _ensure_record(transaction: Transaction, file: RecordSchema) -> None:
    """Make and complete the record that another record's value names, e.g. the domain that DomainName names."""
    if file.ensure_from is None or file.type is None:
        return
    database, _, key = file.ensure_from.partition(":")
    name = transaction.type_of(database, key)
    if not name:
        return
    if transaction.type_of(file.database, name) is None:
        transaction.set_type(file.database, name, file.type)
    for prop, value in file.ensure.items():
        if transaction.prop(file.database, name, prop) is None:
            transaction.set_prop(file.database, name, prop, value)


def _contrib_directories(transaction: Transaction, layout: Layout, database: str) -> list[str]:
    """Apply ``defaults/KEY/PROP`` and ``force/KEY/PROP``, the original's form, which contribs install."""
    base = os.path.join(layout.schema, database)
    for kind in ("defaults", "force"):
        for key in _names(os.path.join(base, kind)):
            for prop in sorted(_names(os.path.join(base, kind, key)), key=lambda name: (name != "type", name)):
                path = os.path.join(base, kind, key, prop)
                try:
                    _apply_file(transaction, database, key, prop, path, force=kind == "force")
                except RefusedError as error:
                    raise SchemaError(error.message, place=path, hint=error.hint) from error
    return [
        f"{os.path.join(base, 'migrate', name)}: not run, since it is written in Perl, which this version cannot run"
        for name in _names(os.path.join(base, "migrate"))
    ]


def _apply_file(transaction: Transaction, database: str, key: str, prop: str, path: str, *, force: bool) -> None:
    if os.path.isdir(path):
        raise SchemaError("is a directory where the value of a property belongs", place=path, hint="remove it")
    try:
        with open(path, encoding="utf-8") as file:
            value = file.read().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(f"cannot be read: {error}", place=path) from error
    cell = "" if prop == "type" else prop
    if not force and transaction.prop(database, key, cell) is not None:
        return
    if not cell:
        transaction.set_type(database, key, value)
        return
    if transaction.type_of(database, key) is None:
        raise SchemaError(
            f"the record {key} has no type",
            place=os.path.dirname(path),
            hint="add a file named type, e.g. with 'service'",
        )
    transaction.set_prop(database, key, cell, value)


def _names(directory: str) -> list[str]:
    if not os.path.isdir(directory):
        return []
    return sorted(name for name in os.listdir(directory) if not name.startswith(".") and not is_leftover(name))
