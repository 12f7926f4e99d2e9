"""Operations on a page: a form of settings; a record of a list that is made, changed, deleted, or acted upon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from esmith.accounts.new_password import check_password, set_password
from esmith.errors import EsmithError, RefusedError
from esmith.manager import wire
from esmith.manager.helper import arguments
from esmith.manager.helper.context import VerbError, not_found
from esmith.manager.helper.operations.base import Field, Operation, as_refused, refused
from esmith.manager.helper.operations.commands import command
from esmith.manager.helper.operations.taken import require_free_name
from esmith.panels.change import FormError, cells_of, change_settings, create_record
from esmith.panels.deletion import mark_deleted
from esmith.panels.form import find_record, show_form
from esmith.panels.load import load_panel
from esmith.panels.setting import KEY_FIELD, NoSuchPanelError, NoSuchRecordError
from esmith.schema.check import NotAllowedError
from esmith.store.model import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.events.session import Session
    from esmith.manager.helper.context import Context
    from esmith.panels.model import Panel
    from esmith.panels.records import Records
    from esmith.schema.load import Schema
    from esmith.schema.remembered import RememberedFiles
    from esmith.store.protocol import Snapshot, Store, Transaction

_PANEL = {"panel": arguments.named}
#: The number of nobody yet.
_SOME_NUMBER = "59999"
_VALUES = {"values": arguments.form_values, "revision": arguments.number}


def find_panel(context: Context, schema: Schema, id: str) -> Panel:
    """Return a panel.

    :raises VerbError: when there is none.
    :raises EsmithError: when its file is broken.
    """
    try:
        return load_panel(context.layout, schema, id)
    except NoSuchPanelError as error:
        raise VerbError.of(error, wire.NOT_FOUND) from error


class PanelOperation(Operation):
    """What all operations on a page have in common."""

    #: The arguments besides the panel.
    required = _VALUES

    def __init__(self, context: Context, data: Any, remembered: RememberedFiles | None = None) -> None:
        super().__init__(context, data, remembered)
        self.key: str | None = self.data.get("key")
        self.panel = find_panel(context, self.schema, self.data["panel"])
        if (self.panel.records is None) != ("key" not in self.required):
            raise not_found("the page has no such form")
        #: The fields by their names, as they are shown; of a new record the empty ones.
        self._fields: dict[str, dict[str, Any]] = {}

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments, checked."""
        return arguments.take(data, {**_PANEL, **self.required})

    @property
    def records(self) -> Records:
        """The part of the panel that is about its list."""
        assert self.panel.records is not None
        return self.panel.records

    @property
    def title(self) -> str:
        """What it does."""
        return f"{self.panel.heading}: {self._verb} {self.key or ''}".rstrip()

    _verb = "change"

    @property
    def what(self) -> str:
        """The page, and the record."""
        return f"{self.panel.id} {self.key or ''}".rstrip()

    def look(self, snapshot: Snapshot) -> None:
        """See that the record is there, unless it was deleted since: that is a conflict."""
        try:
            self._fields = self._form(snapshot)
        except NoSuchRecordError as error:
            database = self.records.database if self.panel.records is not None else ""
            if not self.is_since(snapshot, (database, self.key or "", "")):
                raise VerbError.of(error, wire.NOT_FOUND) from error

    @property
    def _stored_key(self) -> str | None:
        """The record that the form is of; None for the settings of a page."""
        return self.key

    def _form(self, snapshot: Snapshot) -> dict[str, dict[str, Any]]:
        form = show_form(self.panel, self.schema, snapshot, self._stored_key)
        return {one["name"]: one for section in form["sections"] for one in section["fields"] if one.get("name")}

    def _value(self, name: str, snapshot: Snapshot) -> Any:
        """Return what a field shows in a state of the databases."""
        try:
            field = self._form(snapshot).get(name, {})
        except EsmithError:
            return None
        return field.get("custom") if field.get("value") is None else field["value"]

    def change(self, transaction: Transaction) -> list[str]:
        """Change what the form says."""
        try:
            return self._change(transaction)
        except FormError as error:
            raise refused(error, {name: _of_field(one) for name, one in error.fields.items()}) from error
        except NoSuchRecordError as error:
            raise VerbError.of(error, wire.NOT_FOUND) from error
        except RefusedError as error:
            raise as_refused(error) from error

    def _change(self, transaction: Transaction) -> list[str]:
        return change_settings(self.panel, self.schema, transaction, self.key, self.data["values"])

    def fields(self, snapshot: Snapshot) -> list[Field]:
        """Return the fields that were touched."""
        values = self.data.get("values", {})
        cells = cells_of(self.panel, self.schema, snapshot, self.key, values)
        return [
            Field(
                name,
                self._fields.get(name, {}).get("label") or name,
                cells.get(name, []),
                value,
                shown=lambda state, name=name: self._value(name, state),  # type: ignore[misc]
                secret=self._is_secret(name),
            )
            for name, value in values.items()
        ]

    def _is_secret(self, name: str) -> bool:
        # Of a field that is not known nothing is shown.
        return bool(self._fields.get(name, {"widget": "secret"})["widget"] == "secret")

    def shown(self) -> dict[str, Any]:
        """Return it without the values of secrets."""
        data = {"kind": self.kind, **self.data}
        if "values" in data:
            values = self.data["values"].items()
            data["values"] = {name: "****" if value and self._is_secret(name) else value for name, value in values}
        return data

    def reaches(self, changes: Sequence[Change]) -> bool:
        """Return whether it touches a record that the page says the panel is reached by."""
        named = set(self.panel.reaches_panel)
        return any(one.database in named or f"{one.database} {one.key}" in named for one in changes)


def _of_field(error: EsmithError) -> str:
    return f"{error.message}; {error.hint}" if error.hint and "\n" not in error.hint else error.message


def _asked(text: str, key: str | None) -> str:
    """Return what is asked before something is done; the preview says it once more, as files show little of it."""
    return text.replace("{key}", key or "")


class FormOperation(PanelOperation):
    """Changes the settings of a page."""

    kind = "form"

    def events(self, _store: Store, _changes: Sequence[Change]) -> list[list[str]]:
        """Return the event of the page."""
        return [[self.panel.event]] if self.panel.event else []


class ModifyOperation(PanelOperation):
    """Changes a record of a list."""

    kind = "modify"
    required = {"key": arguments.named, **_VALUES}

    def events(self, _store: Store, _changes: Sequence[Change]) -> list[list[str]]:
        """Return the event of the record."""
        event = self.records.event_of(self.key or "")
        return [[event, self.key or ""]] if event else []


class CreateOperation(PanelOperation):
    """Makes a record of a list."""

    kind = "create"
    required = {"key": lambda name, value: arguments.text(name, value, arguments.LONGEST_NAME), **_VALUES}
    _verb = "add"

    @property
    def _stored_key(self) -> None:
        """None: its form is that of a record that is not stored yet."""

    def _change(self, transaction: Transaction) -> list[str]:
        key = self.key or ""
        if self.records.database == "accounts" and self.records.type in ("user", "group"):
            try:
                require_free_name(self.layout, key)
            except NotAllowedError as error:
                raise FormError({KEY_FIELD: error}) from error
        return create_record(self.panel, self.schema, transaction, key, self.data["values"])

    def noted(self, _snapshot: Snapshot) -> list[Change]:
        """Return the numbers of a new user: which they are is not known before the event."""
        if (self.records.database, self.records.type) != ("accounts", "user"):
            return []
        return [Change("accounts", self.key or "", prop, None, _SOME_NUMBER) for prop in ("Uid", "Gid")]

    def fields(self, _snapshot: Snapshot) -> list[Field]:
        """Return the name: somebody may have made the same."""
        cell = (self.records.database, self.key or "", "")
        return [Field("key", self.records.key_label, [cell], self.key)]

    def events(self, _store: Store, _changes: Sequence[Change]) -> list[list[str]]:
        """Return the event of new records."""
        create = self.records.create
        return [[create.event, self.key or ""]] if create is not None and create.event else []


class DeleteOperation(PanelOperation):
    """Deletes a record of a list: it gets another type, the event is signalled, and it goes."""

    kind = "delete"
    required = {"key": arguments.named, "revision": arguments.number}
    _verb = "delete"

    def _change(self, transaction: Transaction) -> list[str]:
        self.marked = [list(words) for words in mark_deleted(self.panel, transaction, self.key or "")]
        delete = self.records.delete
        return [_asked(delete.ask, self.key)] if delete is not None and delete.ask else []

    def fields(self, _snapshot: Snapshot) -> list[Field]:
        """Return the record with all its properties."""
        database, key = self.records.database, self.key or ""
        cell = (database, key, "*")
        return [Field("key", self.records.key_label, [cell], None, shown=lambda state: state.type_of(database, key))]

    def events(self, _store: Store, _changes: Sequence[Change]) -> list[list[str]]:
        """Return the events: those of the records that are deleted before it, then its own."""
        return self.marked

    def noted(self, snapshot: Snapshot) -> list[Change]:
        """Return that the names of a user go with it."""
        if (self.records.database, self.records.type) != ("accounts", "user"):
            return []
        names = [one.key for one in snapshot.records("accounts", "pseudonym") if one.props.get("Account") == self.key]
        return [Change("accounts", name, "", "pseudonym", None) for name in names]

    def deletes(self, snapshot: Snapshot) -> list[list[str]]:
        """Return the records that go."""
        database = self.records.database
        return [[database, key, snapshot.type_of(database, key) or ""] for _, key in self.marked]


class ActionOperation(PanelOperation):
    """Does something with a record, as the page offers it: an event, and perhaps a new password before it."""

    kind = "action"
    required = {"key": arguments.named, "action": arguments.named}
    may_confirm = False

    def __init__(self, context: Context, data: Any, remembered: RememberedFiles | None = None) -> None:
        super().__init__(context, data, remembered)
        #: Not in the arguments, so that it is in no list of jobs.
        self._password: str | None = self.data.pop("password", None)
        found = [one for one in self.records.actions if one.name == self.data["action"]]
        if not found or self.key in found[0].not_for:
            raise not_found(f"the page has no action {arguments.shown(self.data['action'])} for this record")
        self.action = found[0]
        self._verb = self.action.label

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments, checked."""
        return arguments.take(data, {**_PANEL, **self.required}, {"password": arguments.text_or_none})

    def look(self, snapshot: Snapshot) -> None:
        """See that the record is there, and that the password can be one, when it is given already."""
        super().look(snapshot)
        if self._password is None:
            return
        if not self.action.password:
            raise arguments.wrong("the action takes no password")
        try:
            check_password(self._password)
        except RefusedError as error:
            raise refused(error, {"password": _of_field(error)}) from error

    def require_all(self) -> None:
        """See that there is a password where one is needed."""
        if self.action.password and self._password is None:
            raise refused(RefusedError("a password is needed"), {"password": "a password is needed"})

    def _change(self, transaction: Transaction) -> list[str]:
        find_record(self.panel, transaction, self.key or "")
        return [_asked(self.action.ask, self.key)] if self.action.ask else []

    def fields(self, _snapshot: Snapshot) -> list[Field]:
        """Return nothing: it writes no settings."""
        return []

    def events(self, _store: Store, _changes: Sequence[Change]) -> list[list[str]]:
        """Return its event."""
        return [[self.action.event, self.key or ""]] if self.action.event else []

    def first(self, session: Session) -> str:
        """Set the password."""
        if self._password is None:
            return ""
        # The accounts of a root folder are read and written as a whole: another job, or an event, may do the same.
        with session.lock(f"password of {self.key}"):
            set_password(self.layout, self.key or "", self._password)
        self._password = None
        session.log.write(f"password of {self.key} set by {self.context.account} in the server-manager")
        return "the password is set"

    def first_commands(self) -> list[str]:
        """Return the command that sets a password."""
        return [command("passwd", self.key or "")] if self.action.password else []

    def reaches(self, _changes: Sequence[Change]) -> bool:
        """Return whether it is about an account that logs in here."""
        return self.records.database == "accounts" and self.key in ("admin", self.context.account)
