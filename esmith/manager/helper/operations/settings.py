"""Operations on any setting, and taking a revision back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from esmith.errors import EsmithError, RefusedError, UsageError
from esmith.events.applying import OF_A_RECORD
from esmith.events.definition import event_names, load_event
from esmith.events.following import what_follows
from esmith.fragments.tree import TemplateTree
from esmith.manager.helper import arguments
from esmith.manager.helper.context import not_found
from esmith.manager.helper.operations.base import Field, Operation, as_refused, refused
from esmith.schema.settings import set_properties, set_record, set_type
from esmith.store.undo import find_revision, undo_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.layout import Layout
    from esmith.manager.helper.context import VerbError
    from esmith.store.model import Change
    from esmith.store.protocol import Snapshot, Store, Transaction

#: How those end that make settings of services effective.
_OF_A_SERVICE = "-update"
#: The properties that say whether a service runs, and where it listens.
_OF_A_PROCESS = frozenset(("status", "TCPPort"))
#: More records than these no single event is signalled for.
_MOST_RECORDS = 20


def events_for_changes(operation: Operation, store: Store, changes: Sequence[Change]) -> list[list[str]]:
    """Return few events that write all files in which changes have a part, each with its arguments.

    An event about a single record is signalled for each record that changes.
    """
    if not changes:
        return []
    records = list(dict.fromkeys(one.key for one in changes if one.database != "configuration"))
    found: list[list[str]] = []
    for name in what_follows(operation.layout, store, changes).events:
        if name.endswith(OF_A_RECORD):
            found += [[name, key] for key in records[:_MOST_RECORDS]]
        else:
            found.append([name])
    return found + [[name] for name in _adjusting(operation.layout, changes, [name for name, *_ in found])]


def _adjusting(layout: Layout, changes: Sequence[Change], chosen: Sequence[str]) -> list[str]:
    """Return the events that start, stop or restart the services of changed records, where no chosen one does.

    Whether a service runs, and on which port, its process learns from no file.
    """
    keys = {one.key for one in changes if one.database == "configuration" and one.prop in _OF_A_PROCESS}
    events: dict[str, dict[str, list[str]]] = {}
    tree = TemplateTree(layout)
    for name in event_names(layout) if keys else ():
        if name in chosen or name.endswith(_OF_A_SERVICE):
            with suppress(EsmithError):
                events[name] = load_event(layout, name, tree).services
    found: list[str] = []
    for key in sorted(keys):
        able = [name for name in events if key in events[name]]
        if able and not {*chosen, *found} & {*able}:
            found.append(able[0])
    return found


class SettingOperation(Operation):
    """Changes one record of any database, makes it, or deletes it."""

    kind = "setting"

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments, checked."""
        found = arguments.take(
            data,
            {
                "database": arguments.named,
                "key": lambda name, value: arguments.text(name, value, arguments.LONGEST_NAME),
                "values": arguments.values,
                "revision": arguments.number,
            },
            {"type": arguments.text_or_none, "delete": arguments.flag},
        )
        found["delete"] = bool(found["delete"])
        if found["delete"] and (found["values"] or found["type"] is not None):
            raise arguments.wrong("a record that is deleted gets no values")
        if "" in found["values"]:
            # The value of a record without properties, which stands where others have their type.
            value = found["values"].pop("")
            if value is None or found["type"] not in (None, value):
                raise arguments.wrong("a record has one value, or one type")
            found["type"] = value
        return found

    @property
    def title(self) -> str:
        """What it does."""
        verb = "Delete" if self.data["delete"] else "Set"
        return f"{verb} {self.data['database']} {self.data['key']}"

    @property
    def what(self) -> str:
        """What it is about."""
        return f"settings/{self.data['database']}/{self.data['key']}"

    def look(self, snapshot: Snapshot) -> None:
        """See that the database is there, and the record unless it is made."""
        database, key = self.data["database"], self.data["key"]
        if not snapshot.has_database(database):
            raise not_found(f"there is no database {arguments.shown(database)}")
        is_missing = self.data["type"] is None and snapshot.type_of(database, key) is None
        if is_missing and not self.is_since(snapshot, (database, key, "")):
            raise not_found(f"there is no record {arguments.shown(key)} in the database {database}")

    def change(self, transaction: Transaction) -> list[str]:
        """Change the record."""
        database, key, type = (self.data[name] for name in ("database", "key", "type"))
        if self.data["delete"]:
            transaction.delete_record(database, key)
            return []
        wanted = {name: value for name, value in self.data["values"].items() if value is not None}
        current = transaction.type_of(database, key)
        try:
            if current is None and type is not None:
                return set_record(transaction, self.schema, database, key, type, wanted)
            hints = [] if type in (None, current) else set_type(transaction, self.schema, database, key, type or "")
            for name, value in self.data["values"].items():
                if value is None:
                    transaction.delete_prop(database, key, name)
            return hints + (set_properties(transaction, self.schema, database, key, wanted) if wanted else [])
        except RefusedError as error:
            raise self._refused(transaction, error, wanted) from error

    def _refused(self, transaction: Transaction, error: EsmithError, wanted: dict[str, str]) -> VerbError:
        """Return the error with what is wrong with each property, as far as one by one is to blame."""
        database, key = self.data["database"], self.data["key"]
        fields: dict[str, str] = {}
        for name, value in wanted.items() if transaction.type_of(database, key) is not None else ():
            try:
                with transaction.savepoint():
                    set_properties(transaction, self.schema, database, key, {name: value})
            except RefusedError as other:
                fields[name] = other.message
        return refused(error, fields)

    def fields(self, snapshot: Snapshot) -> list[Field]:
        """Return the properties that it writes; of a record that is deleted all of them."""
        database, key, type = (self.data[name] for name in ("database", "key", "type"))
        record = snapshot.record(database, key)
        if self.data["delete"]:
            props = {"": None, **dict.fromkeys(record.props if record else {})}
        else:
            props = {**({"": type} if type is not None else {}), **self.data["values"]}
        return [
            Field(name, name or "type", [(database, key, name)], value, secret=self._is_secret(name, value))
            for name, value in props.items()
        ]

    def _is_secret(self, name: str, value: str | None) -> bool:
        return self.schema.may_be_secret(self.data["database"], self.data["key"], name, value or "")

    def events(self, store: Store, changes: Sequence[Change]) -> list[list[str]]:
        """Return few events that write the files that change."""
        return events_for_changes(self, store, changes)

    def shown(self) -> dict[str, Any]:
        """Return it without the values of secrets."""
        values = {
            name: value if value is None or not self._is_secret(name, value) else "****"
            for name, value in self.data["values"].items()
        }
        type = self.data["type"]
        hidden = type is not None and not values and self._is_secret("", type)
        return {"kind": self.kind, **self.data, "values": values, "type": "****" if hidden else type}


class UndoOperation(Operation):
    """Takes a revision back."""

    kind = "undo"

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments, checked."""
        return arguments.take(data, {"revision": arguments.number})

    def look(self, snapshot: Snapshot) -> None:
        """See that there is such a revision; the first one made the databases."""
        # It is no form that somebody else may have changed meanwhile.
        self.revision = None
        try:
            find_revision(snapshot, self.data["revision"])
        except UsageError as error:
            raise not_found(error.message) from error
        if self.data["revision"] == 1:
            raise refused(EsmithError("revision 1 made the databases, so to undo it would delete all settings"))

    @property
    def title(self) -> str:
        """What it does."""
        return f"Undo revision {self.data['revision']}"

    @property
    def what(self) -> str:
        """What it is about."""
        return f"undo {self.data['revision']}"

    def change(self, transaction: Transaction) -> list[str]:
        """Take it back."""
        try:
            undo_in(transaction, self.data["revision"])
        except EsmithError as error:
            raise as_refused(error) from error
        return []

    def events(self, store: Store, changes: Sequence[Change]) -> list[list[str]]:
        """Return few events that write the files that change."""
        return events_for_changes(self, store, changes)
