"""``initialize-databases``: migrations, then defaults, then forced values, for every database.

The order is that of docs/schema.md#when-it-is-applied.
"""

from __future__ import annotations

import os

from esmith.disk import read_file
from esmith.errors import EsmithError, RefusedError, SchemaError, TemplateError
from esmith.fields import dataclass, field
from esmith.names import is_leftover
from esmith.schema.check import NotAllowedError, check_properties
from esmith.schema.migrate import Dropped, migrate_record, migrated_value, rename_record
from esmith.schema.outdated import Outdated
from esmith.schema.strict import is_strict, require_lenient
from esmith.shipped import ShippedFiles
from esmith.store.model import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from esmith.layout import Layout
    from esmith.schema.load import Schema
    from esmith.schema.model import Property, RecordSchema
    from esmith.store.model import Author, Change
    from esmith.store.protocol import Snapshot, Store, Transaction

    class Migrations(Protocol):
        """Runs the migrate fragments of contribs."""

        def run(
            self, transaction: Transaction, database: str, paths: list[str]
        ) -> tuple[list[str], list[TemplateError]]:
            """Run fragments, in this order, inside a transaction; what one that fails did is undone.

            :return: warnings, and the faults.
            """


#: What a contrib lacks whose record nothing gives a type.
ADD_TYPE = "add a file named type, e.g. with 'service'"


@dataclass
class Initialized:
    """What initialising the databases did.

    :param changes: what changed.
    :param warnings: what is doubtful.
    :param faults: what was left out: migrate fragments that failed, defaults and forced values that cannot be stored.
    :param dropped: what migrations and forced values took away.
    """

    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    faults: list[EsmithError] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def leave_out(self, fault: EsmithError, snapshot: Snapshot) -> None:
        """Note a fault of a contrib, which stops nothing else.

        :raises EsmithError: the fault, when each is to stop everything.
        """
        require_lenient(fault, strict=is_strict(snapshot))
        self.faults.append(fault)


def initialize_databases(
    store: Store, schema: Schema, layout: Layout, author: Author, migrations: Migrations
) -> Initialized:
    """Bring every database that has schema files up to date, in one transaction.

    A default is written only where the property does not exist; a forced value always is. Values an administrator
    set are kept, whatever the schema has for them.

    :param migrations: what runs migrate fragments.
    :raises SchemaError: when a schema file is broken, or with Strict a file of a contrib; nothing is changed then.
    :raises TemplateError: with Strict, when a migrate fragment fails; likewise.
    """
    with store.transaction(author) as transaction:
        done = initialize_each(transaction, schema, layout, migrations)
        done.changes = transaction.changes
    return done


def initialize_each(transaction: Transaction, schema: Schema, layout: Layout, migrations: Migrations) -> Initialized:
    """Bring every database that has schema files up to date, inside a transaction of the caller.

    :raises SchemaError: as :func:`initialize_databases`.
    :raises TemplateError: likewise.
    :raises UntrustedError: when one of them, or a migrate fragment, is not in the hands of its owners alone.
    """
    layout.trust.require_trees(layout.schema)
    done = Initialized()
    for database in schema.databases():
        initialize_database(transaction, schema, layout, database, migrations, done)
    return done


def initialize_database(
    transaction: Transaction,
    schema: Schema,
    layout: Layout,
    database: str,
    migrations: Migrations,
    done: Initialized,
) -> None:
    """Bring one database up to date, inside a transaction of the caller.

    Migrate fragments run before defaults are written, as in the original, and after the migrations of the schema
    files: they find the names that hold today. What they write under an old name is migrated as well.

    :param done: where warnings and faults are noted.
    :raises SchemaError: as :func:`initialize_databases`.
    :raises TemplateError: likewise.
    :raises UntrustedError: as :func:`initialize_each` does.
    """
    layout.trust.require_trees(layout.schema)
    transaction.create_database(database)
    files = _schema_files(transaction, schema, layout, database, done)
    for file in files:
        done.dropped += rename_record(transaction, file)
    fragments = migrate_fragments(layout, database)
    if fragments:
        outdated = Outdated(transaction, database, files)
        for file in files:
            _migrate_existing(transaction, file, outdated, done)
        before = {change.cell: change.new for change in transaction.changes}
        warnings, faults = migrations.run(transaction, database, fragments)
        done.warnings += [*warnings, *_doubtful(transaction, schema, before)]
        for fault in faults:
            done.leave_out(fault, transaction)
        for file in files:
            done.dropped += rename_record(transaction, file)
    for file in files:
        _ensure_record(transaction, file)
    outdated = Outdated(transaction, database, files)
    for file in files:
        _initialize_file(transaction, file, outdated, done)
    contrib_directories(transaction, layout, database, done)


def _schema_files(
    transaction: Transaction, schema: Schema, layout: Layout, database: str, done: Initialized
) -> list[RecordSchema]:
    """Return the schema files of a database; broken ones of contribs are left out."""
    files = []
    for key in schema.keys(database):
        try:
            file = schema.file(database, key)
        except SchemaError as error:
            if not ShippedFiles(layout).is_a_contribs(error.place):
                raise
            done.leave_out(error, transaction)
        else:
            files += [file] if file is not None else []
    return files


def migrate_fragments(layout: Layout, database: str) -> list[str]:
    """Return the paths of the migrate fragments of a database, in ASCII order; hidden ones too, as in templates."""
    directory = os.path.join(layout.schema, database, "migrate")
    names = sorted(os.listdir(directory), key=os.fsencode) if os.path.isdir(directory) else []
    paths = [os.path.join(directory, name) for name in names if not is_leftover(name)]
    return [path for path in paths if not os.path.isdir(path)]


def _doubtful(
    transaction: Transaction, schema: Schema, before: dict[tuple[str, str, str], str | None]
) -> Iterator[str]:
    """Yield what was stored that the schema does not allow: a migrate fragment may know better, but it seldom does.

    :param before: what the cells held before that the transaction had changed.
    """
    for change in transaction.changes:
        if change.new is None or not change.prop or before.get(change.cell) == change.new:
            continue
        type = transaction.type_of(change.database, change.key)
        try:
            check_properties(schema, change.database, change.key, type, {change.prop: change.new})
        except NotAllowedError as error:
            yield f"{error.place}: a migrate fragment stored it, but {error.message}"


def _migrate_existing(transaction: Transaction, file: RecordSchema, outdated: Outdated, done: Initialized) -> None:
    """Apply the migrations of a schema file, and nothing else of it."""
    if file.key.startswith("@"):
        for record in outdated.of(file.key[1:]):
            done.warnings += migrate_record(transaction, file, record, done.dropped)
        return
    found = transaction.record(file.database, file.key)
    if found is None:
        return
    if file.value is not None:
        _migrate_scalar(transaction, file, found.type, done)
    done.warnings += migrate_record(transaction, file, found, done.dropped)


def _initialize_file(transaction: Transaction, file: RecordSchema, outdated: Outdated, done: Initialized) -> None:
    """Apply the migrations and the defaults of a schema file."""
    database = file.database
    if file.key.startswith("@"):
        for record in outdated.of(file.key[1:]):
            done.warnings += migrate_record(transaction, file, record, done.dropped)
            _set_defaults(transaction, file, record, done)
        return
    found = transaction.record(database, file.key)
    if found is None:
        kind = file.type if file.value is None else file.value.default
        if not file.create or kind is None:
            return
        transaction.set_type(database, file.key, kind)
        found = Record(file.key, kind, {})
    if file.value is not None:
        _migrate_scalar(transaction, file, found.type, done)
    done.warnings += migrate_record(transaction, file, found, done.dropped)
    _set_defaults(transaction, file, found, done)


def _migrate_scalar(transaction: Transaction, file: RecordSchema, current: str, done: Initialized) -> None:
    assert file.value is not None
    new = file.value.force or migrated_value(file.value, current)
    if new != current:
        transaction.set_type(file.database, file.key, new)
        done.dropped.append(Dropped(file.database, file.key, "", current, new, ""))


def _set_defaults(transaction: Transaction, file: RecordSchema, record: Record, done: Initialized) -> None:
    for prop in file.defaulting:
        current = record.props.get(prop.name)
        wanted = prop.force if prop.force is not None or current is not None else _default(prop)
        if wanted is None or wanted == current:
            continue
        transaction.set_prop(file.database, record.key, prop.name, wanted)
        record.props[prop.name] = wanted
        if current is not None:
            done.dropped.append(Dropped(file.database, record.key, prop.name, current, wanted, "It is always so."))


def _default(prop: Property) -> str | None:
    if prop.generate is not None:
        # Nearly nothing is generated, and this takes long to import.
        import secrets
        import string

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


def contrib_directories(
    transaction: Transaction, layout: Layout, database: str, done: Initialized, *, reset: bool = False
) -> None:
    """Apply ``defaults/KEY/PROP`` and ``force/KEY/PROP``, the original's form, which contribs install.

    :param done: where is noted which records are skipped because nothing says their type, and which values are wrong.
    :param reset: a default replaces what is stored.
    :raises SchemaError: when a value is wrong, and each fault is to stop everything.
    """
    base = os.path.join(layout.schema, database)
    untyped: dict[str, None] = {}
    for kind, key, prop in _contrib_files(base):
        directory = os.path.join(base, kind, key)
        if prop != "type" and transaction.type_of(database, key) is None:
            untyped[f"{directory}: the record {key} has no type, so it is skipped; {ADD_TYPE}"] = None
            continue
        path = os.path.join(directory, prop)
        try:
            _apply_file(transaction, database, key, prop, path, force=reset or kind == "force")
        except SchemaError as error:
            done.leave_out(error, transaction)
    done.warnings += untyped


def _contrib_files(base: str) -> list[tuple[str, str, str]]:
    """Return the files as kind, key and property: first the types, then the defaults, then what is forced."""
    found = [
        (kind, key, prop)
        for kind in ("defaults", "force")
        for key in _names(os.path.join(base, kind))
        for prop in _names(os.path.join(base, kind, key))
    ]
    return sorted(found, key=lambda one: one[2] != "type")


def _apply_file(transaction: Transaction, database: str, key: str, prop: str, path: str, *, force: bool) -> None:
    if os.path.isdir(path):
        raise SchemaError("is a directory where the value of a property belongs", place=path, hint="remove it")
    try:
        value = read_file(path).decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise SchemaError("is not UTF-8", place=path, hint="convert it, e.g. with iconv") from error
    except OSError as error:
        raise SchemaError(f"cannot be read: {error.strerror}", place=path, hint="correct or remove it") from error
    cell = "" if prop == "type" else prop
    if not force and transaction.prop(database, key, cell) is not None:
        return
    try:
        if cell:
            transaction.set_prop(database, key, cell, value)
        else:
            transaction.set_type(database, key, value)
    except RefusedError as error:
        raise SchemaError(error.message, place=path, hint=error.hint) from error


def _names(directory: str) -> list[str]:
    if not os.path.isdir(directory):
        return []
    return sorted(name for name in os.listdir(directory) if not name.startswith(".") and not is_leftover(name))
