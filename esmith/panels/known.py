"""Whether the settings that a panel file names are known to the schema, and may have the values that it gives them."""

from __future__ import annotations

from esmith.names import nearest
from esmith.panels import keys
from esmith.panels.setting import KEY, Setting
from esmith.schema.types import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from esmith.errors import EsmithError
    from esmith.schema.load import Schema
    from esmith.schema.model import Property, RecordSchema
    from esmith.tables import TomlFile


class Settings:
    """The settings of one panel file.

    :param records: database and type of the records of its list; None where it has no list.
    """

    def __init__(self, file: TomlFile, schema: Schema, records: tuple[str, str] | None) -> None:
        self._file = file
        self._schema = schema
        self._records = records
        # What else the file calls a database is not looked for on the disk.
        self._databases = schema.databases()
        #: Where in the file the next setting stands, for messages.
        self.place = ""

    def error(self, message: str, hint: str = "correct the file") -> EsmithError:
        """Return an error about what stands at this place of the file."""
        return self._file.error(f"{self.place}{message}", hint=hint)

    def setting(self, text: str) -> Setting:
        """Return a setting that stands in the file as "DATABASE KEY PROPERTY" or "DATABASE KEY".

        :raises PanelError: when the schema does not know it.
        """
        words = text.split(" ")
        if len(words) not in (2, 3) or not all(words):
            hint = "write DATABASE KEY PROPERTY, or DATABASE KEY for a record without properties"
            raise self.error(f"{text!r} is not a setting", hint)
        found = Setting(words[0], words[1], words[2] if len(words) == 3 else "")
        self.known(found)
        return found

    def of_record(self, name: str) -> Setting:
        """Return the setting that is a property of the record of the form.

        :raises PanelError: when the page is no list of records, or the schema does not know it.
        """
        if self._records is None:
            raise self.error("property is for pages with a table [records]", 'write setting = "DATABASE KEY PROPERTY"')
        found = Setting(self._records[0], KEY, name)
        self.known(found)
        return found

    def known(self, setting: Setting) -> Property:
        """Return what the schema knows of a setting.

        :raises PanelError: when it knows nothing.
        """
        if KEY in setting.key and self._records is None:
            raise self.error(f"{str(setting)!r}: {KEY} is for pages with a table [records]")
        records = self._schemas(setting)
        if not records:
            raise self.error(f"{str(setting)!r}: no schema file knows the record{self._close(setting)}", _HINT)
        for record in records:
            found = record.property(setting.prop) if setting.prop else record.value
            if found is not None:
                return found
        if not setting.prop:
            raise self.error(f"{str(setting)!r}: the record has properties", "name the property, too")
        close = nearest(setting.prop, [name for record in records for name in record.properties])
        meant = f"; did you mean {close!r}?" if close else ""
        raise self.error(f"{str(setting)!r}: the record has no such property{meant}", _HINT)

    def known_of_type(self, setting: Setting) -> Property:
        """Return what the schema knows of a property of the records of a type.

        :param setting: with ``@TYPE`` as its key.
        :raises PanelError: when it knows nothing.
        """
        record = self._shared(setting.database, setting.key)
        found = record.property(setting.prop) if record is not None else None
        if record is None or found is None:
            close = nearest(setting.prop, record.properties if record is not None else ())
            meant = f"; did you mean {close!r}?" if close else ""
            type = setting.key.removeprefix("@")
            raise self.error(f"records of type {type!r} have no property {setting.prop!r}{meant}", _HINT)
        return found

    def _schemas(self, setting: Setting) -> list[RecordSchema]:
        """Return what may be known of the record of a setting."""
        if setting.database not in self._databases:
            return []
        if KEY not in setting.key:
            one = self._schema.record(setting.database, setting.key, None)
            return [] if one is None else [one]
        types = self._schema.types(setting.database)
        if setting.key == KEY and self._records is not None and setting.database == self._records[0]:
            types = [self._records[1]]
        found = (self._shared(setting.database, f"@{type}") for type in types)
        return [one for one in found if one is not None]

    def _shared(self, database: str, name: str) -> RecordSchema | None:
        """Return what a file ``@TYPE`` has for all records of a type."""
        return self._schema.file(database, name) if database in self._databases else None

    def _close(self, setting: Setting) -> str:
        if setting.database not in self._databases:
            close = nearest(setting.database, self._databases)
        else:
            close = nearest(setting.key, self._schema.named(setting.database))
        return f"; did you mean {close!r}?" if close else ""

    @property
    def has_records(self) -> bool:
        """Whether the page is a list of records."""
        return self._records is not None

    def value(self, setting: Setting, value: str) -> str:
        """Return a value that the file gives a setting.

        :raises PanelError: when the schema does not allow it.
        """
        known = self.known_of_type(setting) if setting.key.startswith("@") else self.known(setting)
        reason = refusal(known, value)
        if reason is not None:
            raise self.error(f"{str(setting)!r}: {value!r} {reason}")
        return value

    def type(self, database: str, type: str) -> None:
        """Require that the schema knows a type of records.

        :raises PanelError: when it does not.
        """
        if self._shared(database, f"@{type}") is None:
            close = nearest(type, self._schema.types(database) if database in self._databases else ())
            meant = f"; did you mean {close!r}?" if close else ""
            raise self.error(f"no schema file knows records of type {type!r} in {database!r}{meant}", _HINT)

    def conditions(self, table: dict[str, Iterable[str]]) -> dict[Setting, tuple[str, ...]]:
        """Return settings with the values that they may have.

        :raises PanelError: when the schema does not know one.
        """
        found: dict[Setting, tuple[str, ...]] = {}
        for text, values in table.items():
            setting = self.setting(text)
            found[setting] = tuple(self.value(setting, value) for value in values)
        return found

    def is_secret(self, setting: Setting) -> bool:
        """Return whether a setting is never shown."""
        key = "" if KEY in setting.key else setting.key
        type = self._records[1] if self._records is not None and KEY in setting.key else None
        return self._schema.is_secret(setting.database, key, type, setting.prop)


def require(file: TomlFile, table: dict[str, Any], kind: str, name: str) -> None:
    """Require the keys that a table has to have.

    :param kind: the kind of table, a key of :data:`esmith.panels.keys.REQUIRED`.
    :param name: what the table is called in messages; "" for the file as a whole.
    :raises PanelError: when one is missing.
    """
    for key in keys.REQUIRED[kind]:
        if key not in table:
            where = f"[{name}] " if name else ""
            raise file.error(f"{where}{key} is missing", hint=f"write {key} = ...")


_HINT = "correct it, or describe it in a file of /etc/e-smith/db (db/README.md)"
