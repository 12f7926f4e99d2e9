"""The schema files of one root. What one holds comes from the store, or :mod:`esmith.schema.parse` reads it."""

from __future__ import annotations

import os

from esmith.errors import SchemaError
from esmith.names import Known, is_leftover, leads_to_directory
from esmith.schema.model import RecordSchema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.layout import Layout
    from esmith.schema.remembered import RememberedFiles


class _Names:
    """The names in the directory of a database.

    :param files: all files.
    :param keys: the names of the schema files without their ending.
    """

    __slots__ = ("files", "keys", "named", "types")

    def __init__(self, files: frozenset[str], keys: list[str]) -> None:
        self.files = files
        self.keys = keys
        self.types = [key[1:] for key in keys if key.startswith("@")]
        self.named = [key for key in keys if not key.startswith("@")]


class Schema:
    """The schema files of one root; each is read when it is first asked for.

    :param layout: the root.
    :param remembered: what the store has of the files; without it all that is asked for is parsed.
    """

    def __init__(self, layout: Layout, remembered: RememberedFiles | None = None) -> None:
        self.layout = layout
        self._remembered = remembered
        self._trust = layout.trust
        self._directory = layout.schema
        self._read: dict[tuple[str, str], RecordSchema | None] = {}
        self._types: dict[str, list[RecordSchema | None]] = {}
        self._names: dict[str, _Names] = {}
        self._close: dict[str, Known] = {}
        self._generates: dict[str, bool] = {}
        self._closed: dict[str, str] | None = None
        self._asked: tuple[str, str, str | None] | None = None
        self._found: RecordSchema | None = None

    def databases(self) -> list[str]:
        """Return the databases that have a directory of schema files.

        :raises UntrustedError: when their directory is not in the hands of its owners alone.
        """
        self._trust.require(self._directory)
        if not os.path.isdir(self._directory):
            return []
        return sorted(
            entry.name for entry in os.scandir(self._directory) if leads_to_directory(entry) and entry.name[0] != "."
        )

    def files(self, database: str) -> list[RecordSchema]:
        """Return what every schema file of a database says, in order of the file names.

        :raises SchemaError: when one is broken.
        """
        found = (self.file(database, key) for key in self.keys(database))
        return [schema for schema in found if schema is not None]

    def keys(self, database: str) -> list[str]:
        """Return the names of a database's schema files, without their ending, sorted: keys and ``@types``."""
        return self._listed(database).keys

    def types(self, database: str) -> list[str]:
        """Return the types of records that a database has a schema file for, sorted."""
        return self._listed(database).types

    def named(self, database: str) -> list[str]:
        """Return the keys of the records that a database has a schema file of their own for, sorted."""
        return self._listed(database).named

    def close_to(self, database: str) -> Known:
        """Return the names of :meth:`named` for :func:`esmith.names.nearest`."""
        if database not in self._close:
            self._close[database] = Known(self._listed(database).named)
        return self._close[database]

    def generates(self, database: str) -> bool:
        """Return whether some record of a database has a property that is generated."""
        if database not in self._generates:
            properties = (prop for file in self.files(database) for prop in file.properties.values())
            self._generates[database] = any(prop.generate is not None for prop in properties)
        return self._generates[database]

    def _listed(self, database: str) -> _Names:
        """Return what the names of the files in a database's directory say."""
        if database not in self._names:
            directory = os.path.join(self._directory, database)
            self._trust.require(directory)
            names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
            keys = [name.removesuffix(".toml") for name in names if name.endswith(".toml") and not is_leftover(name)]
            self._names[database] = _Names(frozenset(names), keys)
        return self._names[database]

    def may_be_secret(self, database: str, key: str, prop: str, value: str | None = None) -> bool:
        """Return whether a property is secret for the record, or for any type it may have had.

        The journal shows values of records that are gone, or have another type now.

        :param prop: "" for the value of a record without properties.
        :param value: a value it has or had; None for any. Where no schema file has the property, its name and
            the value decide.
        """
        return self._secrecy(self.of_any_type(database, key), database, key, prop, value)

    def record(self, database: str, key: str, type: str | None) -> RecordSchema | None:
        """Return what is known of a record, None when nothing is.

        The schema of the record itself comes before that of its type.

        :param type: the record's type, None when it does not exist yet.
        :raises SchemaError: when a schema file is broken.
        """
        asked = database, key, type
        if self._asked != asked:
            # The checks of one setting ask one after the other.
            self._found = self._record(database, key, type)
            self._asked = asked
        return self._found

    def _record(self, database: str, key: str, type: str | None) -> RecordSchema | None:
        own = self.file(database, key) if not key.startswith("@") else None
        kind = type or (own.type if own else None)
        shared = self.file(database, f"@{kind}") if kind else None
        if own is None or shared is None:
            return own or shared
        merged = RecordSchema(database, key, {"type": own.type, "help": own.help, "create": own.create})
        merged.own_scope = own.own_scope or shared.own_scope
        merged.properties = shared.properties | own.properties
        merged.key_rule = shared.key_rule
        return merged

    def is_secret(self, database: str, key: str, type: str | None, prop: str, value: str | None = None) -> bool:
        """Return whether a property's value is masked wherever it is shown for people.

        :param prop, value: as for :meth:`may_be_secret`.
        """
        return self._secrecy([self.record(database, key, type)], database, key, prop, value)

    def declares_secret(self, database: str, key: str, prop: str) -> bool:
        """Return whether a schema file says that a property is secret, for the record or for any type."""
        return any(_declared(schema, prop) for schema in self.of_any_type(database, key))

    def hides(self, cell: tuple[str, str, str], value: str) -> bool:
        """Return whether a text that holds a value of a cell is not shown.

        A value that is a secret only by the name of its property must not be one that is found everywhere by chance.

        :param cell: database, key and property.
        """
        if self.declares_secret(*cell):
            return True
        from esmith.schema.secrecy import is_findable

        return is_findable(value) and self.may_be_secret(*cell, value)

    def of_any_type(self, database: str, key: str) -> list[RecordSchema | None]:
        """Return the schema of a record and of each type of the database, None for one that does not exist."""
        if database not in self._types:
            names = (name for name in self.keys(database) if name.startswith("@"))
            self._types[database] = [self.file(database, name) for name in names]
        return [self.file(database, key), *self._types[database]]

    def _secrecy(self, known: list[RecordSchema | None], database: str, key: str, prop: str, value: str | None) -> bool:
        declared = [_declared(schema, prop) for schema in known]
        if True in declared or False in declared:
            return True in declared
        if not prop and value is not None and self.file(database, f"@{value}") is not None:
            return False  # the type of a record that has properties
        from esmith.schema.secrecy import cannot_be_secret, looks_secret

        return looks_secret(prop or key) and not (value is not None and cannot_be_secret(value))

    def file(self, database: str, key: str) -> RecordSchema | None:
        """Return what one schema file says, None when there is no such file.

        :param key: the record's key, or ``@type``.
        :raises SchemaError: when the file is broken.
        """
        name = (database, key)
        found = self._read.get(name)
        # Of each record that is imported it is asked whether it has a file of its own, and nearly none has one.
        if found is not None or key.startswith(".") or f"{key}.toml" not in self._listed(database).files:
            return found
        if name not in self._read:
            self._read[name] = self._load(database, key)
        return self._read[name]

    def _load(self, database: str, key: str) -> RecordSchema | None:
        path = os.path.join(self._directory, database, f"{key}.toml")
        self._trust.require(path)
        try:
            data = self._data(f"{database}/{key}", path, _parse_records)
        except OSError:
            return None
        if "key" in data and not key.startswith("@"):
            raise SchemaError("key is for all records of a type", place=path, hint="write it in a file @TYPE.toml")
        found = RecordSchema(database, key, data)
        for prop in found.properties.values():
            if prop.block_lists:
                prop.closed = self._closed_lists()
        return found

    def _closed_lists(self) -> dict[str, str]:
        """Return the block lists that are closed, as patterns of zones, each with what became of it."""
        if self._closed is None:
            path = os.path.join(self._directory, "block-lists.toml")
            self._trust.require(path)
            self._closed = self._data("block-lists", path, _parse_closed_lists) if os.path.exists(path) else {}
        return self._closed

    def _data(self, name: str, path: str, parse: Callable[[str, bytes | None], dict[str, Any]]) -> dict[str, Any]:
        """Return what a file holds, parsed only where the store does not have it as it is now.

        :param parse: parses it, and is given its path, and its text where that was read.
        :raises SchemaError: when the file is broken.
        :raises OSError: when there is no such file.
        """
        data, text = self._remembered.find(name, path) if self._remembered is not None else (None, None)
        if data is None:
            data = parse(path, text)
            if self._remembered is not None and text is not None:
                self._remembered.remember(name, text, data)
        found: dict[str, Any] = data
        return found


# Most commands find in the store what the files hold, and do not import what parses them.


def _parse_records(path: str, text: bytes | None) -> dict[str, Any]:
    from esmith.schema.parse import parse_records

    return parse_records(path, text)


def _parse_closed_lists(path: str, text: bytes | None) -> dict[str, str]:
    from esmith.schema.parse import parse_closed_lists

    return parse_closed_lists(path, text)


def _declared(schema: RecordSchema | None, prop: str) -> bool | None:
    """Return whether a schema file says that a property is secret, or is not; None when it does not have it."""
    if schema is None:
        return None
    if not prop:
        return schema.value.secret if schema.value else False if schema.type else None
    known = schema.property(prop)
    # The table for all other properties says nothing of a name, but for what type they are of.
    silent = known is None or (known.name == "*" and known.type == "text")
    return None if known is None or silent else known.secret
