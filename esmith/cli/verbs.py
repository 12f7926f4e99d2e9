"""The fourteen verbs of ``db`` and ``config``, declared once (docs/original.md#verbs-and-exit-codes).

Each is a :class:`Verb`: its operands, its help, and a function. The dispatcher in :mod:`esmith.cli.db` runs the
functions; click's help pages are made of the same declarations.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.schema.load import Schema
    from esmith.store.protocol import Snapshot, Transaction

    #: Returns the lines to print, None for "no such thing" (exit 1).
    Read = Callable[[Snapshot, str, list[str]], "list[str] | None"]
    #: Returns hints to show, why nothing was changed, or None for "no such thing" (exit 1).
    Write = Callable[[Transaction, "Schema | None", str, list[str]], "list[str] | NothingDone | None"]


class NothingDone:
    """The outcome of a verb that changed nothing, for a reason that is no failure: the exit code is 0.

    Scripts rely on that, as with the original. The reason is shown at a terminal only.

    :param reason: what is missing, and what to do about it.
    """

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Verb:
    """One verb.

    :param operands: as the usage message shows them; those that may be left out are in brackets.
    :param help: one line.
    :param named: how many of the first operands must not be empty.
    :param pairs_from: from this operand on they come in pairs; None when they do not.
    :param read: what it does, for a verb that only reads.
    :param write: what it does, for a verb that writes.
    """

    __slots__ = ("_needs", "help", "name", "named", "operands", "pairs_from", "read", "write")

    def __init__(
        self,
        name: str,
        operands: str,
        help: str,
        *,
        named: int = 0,
        pairs_from: int | None = None,
        read: Read | None = None,
        write: Write | None = None,
    ) -> None:
        self.name = name
        self.operands = operands
        self.help = help
        self._needs = -1
        self.named = named
        self.pairs_from = pairs_from
        self.read = read
        self.write = write

    def accepts(self, operands: list[str]) -> bool:
        """Return whether the operands are complete: the key and the property named, values in pairs."""
        if self._needs < 0:
            # A batch asks for each of its lines.
            self._needs = len(self.operands.partition("[")[0].split())
        if len(operands) < self._needs or not all(operands[: self.named]):
            return False
        return self.pairs_from is None or (len(operands) - self.pairs_from) % 2 == 0


def _keys(snapshot: Snapshot, database: str, _operands: list[str]) -> list[str] | None:
    return snapshot.keys(database) or None


def _print(snapshot: Snapshot, database: str, operands: list[str]) -> list[str] | None:
    record = snapshot.record(database, operands[0])
    return None if record is None else [f"{record.key}={record.raw}"]


def _show(snapshot: Snapshot, database: str, operands: list[str]) -> list[str] | None:
    record = snapshot.record(database, operands[0])
    if record is None:
        return None
    # The original shows no properties of a record that has no type; scripts compare listings to the byte.
    props = record.props if record.type else {}
    return [f"{record.key}={record.type}", *(f"    {name}={value}" for name, value in props.items())]


def _printtype(snapshot: Snapshot, database: str, operands: list[str]) -> list[str] | None:
    type = snapshot.type_of(database, operands[0])
    return None if type is None else [f"{operands[0]}={type}"]


def _get(snapshot: Snapshot, database: str, operands: list[str]) -> list[str] | None:
    record = snapshot.record(database, operands[0])
    return None if record is None else [record.raw]


def _gettype(snapshot: Snapshot, database: str, operands: list[str]) -> list[str] | None:
    type = snapshot.type_of(database, operands[0])
    if type == "":
        record = snapshot.record(database, operands[0])
        return None if record is None or record.props else [type]
    return None if type is None else [type]


def _getprop(snapshot: Snapshot, database: str, operands: list[str]) -> list[str] | None:
    key, prop = operands[:2]
    value = snapshot.prop(database, key, prop) if prop else None
    if value is None and prop == "type":
        value = snapshot.type_of(database, key)
    return None if value is None else [value]


def _printprop(snapshot: Snapshot, database: str, operands: list[str]) -> list[str] | None:
    record = snapshot.record(database, operands[0])
    props = record.props if record else {}
    if len(operands) == 1:
        return [f"{name}={value}" for name, value in props.items()] or None
    return [f"{name}={props[name]}" for name in operands[1:] if name in props]


def _set(transaction: Transaction, schema: Schema | None, database: str, operands: list[str]) -> list[str] | None:
    from esmith.schema.settings import set_record

    if schema is not None and not transaction.has_database(database):
        from esmith.schema.check import check_database

        check_database(schema, database)
    return set_record(transaction, schema, database, operands[0], operands[1], _pairs(operands[2:]))


def _setdefault(
    transaction: Transaction, schema: Schema | None, database: str, operands: list[str]
) -> list[str] | None:
    if transaction.type_of(database, operands[0]) is not None:
        return []
    return _set(transaction, schema, database, operands)


def _settype(transaction: Transaction, schema: Schema | None, database: str, operands: list[str]) -> list[str] | None:
    from esmith.schema.settings import set_type

    if transaction.type_of(database, operands[0]) is None:
        return None
    return set_type(transaction, schema, database, operands[0], operands[1])


def _setprop(
    transaction: Transaction, schema: Schema | None, database: str, operands: list[str]
) -> list[str] | NothingDone | None:
    from esmith.schema.settings import set_properties

    key = operands[0]
    if transaction.type_of(database, key) is None:
        # Scripts rely on exit 0 here (docs/original.md#verbs-and-exit-codes).
        return _no_record(transaction, database, key, how_to_make=True)
    return set_properties(transaction, schema, database, key, _pairs(operands[1:]))


def _delete(transaction: Transaction, _schema: Schema | None, database: str, operands: list[str]) -> list[str] | None:
    if transaction.type_of(database, operands[0]) is None:
        return None
    transaction.delete_record(database, operands[0])
    return []


def _delprop(
    transaction: Transaction, _schema: Schema | None, database: str, operands: list[str]
) -> list[str] | NothingDone | None:
    if transaction.type_of(database, operands[0]) is None:
        return _no_record(transaction, database, operands[0])
    for prop in operands[1:]:
        transaction.delete_prop(database, operands[0], prop)
    return []


def _no_record(snapshot: Snapshot, database: str, key: str, *, how_to_make: bool = False) -> NothingDone:
    from esmith.cli import missing

    cure = missing.how_to_make(snapshot, database, key) if how_to_make else ""
    return NothingDone(missing.what_is_missing(snapshot, database, [key]) + cure)


def _pairs(operands: list[str]) -> dict[str, str]:
    return dict(zip(operands[::2], operands[1::2], strict=True))


#: What prints all records where no key is given (:mod:`esmith.cli.listing`); ``read`` is for one of them.
LISTING = ("print", "show", "printtype")
#: In the order of the original's usage message.
VERBS = {
    verb.name: verb
    for verb in (
        Verb("keys", "", "List the keys, one a line.", read=_keys),
        Verb("print", "[key]", "Print records as key=type|property|value|...", read=_print),
        Verb("show", "[key]", "Show records, a property a line.", read=_show),
        Verb(
            "get",
            "key",
            "Print the value of a record: its type and properties joined by '|'.",
            named=1,
            read=_get,
        ),
        Verb(
            "set",
            "key type [prop1 val1] [prop2 val2] ...",
            "Make or replace a record; properties that are not named are gone.",
            named=1,
            pairs_from=2,
            write=_set,
        ),
        Verb(
            "setdefault",
            "key type [prop1 val1] [prop2 val2] ...",
            "Make a record, unless there is one already.",
            named=2,
            pairs_from=2,
            write=_setdefault,
        ),
        Verb("delete", "key", "Delete a record.", named=1, write=_delete),
        Verb("printtype", "[key]", "Print keys and types as key=type.", read=_printtype),
        Verb("gettype", "key", "Print the type of a record.", named=1, read=_gettype),
        Verb("settype", "key type", "Set the type of a record.", named=2, write=_settype),
        Verb(
            "printprop",
            "key [prop1] [prop2] [prop3] ...",
            "Print properties of a record as property=value.",
            named=1,
            read=_printprop,
        ),
        Verb("getprop", "key prop", "Print the value of a property.", named=2, read=_getprop),
        Verb(
            "setprop",
            "key prop1 val1 [prop2 val2] [prop3 val3] ...",
            "Set properties of a record, all together.",
            named=1,
            pairs_from=1,
            write=_setprop,
        ),
        Verb(
            "delprop",
            "key prop1 [prop2] [prop3] ...",
            "Delete properties of a record.",
            named=1,
            write=_delprop,
        ),
    )
}
