"""Settings as a file wants them, and making the databases so."""

from __future__ import annotations

from esmith.errors import EsmithError, RefusedError
from esmith.fields import dataclass, field
from esmith.names import counted
from esmith.printable import shell_word
from esmith.schema.check import NotAllowedError
from esmith.schema.settings import set_properties, set_record, set_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from esmith.schema.load import Schema
    from esmith.schema.model import Property
    from esmith.store.protocol import Transaction

#: How many faults a message shows.
_SHOWN = 20


@dataclass
class WantedRecord:
    """What is wanted of a record.

    :param type: its type; None for the one it has.
    :param props: properties it is to have.
    """

    type: str | None
    props: dict[str, str] = field(default_factory=dict)


@dataclass
class Wanted:
    """What is wanted.

    :param path: the file that says so.
    :param databases: by database and key.
    :param place_of: returns where the file says it: of a database, a key and a property; "" for the type.
    :param is_whole: whether the file has whole databases, so that other records are not wanted there.
    :param notes: what was read otherwise than it stands there.
    """

    path: str
    databases: dict[str, dict[str, WantedRecord]]
    place_of: Callable[[str, str, str], str]
    is_whole: bool
    notes: list[str] = field(default_factory=list)


def raise_faults(faults: Iterable[EsmithError]) -> None:
    """Raise one error that names all of some faults, if there are any; nothing was changed then.

    :raises EsmithError: of the class of the first fault.
    """
    every = list(faults)
    if not every:
        return
    first, others = every[0], every[1:]
    lines = [first.hint] if first.hint else []
    lines += [_line_of(fault) for fault in others[: _SHOWN - 1]]
    if len(others) >= _SHOWN:
        lines.append(f"... and {counted(len(others) - _SHOWN + 1, 'more fault')}")
    raise type(first)(first.message, place=first.place, hint="\n  ".join([*lines, "nothing was changed"]))


def _line_of(fault: EsmithError) -> str:
    return f"{fault.place}: {fault.message}; {fault.hint}" if fault.hint else f"{fault.place}: {fault.message}"


def apply_wanted(
    transaction: Transaction,
    schema: Schema | None,
    wanted: Wanted,
    *,
    prune: bool = False,
    prune_records: bool = False,
    force: bool = False,
) -> list[str]:
    """Make the databases be as is wanted. What is so already is not looked at, so it may be what the schema refuses.

    :param schema: what is checked, and what says which values the engine gives by itself; None knows nothing.
    :param prune: whether properties that the file does not have get their default, or are deleted where they have none,
        and where the file has whole databases records that it does not have are deleted; not what the engine gives by
        itself.
    :param prune_records: whether such records are deleted in any case, in the databases that the file names.
    :param force: store whatever the store can hold.
    :return: hints, each after its place.
    :raises EsmithError: when something is refused; it names all that is. The caller gives up the transaction.
    """
    work = _Work(transaction, None if force else schema, schema, wanted, prune=prune or prune_records)
    for database, records in wanted.databases.items():
        if not work.make_database(database):
            continue
        if prune_records or (prune and wanted.is_whole):
            work.prune_records(database)
        for key, record in records.items():
            work.make(database, key, record)
    raise_faults(work.faults)
    return work.hints


def _other_number(key: str, prop: str, old: str, value: str) -> NotAllowedError:
    return NotAllowedError(
        f"{value!r} is not the {prop} that {key} has: files belong to the number {old}",
        hint=f"leave {prop} out of the file",
    )


class _Work:
    def __init__(
        self, transaction: Transaction, schema: Schema | None, known: Schema | None, wanted: Wanted, *, prune: bool
    ) -> None:
        self._transaction = transaction
        self._schema = schema
        self._known = known
        self._wanted = wanted
        self._prune = prune
        self.hints: list[str] = []
        self.faults: list[EsmithError] = []

    def make_database(self, database: str) -> bool:
        """Make a database where there is none, and return whether there is one then."""
        if self._transaction.has_database(database):
            return True
        try:
            if self._schema is not None:
                from esmith.schema.check import check_database

                check_database(self._schema, database)
            self._transaction.create_database(database)
        except EsmithError as error:
            self._refuse(database, "", "", error)
            return False
        return True

    def prune_records(self, database: str) -> None:
        """Delete the records that are not wanted; not all of them, as a file that was cut off would have it."""
        records = self._wanted.databases[database]
        others = [key for key in self._transaction.keys(database) if key not in records]
        if others and not records:
            fault = RefusedError(
                f"has no record, and to prune would delete {counted(len(others), 'record')}",
                hint=f"delete them by hand if you mean it: db {shell_word(database)} delete {shell_word(others[0])}",
            )
            self._refuse(database, "", "", fault)
            return
        for key in others:
            assigned = self._assigned(database, key, self._transaction.type_of(database, key), "")
            if not (assigned or self._is_made(database, key)):
                self._transaction.delete_record(database, key)

    def make(self, database: str, key: str, record: WantedRecord) -> None:
        now = self._transaction.record(database, key)
        if now is None and record.type is None:
            self._refuse(database, key, "", self._without_type(database, key))
            return
        if now is None:
            assert record.type is not None
            self._whole(database, key, record.type, record.props)
            return
        for prop in now.props if self._prune else ():
            if prop not in record.props:
                self._prune_property(database, key, now.type, prop)
        if record.type not in (None, now.type):
            self._set_type(database, key, record.type or "")
        for prop, value in record.props.items():
            old = now.props.get(prop)
            if old and old != value and self._assigned(database, key, now.type, prop) == "fixed" and self._schema:
                self._refuse(database, key, prop, _other_number(key, prop, old, value))
            elif old != value:
                self._set(database, key, prop, value)

    def _prune_property(self, database: str, key: str, type: str, prop: str) -> None:
        """Give a property its default, or delete one that has none: what the next initialisation would leave of it."""
        found = self._find(database, key, type, prop)
        if found is not None and found.assigned:
            return
        if found is None or found.initial is None:
            self._transaction.delete_prop(database, key, prop)
        else:
            self._transaction.set_prop(database, key, prop, found.initial)

    def _is_made(self, database: str, key: str) -> bool:
        """Return whether the initialisation of the databases makes a record: what has one, such as the name of the
        server or the account of the administrator, is not gone because a file leaves it out.
        """
        for file in self._known.files(database) if self._known is not None else ():
            if file.key == key and file.create:
                return True
            named, _, place = (file.ensure_from or "").partition(":")
            if place and self._transaction.type_of(named, place) == key:
                return True
        return False

    def _assigned(self, database: str, key: str, type: str | None, prop: str) -> str:
        """Return whether the engine gives a value by itself, as the schema says it; that of the record for ""."""
        found = self._find(database, key, type, prop)
        return "" if found is None else found.assigned

    def _find(self, database: str, key: str, type: str | None, prop: str) -> Property | None:
        known = self._known.record(database, key, type) if self._known is not None else None
        return None if known is None else known.property(prop) if prop else known.value

    def _whole(self, database: str, key: str, type: str, props: dict[str, str]) -> None:
        try:
            hints = set_record(self._transaction, self._schema, database, key, type, props)
        except EsmithError as error:
            self._find_refused(database, key, type, props, error)
        else:
            self.hints += self._at(database, key, "", hints)

    def _find_refused(self, database: str, key: str, type: str, props: dict[str, str], error: EsmithError) -> None:
        """Note which properties of a new record are refused, or the record as a whole; all is given up then."""
        found = len(self.faults)
        try:
            set_record(self._transaction, None if props else self._schema, database, key, type, {})
            for prop, value in props.items():
                self._set(database, key, prop, value)
        except EsmithError as fault:
            self._refuse(database, key, "", fault)
        if len(self.faults) == found:
            self._refuse(database, key, "", error)

    def _set_type(self, database: str, key: str, type: str) -> None:
        try:
            self.hints += self._at(database, key, "", set_type(self._transaction, self._schema, database, key, type))
        except EsmithError as error:
            self._refuse(database, key, "", error)

    def _set(self, database: str, key: str, prop: str, value: str) -> None:
        try:
            hints = set_properties(self._transaction, self._schema, database, key, {prop: value})
        except EsmithError as error:
            self._refuse(database, key, prop, error)
        else:
            self.hints += self._at(database, key, prop, hints)

    def _without_type(self, database: str, key: str) -> RefusedError:
        known = self._schema.record(database, key, None) if self._schema is not None else None
        type = known.type if known is not None and known.type else "TYPE"
        return RefusedError(
            "there is no such record, and no type to make it with",
            place=f"{database} {key}",
            hint=f'give it one in the table: type = "{type}"',
        )

    def _at(self, database: str, key: str, prop: str, hints: Iterable[str]) -> list[str]:
        return [f"{self._wanted.place_of(database, key, prop)}: {hint}" for hint in hints]

    def _refuse(self, database: str, key: str, prop: str, error: EsmithError) -> None:
        place = self._wanted.place_of(database, key, prop)
        inside = error.place or " ".join(part for part in (database, key, prop) if part)
        error.place = f"{place}: {inside}"
        self.faults.append(error)
