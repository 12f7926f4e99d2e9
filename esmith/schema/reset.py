"""Giving a database its defaults again: ``resetToDefaults`` of the Perl modules (docs/perl.md#the-modules)."""

from __future__ import annotations

from esmith.schema.initialize import Initialized, contrib_directories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.layout import Layout
    from esmith.schema.load import Schema
    from esmith.schema.model import RecordSchema
    from esmith.store.protocol import Transaction


def reset_database(transaction: Transaction, schema: Schema, layout: Layout, database: str) -> None:
    """Give each value and property of a database that has a default or a forced value that value.

    What has none stays, and so does what was generated once: a new password would lock somebody out. A record that
    does not exist is made only where a contrib has defaults for it.

    :raises SchemaError: when a schema file or a default is broken.
    :raises UntrustedError: when one of them is not in the hands of its owners alone.
    """
    layout.trust.require_trees(layout.schema)
    for file in schema.files(database):
        for key in list(_keys(transaction, file)):
            if file.value is not None:
                _set(transaction, file, key, "", file.value.force, file.value.default)
            for prop in file.properties.values():
                _set(transaction, file, key, prop.name, prop.force, prop.default)
    done = Initialized()
    contrib_directories(transaction, layout, database, done, reset=True)
    if done.faults:
        raise done.faults[0]


def _keys(transaction: Transaction, file: RecordSchema) -> Iterator[str]:
    if file.key.startswith("@"):
        yield from (record.key for record in transaction.records(file.database, file.key[1:]))
    elif transaction.type_of(file.database, file.key) is not None:
        yield file.key


def _set(
    transaction: Transaction, file: RecordSchema, key: str, prop: str, forced: str | None, default: str | None
) -> None:
    wanted = default if forced is None else forced
    if wanted is None:
        return
    if prop:
        transaction.set_prop(file.database, key, prop, wanted)
    else:
        transaction.set_type(file.database, key, wanted)
