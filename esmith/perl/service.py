"""The operations Perl may ask for, on the databases (docs/perl.md#how-it-works).

An operation has a name and arguments and returns a list; each element is a text, or None for ``undef``. Wherever a
database is named its path as the original has it, ``/home/e-smith/db/NAME``, is accepted too; another path is that of
a flat file, as for ``db`` (docs/sme-server.md, "Databases of your own scripts").
"""

from __future__ import annotations

from esmith.errors import EsmithError, RefusedError, UsageError
from esmith.printable import printable_message
from esmith.schema.check import NotAllowedError
from esmith.schema.settings import set_properties, set_record, set_type
from esmith.store import database_name, is_flat, limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from esmith.layout import Layout
    from esmith.perl.protocol import Message
    from esmith.perl.sources import Source
    from esmith.schema.load import Schema
    from esmith.store.model import Record

    #: Arguments or results.
    Texts = list[str | None]
    #: One operation: takes its arguments and returns its results.
    Operation = Callable[[Texts], Texts]

    class ReadLog(Protocol):
        """Receives everything that is read."""

        def prop(self, database: str, key: str, prop: str, value: str | None) -> None:
            """Note that a property was read; ``prop`` is "" for the type, ``value`` None for a missing one."""

        def record(self, database: str, key: str, record: Record | None) -> None:
            """Note that a whole record was read, None for a missing one."""

        def listing(self, database: str) -> None:
            """Note that the keys of a database were read."""

        def file(self, path: str) -> None:
            """Note that a flat file was read."""


#: A reply begins with one of these.
DONE = b"done"
FAILED = b"failed"
_NOT_ALLOWED = "correct the script, or store it with: db --force"


class StoreService:
    """Answers what Perl asks.

    The operations, each with its arguments and what it returns:

    ========================== ===================================================================
    ``keys DB``                 the keys in byte order
    ``exists DB``               ``1`` or ``0``
    ``create DB``               ``1``; fails when there is such a database. ``0`` where nothing can be written: an
                                empty database then, that is nowhere stored
    ``record DB KEY``           nothing when there is none, else the type, then property, value, ...
    ``prop DB KEY PROP``        the value, or undef; PROP "" is the type
    ``all DB``                  for each record: key, how many fields follow, type, property, value, ...
    ``set DB KEY TYPE P V ...`` makes or replaces a whole record
    ``add DB KEY TYPE P V ...`` makes a record where there is none
    ``set_props DB KEY P V ...`` sets properties of a record, all together; P "" is the type
    ``set_type DB KEY TYPE``    sets the type of a record
    ``replace_type DB KEY OLD NEW`` makes or sets a record of the type NEW, if its type is OLD (undef: none)
    ``delete_prop DB KEY PROP`` deletes a property; returns its old value, or undef
    ``delete DB KEY``           deletes a record
    ``reset DB``                gives everything that has a default that value; returns ``1``
    ========================== ===================================================================

    All that write a record return ``1``, or ``0`` when they did nothing because there is no such record (for ``add``:
    because there is one). A writing operation is one transaction, unless the source is one transaction itself.

    :param layout: the root.
    :param source: what is read and written.
    :param schema: what is checked before a value is stored; None stores whatever the store can hold. Of flat files it
        knows nothing.
    :param log: receives the reads.
    """

    def __init__(
        self, layout: Layout, source: Source, *, schema: Schema | None = None, log: ReadLog | None = None
    ) -> None:
        self._layout = layout
        self._source = source
        self._schema = schema
        self._log = log
        self._operations: dict[str, Operation] = {
            "keys": self._keys,
            "exists": self._exists,
            "create": self._create,
            "record": self._record,
            "prop": self._prop,
            "all": self._all,
            "set": self._set,
            "set_props": self._set_props,
            "add": self._add,
            "set_type": self._set_type,
            "replace_type": self._replace_type,
            "delete_prop": self._delete_prop,
            "delete": self._delete,
            "reset": self._reset,
        }

    def register(self, name: str, operation: Operation) -> None:
        """Add an operation that is not about the databases, e.g. ``template``.

        Its arguments and results may be bytes that are not UTF-8, as ``surrogateescape`` has them.
        """
        self._operations[name] = operation

    def handle(self, name: str, arguments: Texts) -> Texts:
        """Run one operation.

        :raises UsageError: when there is no such operation, or its arguments are wrong.
        :raises EsmithError: what the operation raises.
        """
        operation = self._operations.get(name)
        if operation is None:
            raise UsageError(
                f"there is no operation {name!r}", hint="the Perl modules are of another version of esmith"
            )
        try:
            return operation(arguments)
        except NotAllowedError as error:
            raise RefusedError(error.message, place=error.place, hint=_NOT_ALLOWED) from error

    def answer(self, request: Message) -> Message:
        """Return the reply to a message: ``done`` and the results, or ``failed`` and why.

        The fields after ``failed`` are message, place, hint and exit code of the error.
        """
        try:
            words = [_decoded(field) for field in request] or [None]
            results = self.handle(words[0] or "", words[1:])
        except EsmithError as error:
            return failure(error)
        return [DONE, *(None if field is None else _encoded(field) for field in results)]

    def _keys(self, arguments: Texts) -> Texts:
        (database,) = self._texts("keys", arguments, 1)
        if log := self._log_of(database):
            log.listing(database)
        with self._source.reading(database) as snapshot:
            return [*snapshot.keys(database)]

    def _exists(self, arguments: Texts) -> Texts:
        (database,) = self._texts("exists", arguments, 1)
        return [_flag(self._is_there(database))]

    def _is_there(self, database: str) -> bool:
        log = self._log_of(database)
        with self._source.reading(database) as snapshot:
            there = snapshot.has_database(database)
        if log and not there:
            # When somebody makes it, the fragment gives something else.
            log.listing(database)
        return there

    def _create(self, arguments: Texts) -> Texts:
        (database,) = self._texts("create", arguments, 1)
        if self._source.only_reads:
            if not is_flat(database):
                limits.check_database(database)
            if self._is_there(database):
                raise _already_there(database)
            return ["0"]
        with self._source.writing(database) as transaction:
            if transaction.has_database(database):
                raise _already_there(database)
            transaction.create_database(database)
        return ["1"]

    def _record(self, arguments: Texts) -> Texts:
        database, key = self._texts("record", arguments, 2)
        with self._source.reading(database) as snapshot:
            record = snapshot.record(database, key)
        if log := self._log_of(database):
            log.record(database, key, record)
        return [] if record is None else _fields(record)

    def _prop(self, arguments: Texts) -> Texts:
        database, key, prop = self._texts("prop", arguments, 3)
        with self._source.reading(database) as snapshot:
            value = snapshot.prop(database, key, prop)
        if log := self._log_of(database):
            log.prop(database, key, prop, value)
        return [value]

    def _all(self, arguments: Texts) -> Texts:
        (database,) = self._texts("all", arguments, 1)
        found: Texts = []
        if log := self._log_of(database):
            log.listing(database)
        with self._source.reading(database) as snapshot:
            for record in snapshot.records(database):
                if log:
                    log.record(database, record.key, record)
                fields = _fields(record)
                found += [record.key, str(len(fields)), *fields]
        return found

    def _set(self, arguments: Texts) -> Texts:
        database, key, type, *pairs = self._texts("set", arguments, 3, pairs=True)
        props = _pairs(pairs)
        _check_limits(database, key, type, props)
        with self._source.writing(database) as transaction:
            set_record(transaction, self._schema_of(database), database, key, type, props)
        return ["1"]

    def _add(self, arguments: Texts) -> Texts:
        database, key, type, *pairs = self._texts("add", arguments, 3, pairs=True)
        props = _pairs(pairs)
        _check_limits(database, key, type, props)
        with self._source.writing(database) as transaction:
            if transaction.type_of(database, key) is not None:
                return ["0"]
            set_record(transaction, self._schema_of(database), database, key, type, props)
        return ["1"]

    def _set_props(self, arguments: Texts) -> Texts:
        database, key, *pairs = self._texts("set_props", arguments, 2, pairs=True)
        props = _pairs(pairs)
        with self._source.writing(database) as transaction:
            if transaction.type_of(database, key) is None:
                return ["0"]
            type = props.pop("", None)
            _check_limits(database, key, type or "", props)
            if type is not None:
                set_type(transaction, self._schema_of(database), database, key, type)
            set_properties(transaction, self._schema_of(database), database, key, props)
        return ["1"]

    def _set_type(self, arguments: Texts) -> Texts:
        database, key, type = self._texts("set_type", arguments, 3)
        with self._source.writing(database) as transaction:
            if transaction.type_of(database, key) is None:
                return ["0"]
            set_type(transaction, self._schema_of(database), database, key, type)
        return ["1"]

    def _replace_type(self, arguments: Texts) -> Texts:
        if len(arguments) != 4:
            raise UsageError("the operation replace_type needs four arguments")
        old = arguments[2]
        database, key, new = self._texts("replace_type", [*arguments[:2], arguments[3]], 3)
        with self._source.writing(database) as transaction:
            if transaction.type_of(database, key) != old:
                return ["0"]
            set_type(transaction, self._schema_of(database), database, key, new)
        return ["1"]

    def _delete_prop(self, arguments: Texts) -> Texts:
        database, key, prop = self._texts("delete_prop", arguments, 3)
        with self._source.writing(database) as transaction:
            old = transaction.prop(database, key, prop) if prop else None
            transaction.delete_prop(database, key, prop)
        return [old]

    def _delete(self, arguments: Texts) -> Texts:
        database, key = self._texts("delete", arguments, 2)
        with self._source.writing(database) as transaction:
            there = transaction.type_of(database, key) is not None
            transaction.delete_record(database, key)
        return [_flag(there)]

    def _reset(self, arguments: Texts) -> Texts:
        (database,) = self._texts("reset", arguments, 1)
        if is_flat(database):
            raise UsageError("a flat file has no defaults", place=database, hint="name a database")
        from esmith.schema.load import Schema
        from esmith.schema.reset import reset_database

        with self._source.writing(database) as transaction:
            reset_database(transaction, self._schema or Schema(self._layout), self._layout, database)
        return ["1"]

    def _texts(self, name: str, arguments: Texts, wanted: int, *, pairs: bool = False) -> list[str]:
        """Return the arguments, the first of which is a database, after counting them."""
        texts = [text for text in arguments if text is not None]
        rest = len(texts) - wanted
        if len(texts) != len(arguments) or rest < 0 or rest % 2 or (rest and not pairs):
            raise UsageError(f"the operation {name} was called with wrong arguments: {arguments!r}")
        return [database_name(self._layout, texts[0]), *texts[1:]]

    def _schema_of(self, database: str) -> Schema | None:
        return None if is_flat(database) else self._schema

    def _log_of(self, database: str) -> ReadLog | None:
        """Return the log for the records that are read; for a flat file, only the file itself is logged, here."""
        if self._log and is_flat(database):
            root = self._layout.under("/").rstrip("/") + "/"
            self._log.file(self._layout.inside(database) if database.startswith(root) else database)
            return None
        return self._log


def _already_there(database: str) -> UsageError:
    return UsageError("there is such a database already", place=database, hint="open it")


def _check_limits(database: str, key: str, type: str, props: dict[str, str]) -> None:
    """Refuse before anything is written: a script may catch the error and go on in the same transaction.

    A flat file has limits and transactions of its own.
    """
    if is_flat(database):
        return
    limits.check_database(database)
    limits.check_key(database, key)
    limits.check_type(database, key, type)
    for prop, value in props.items():
        limits.check_property(database, key, prop)
        limits.check_value(f"{database} {key} {prop}", value)


def _decoded(field: bytes | None) -> str | None:
    return None if field is None else field.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def failure(error: EsmithError) -> Message:
    """Return the reply that says why an operation failed."""
    # The script shows it on its own standard error.
    parts = [_encoded(printable_message(part)) for part in (error.message, error.place, error.hint)]
    return [FAILED, *parts, b"%d" % error.exit_code]


def _fields(record: Record) -> Texts:
    fields: Texts = [record.type]
    for name, value in record.props.items():
        fields += [name, value]
    return fields


def _pairs(words: list[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))


def _flag(value: bool) -> str:
    return "1" if value else "0"
