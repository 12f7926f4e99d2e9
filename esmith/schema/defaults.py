"""How a template reads a property that is not stored: as the default of its schema file, or as its ``unset``."""

from __future__ import annotations

import os

from esmith.fields import dataclass
from esmith.schema.load import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.schema.model import RecordSchema


@dataclass(frozen=True)
class Default:
    """What a property that is not stored reads as.

    :param value: the value.
    :param key: which key of the schema file has it: ``default`` or ``unset``.
    :param path: the schema file, as an absolute path of the configured system.
    """

    value: str
    key: str
    path: str


@dataclass(frozen=True)
class RecordDefaults:
    """The schema files that decide on the defaults of one record.

    :param files: the files, each with its path: the record's own before that of its type.
    :param sources: the paths of the files, and of the directory where one of them is missing: while they are the same,
        the defaults are.
    """

    files: tuple[tuple[RecordSchema, str], ...]
    sources: frozenset[str]

    def find(self, prop: str, stored: str | None) -> Default | None:
        """Return the default that stands in for a missing or empty property, None when what is stored counts.

        The first file that knows the property decides (:meth:`esmith.schema.model.Property.unstored`).

        :param prop: "" for the value of a record without properties.
        :param stored: what is stored: None, or "".
        """
        for schema, path in self.files:
            known = schema.properties.get(prop) if prop else schema.value
            if known is not None:
                found = known.unstored(stored)
                return None if found is None else Default(found[1], found[0], path)
        return None


class Defaults:
    """The defaults of one root. A schema file is read when a property of its records is first found missing.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._schema = Schema(layout)
        self._directory = layout.inside(layout.schema)
        self._keys: dict[str, frozenset[str]] = {}
        self._records: dict[tuple[str, str, str | None], RecordDefaults] = {}

    def record(self, database: str, key: str, type: str | None) -> RecordDefaults:
        """Return the defaults of a record.

        :param type: the record's type, None when it is missing.
        :raises SchemaError: when a schema file is broken.
        :raises UntrustedError: when a schema file is not in the hands of its owners alone.
        """
        if database not in self._keys:
            self._keys[database] = frozenset(self._schema.keys(database))
        # Records without a file of their own share what is known of their type: there may be thousands of them.
        own = key if key in self._keys[database] and not key.startswith("@") else ""
        name = database, own, type
        if name not in self._records:
            self._records[name] = self._load(database, own, type)
        return self._records[name]

    def _load(self, database: str, own: str, type: str | None) -> RecordDefaults:
        directory = os.path.join(self._directory, database)
        first = self._schema.file(database, own) if own else None
        kind = type or (first.type if first else None)
        second = self._schema.file(database, f"@{kind}") if kind else None
        files = tuple((file, f"{directory}/{file.key}.toml") for file in (first, second) if file is not None)
        missing = [directory] * (len(files) < 2)
        return RecordDefaults(files, frozenset([*(path for _, path in files), *missing]))
