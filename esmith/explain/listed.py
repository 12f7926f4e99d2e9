"""The settings of a database beside their defaults, and looking for a word among them."""

from __future__ import annotations

from esmith.explain.values import Values
from esmith.fields import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from esmith.layout import Layout
    from esmith.schema.load import Schema
    from esmith.schema.model import Property, RecordSchema
    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot


@dataclass(frozen=True)
class Listed:
    """A setting beside its default.

    :param key: its record.
    :param prop: its property, "" for the value of a record without properties.
    :param value: what is stored, as it may be shown; None for nothing.
    :param reads_as: what templates read, where that is not what is stored; as it may be shown.
    :param default: what the schema has as its default; None for none.
    :param known: whether a schema file knows it.
    :param changed: whether it is not as the schema has it.
    :param help: what it does, in the words of the schema file.
    """

    key: str
    prop: str
    value: str | None
    reads_as: str | None
    default: str | None
    known: bool
    changed: bool
    help: str

    def data(self) -> dict[str, Any]:
        """Return it as what ``json.dumps`` takes."""
        names = ("value", "reads_as", "default", "known", "changed", "help")
        return {"key": self.key, "property": self.prop, **{name: getattr(self, name) for name in names}}


class Listing:
    """The settings of one database.

    :param layout: the root.
    :param snapshot: the databases.
    :param schema: what the schema files say.
    :param database: the database.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot, schema: Schema, database: str) -> None:
        self._snapshot = snapshot
        self._schema = schema
        self._database = database
        self._values = Values(layout, snapshot, schema)

    def all(self, *, only_changed: bool = False) -> Iterator[Listed]:
        """Yield the settings, in byte order of their records.

        Changed is a setting that is stored and not as its default is; one that has no default, or that no schema file
        knows, somebody has set. A missing one is changed when it reads as something else than its default. A secret
        that was made by chance is not.

        :raises SchemaError: when a schema file is broken.
        """
        for record in self._snapshot.records(self._database):
            for one in self._of(record):
                if one.changed or not only_changed:
                    yield one

    def matching(self, words: list[str]) -> Iterator[Listed]:
        """Yield the records and settings in which all of some words are: in names, help or value, in any case.

        A record as a whole has the property "" and no value. The value of a secret is not looked at. What the schema
        files have beyond the stored records is found as well.

        :raises SchemaError: when a schema file is broken.
        """
        wanted = [word.lower() for word in words]
        for record in self._snapshot.records(self._database):
            known = self._schema.record(self._database, record.key, record.type)
            if record.props:
                yield from self._whole(record.key, known, wanted)
            for one in self._of(record, with_missing=known is not None and self._has_own(record.key)):
                if _matches(wanted, one.key, one.prop, one.value, one.help):
                    yield one
        for file in self._schema.files(self._database):
            if file.key.startswith("@") or self._snapshot.type_of(self._database, file.key) is None:
                yield from self._whole(file.key, file, wanted)
                for prop in [*file.properties.values(), *([file.value] if file.value else [])]:
                    if not prop.removed and _matches(wanted, file.key, prop.name, None, prop.help):
                        yield Listed(file.key, prop.name, None, None, prop.default, True, False, prop.help)

    def _has_own(self, key: str) -> bool:
        """Return whether a record has a schema file of its own, so that what it may hold is listed with it."""
        return self._schema.file(self._database, key) is not None

    @staticmethod
    def _whole(key: str, known: RecordSchema | None, wanted: list[str]) -> Iterator[Listed]:
        help = known.help if known is not None else ""
        if _matches(wanted, key, "", None, help):
            yield Listed(key, "", None, None, None, known is not None, False, help)

    def _of(self, record: Record, *, with_missing: bool = True) -> Iterator[Listed]:
        known = self._schema.record(self._database, record.key, record.type)
        if not record.props and (known is None or not known.properties or known.value is not None):
            yield self._one(record, "", record.type, known.value if known is not None else None)
            return
        names = dict.fromkeys(record.props)
        if known is not None and with_missing:
            names |= dict.fromkeys(name for name, prop in known.properties.items() if name != "*" and not prop.removed)
        for name in sorted(names):
            yield self._one(record, name, record.props.get(name), known.property(name) if known is not None else None)

    def _one(self, record: Record, name: str, value: str | None, known: Property | None) -> Listed:
        cell = (self._database, record.key, name)
        unstored = known.unstored(value) if known is not None and not value else None
        reads_as = None if unstored is None else unstored[1]
        default = None if known is None else known.default
        return Listed(
            record.key,
            name,
            self._values.shown(cell, value),
            self._values.shown(cell, reads_as),
            self._values.shown(cell, default),
            known is not None,
            _is_changed(value, reads_as, known),
            known.help if known is not None else "",
        )


def _is_changed(value: str | None, reads_as: str | None, known: Property | None) -> bool:
    if known is None:
        return value is not None
    if known.generate is not None:
        return False
    if value is None:
        return known.default is not None and reads_as != known.default
    if known.force is not None:
        return value != known.force
    if known.default is not None:
        return value != known.default
    # Somebody has set it: nothing does by itself.
    return known.unset is None or value != known.unset


def _matches(wanted: list[str], *texts: str | None) -> bool:
    found = "\n".join(text for text in texts if text).lower()
    return all(word in found for word in wanted)
