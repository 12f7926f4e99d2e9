"""The databases as a fragment sees them: ``qpsmtpd.DNSBL``, ``DomainName``, ``db.accounts['alice']``.

Every read is recorded. A property that is not stored reads as its default in the schema files. A value that is missing
there, too, is falsy and may be defaulted, but printing it is an error that names key, property and the nearest existing
name. A value that could add a line to an output is refused wherever it came from.
"""

from __future__ import annotations

from esmith.errors import SchemaError, TemplateError
from esmith.fragments.listings import Listings
from esmith.fragments.notes import Notes
from esmith.names import nearest
from esmith.printable import shell_word
from esmith.store.limits import control_character

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from esmith.fragments.reads import Reads
    from esmith.schema.defaults import Defaults
    from esmith.store.protocol import Snapshot

    #: The cure for a missing value, or what looks for it.
    Hint = str | Callable[[], str]

#: What every record has besides its properties. No default replaces them.
_OF_THE_RECORD = ("key", "type")


class MissingValueError(Exception):
    """A missing value was used where a text is needed.

    :param message: what is missing.
    :param hint: the cure.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Missing:
    """A record, property or variable that does not exist.

    May be tested (it is false), compared and defaulted. What else is done with it is wrong; what runs the fragments has
    a class of its own for that.
    """

    _parent: Records | None = None
    _place = "", ""

    @classmethod
    def value(
        cls, message: str, hint: Hint = "", parent: Records | None = None, place: tuple[str, str] = ("", ""), /
    ) -> Missing:
        """Return a missing value.

        :param message: what is missing.
        :param hint: the cure, or what looks for it: only few of the missing values are ever printed.
        :param parent: for a missing record: whose it is, so that its properties are missing in their turn.
        :param place: for a missing record: database and key.
        """
        raise NotImplementedError

    def prop(self, name: str) -> str | Missing:
        """Return a property of a missing record: its default, else a missing one. The read is recorded."""
        database, key = self._place
        if self._parent is None:
            return self
        read = self._parent.read if name in _OF_THE_RECORD else self._parent.property
        value = read(database, key, name)
        if value is not None:
            return value
        parent = self._parent

        def hint() -> str:
            close = nearest(key, parent.snapshot.keys(database))
            default = f"make it (db {database} set {key} TYPE) or use | default('...')"
            return f"did you mean {close!r}?" if close else default

        return parent.missing.value(f"{database} has no record {key!r}, so there is no {key}.{name}", hint)


class Setting(str):
    """The stored value of a property, which knows what the property reads as when nothing is stored."""

    __slots__ = ("cell", "records")

    records: Records
    cell: tuple[str, str, str]

    def default(self) -> str | None:
        """Return what the property reads as when nothing is stored, None when it is missing then."""
        return self.records.default(*self.cell)


class Scalar(str):
    """The value of a configuration record that has no properties, e.g. ``DomainName``."""

    __slots__ = ("cell", "records")

    records: Records
    cell: tuple[str, str, str]

    def prop(self, name: str) -> Any:
        """Return a method of the text (``DomainName.upper()``), else a missing property."""
        if hasattr(str, name):
            return getattr(str(self), name)
        return self.records.record(*self.cell[:2]).prop(name)


class RecordView:
    """One record, as fragments use it.

    :param records: whose it is.
    :param database: the database.
    :param key: the record's key.
    """

    def __init__(self, records: Records, database: str, key: str) -> None:
        self.records = records
        self.database = database
        self.key = key

    def attribute(self, name: str) -> Any:
        """Return ``record.name``: the record's key or type, else a property."""
        return self.records.safe(self.key, f"{self.database}: a key") if name == "key" else self.prop(name)

    def prop(self, name: str) -> Any:
        """Return a property's value; ``type`` is the record's type unless a property has that name."""
        read = self.records.read if name in _OF_THE_RECORD else self.records.property
        value = read(self.database, self.key, name)
        if value is None and name == "type":
            value = self.records.read(self.database, self.key, "")
        return self._missing(name) if value is None else value

    def props(self) -> list[tuple[str, str]]:
        """Return the properties as (name, value), in byte order of their names."""
        record = self.records.snapshot.record(self.database, self.key)
        names = list(record.props) if record else []
        self.records.reads.names.add((self.database, self.key))
        place = f"{self.database} {self.key}: a property name"
        return [(self.records.safe(name, place), self.prop(name)) for name in names]

    def _missing(self, name: str) -> Missing:
        def hint() -> str:
            record = self.records.snapshot.record(self.database, self.key)
            close = nearest(name, record.props) if record else None
            return f"did you mean {close!r}?" if close else "set it, or allow it to be missing: | default('...')"

        return self.records.missing.value(f"{self.database} {self.key} has no property {name!r}", hint)

    def __str__(self) -> str:
        raise MissingValueError(f"{self.key} is a record and cannot be printed", f"name a property: {self.key}.NAME")


class DatabaseView:
    """One database, as fragments use it: ``db.accounts['alice']``, ``for record in db.accounts``."""

    def __init__(self, records: Records, name: str) -> None:
        self._records = records
        self._name = name

    def record(self, key: str) -> RecordView | Missing:
        """Return a record, or a missing one."""
        return self._records.record(self._name, str(key))

    def __iter__(self) -> Iterator[RecordView]:
        return iter(self._records.listing(self._name))


class Databases:
    """The variable ``db``: every database by its name."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def database(self, name: str) -> DatabaseView:
        """Return a database; one that does not exist has no records."""
        return DatabaseView(self._records, name)


class Records:
    """The databases of one snapshot, read on behalf of the template that is expanded.

    :param snapshot: what is read.
    :param defaults: what properties that are not stored read as.

    ``notes`` is where the reads are recorded, and ``missing`` the class of what is missing.
    """

    missing: type[Missing] = Missing

    def __init__(self, snapshot: Snapshot, defaults: Defaults) -> None:
        self.snapshot = snapshot
        self.notes = Notes()
        self._defaults = defaults
        self._values: dict[tuple[str, str, str], str | None] = {}
        self._with_props: dict[str, bool] = {}
        self._listings = Listings(snapshot)

    @property
    def reads(self) -> Reads:
        """Where the reads are recorded."""
        return self.notes.reads

    def variable(self, name: str) -> Any:
        """Return the configuration record of a name: a text when it has no properties, else a record."""
        view = self.record("configuration", name)
        if name not in self._with_props:
            record = self.snapshot.record("configuration", name)
            self._with_props[name] = record is not None and bool(record.props)
        if self._with_props[name]:
            return view
        text = self.property("configuration", name, "")
        if text is None:
            return view
        value = Scalar(text)
        value.records, value.cell = self, ("configuration", name, "")
        return value

    def record(self, database: str, key: str) -> RecordView | Missing:
        """Return a record, or a missing one."""
        if self.read(database, key, "") is not None:
            return RecordView(self, database, key)

        def hint() -> str:
            close = nearest(key, self.snapshot.keys(database))
            return (
                f"did you mean {close!r}?"
                if close
                else f"make it: db {shell_word(database)} set {shell_word(key)} TYPE"
            )

        return self.missing.value(f"{database} has no record {key!r}", hint, self, (database, key))

    def listing(self, spec: str, below: str = "") -> list[RecordView]:
        """Return the records of a database in byte order of their keys.

        :param spec: ``database`` for all of them, or ``database:type,type``.
        :param below: only those whose keys are names below this one, as hosts are below their domain; "" for all.
        """
        database, _, types = spec.partition(":")
        self.reads.listings |= {(database, type) for type in types.split(",")}
        keys = self._listings.below(spec, below) if below else self._listings.keys(spec)
        return [RecordView(self, database, key) for key in keys]

    def property(self, database: str, key: str, prop: str) -> str | None:
        """Return what a property reads as: its stored value, else its default; None when there is neither.

        :param prop: "" for the value of a record without properties.
        :raises TemplateError: when a schema file is broken.
        """
        stored = self.read(database, key, prop)
        if stored:
            setting = Setting(stored)
            setting.records, setting.cell = self, (database, key, prop)
            return setting
        found = self.default(database, key, prop, stored)
        return stored if found is None else found

    def default(self, database: str, key: str, prop: str, stored: str | None = None) -> str | None:
        """Return what a property reads as by the schema files, None when it reads as what is stored.

        :param prop: as for :meth:`property`.
        :param stored: what is stored: None, or "".
        :raises TemplateError: when a schema file is broken.
        """
        try:
            record = self._defaults.record(database, key, self.read(database, key, ""))
        except SchemaError as error:
            raise TemplateError(error.message, place=error.place, hint=error.hint) from error
        self.reads.schemas |= record.sources
        default = record.find(prop, stored)
        if default is None:
            return None
        self.reads.defaults[database, key, prop] = default
        return self.safe(default.value, default.path)

    def read(self, database: str, key: str, prop: str) -> str | None:
        """Return what is stored of a property, None when there is none; the read is recorded."""
        cell = database, key, prop
        if cell in self._values:
            # The snapshot stays as it is, and a thousand outputs read the same.
            value = self.notes.reads.props[cell] = self._values[cell]
            return value
        value = self.notes.reads.props[cell] = self.snapshot.prop(database, key, prop)
        if value is not None:
            self.safe(value, f"{database} {key} {prop or 'type'}")
        self._values[cell] = value
        return value

    @staticmethod
    def safe(text: str, place: str) -> str:
        """Return the text, which has to be one line.

        The store refuses anything else; this holds even if the data came by another way.

        :raises MissingValueError: when it has a control character.
        """
        char = control_character(text)
        if char is not None:
            raise MissingValueError(f"{place} holds the control character {char!r}", "set it to one line of text")
        return text


#: What fragments use of the databases.
_OURS = (RecordView, Scalar, Missing, Databases, DatabaseView)
#: Says that something is not of the databases.
OTHER = object()


def attribute_of(obj: Any, name: str) -> Any:
    """Return ``obj.name`` of what is of the databases: a record's property, a database's record; else ``OTHER``."""
    if not isinstance(obj, _OURS):
        return OTHER
    if isinstance(obj, RecordView):
        return obj.attribute(name)
    if isinstance(obj, Scalar | Missing):
        return obj.prop(name)
    return obj.database(name) if isinstance(obj, Databases) else obj.record(name)


def entry_of(obj: Any, name: Any) -> Any:
    """Return ``obj[name]``, which is the same, for names that are no identifiers; else ``OTHER``."""
    if isinstance(obj, RecordView):
        # The key itself for map(attribute='key') and the like, unless a property has that name.
        found = obj.prop(str(name))
        return obj.attribute(str(name)) if isinstance(found, Missing) else found
    if isinstance(obj, Missing):
        return obj.prop(str(name))
    if isinstance(obj, Databases):
        return obj.database(str(name))
    return obj.record(name) if isinstance(obj, DatabaseView) else OTHER


def require_printable(value: Any) -> None:
    """Refuse what has no text of its own.

    :raises MissingValueError: for a list, a function and the like.
    """
    if value is None or isinstance(value, list | tuple | dict | set | DatabaseView | Databases) or callable(value):
        raise MissingValueError(f"a {type(value).__name__} cannot be printed", "print its parts, e.g. with | join(',')")
