"""Changing settings as a form asks for: all fields or none, and every refusal with the name of its field."""

from __future__ import annotations

from esmith.errors import EsmithError
from esmith.names import counted, nearest
from esmith.panels.conflicts import cells_of, covers
from esmith.panels.deletion import mark_deleted, remove_record
from esmith.panels.field import Work, is_blank
from esmith.panels.form import find_record, may_change
from esmith.panels.networks import NETWORKS, network_faults
from esmith.panels.setting import KEY_FIELD
from esmith.schema.check import NotAllowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from esmith.panels.field import Field
    from esmith.panels.model import Panel
    from esmith.schema.load import Schema
    from esmith.store.protocol import Transaction

__all__ = [
    "FormError",
    "cells_of",
    "change_settings",
    "covers",
    "create_record",
    "mark_deleted",
    "remove_record",
]


class FormError(NotAllowedError):
    """Values of a form that are refused; nothing was changed.

    :param fields: why, by the name of the field; ``key`` for the name of a new record.
    """

    def __init__(self, fields: dict[str, EsmithError]) -> None:
        first = next(iter(fields.values()))
        message = first.message if len(fields) == 1 else f"{counted(len(fields), 'value')} are not allowed"
        super().__init__(message, place=first.place if len(fields) == 1 else "", hint="nothing was changed")
        self.fields = fields


def change_settings(
    panel: Panel, schema: Schema, transaction: Transaction, key: str | None, values: Mapping[str, Any]
) -> list[str]:
    """Change settings as a form asks for.

    :param transaction: a transaction, or unsaved changes (:class:`esmith.store.overlay.Overlay`).
    :param key: the record that the form is of, None for a form of settings.
    :param values: by field, those that were touched; None for not set.
    :return: hints for the administrator.
    :raises FormError: when any value is refused; nothing is changed then.
    :raises NoSuchRecordError: when the list has no such record.
    :raises NotAllowedError: when it may not be changed on the page.
    """
    if panel.records is not None or key is not None:
        record = find_record(panel, transaction, key or "")
        if not may_change(panel, record):
            raise NotAllowedError("this record may not be changed here", place=f"{panel.id} {key}")
    work = Work(panel.records, schema, transaction, key)
    with transaction.savepoint():
        _write(panel, work, values, {})
    return work.hints


def create_record(
    panel: Panel, schema: Schema, transaction: Transaction, key: str, values: Mapping[str, Any]
) -> list[str]:
    """Make a record as a form asks for.

    :param key: its key, as it was typed.
    :param values: by field, those that were filled in.
    :return: hints for the administrator.
    :raises FormError: when the key, or any value, is refused; nothing is changed then.
    :raises NotAllowedError: when no records are made on the page.
    """
    from esmith.panels.new_key import check_made_key, check_new_key
    from esmith.schema.settings import set_record

    records = panel.records
    if records is None or records.create is None:
        raise NotAllowedError("no records are made on this page", place=panel.id)
    work = Work(records, schema, transaction, key)
    with transaction.savepoint():
        faults: dict[str, EsmithError] = {}
        try:
            check_new_key(records, schema, transaction, key)
            work.note(set_record(transaction, schema, records.database, key, records.type, {}))
            check_made_key(records, schema, transaction, key)
        except EsmithError as error:
            raise FormError({KEY_FIELD: error} | _missing(panel, values)) from error
        faults |= _missing(panel, values)
        _write(panel, work, values, faults, is_made=True)
    return work.hints


def _missing(panel: Panel, values: Mapping[str, Any]) -> dict[str, EsmithError]:
    """Return the errors of fields that a new record has to have a value for, and that are not sent."""
    return {
        field.name: NotAllowedError("a value is needed here")
        for field in panel.fields()
        if field.required and is_blank(values.get(field.name))
    }


def _write(
    panel: Panel, work: Work, values: Mapping[str, Any], faults: dict[str, EsmithError], *, is_made: bool = False
) -> None:
    """Write the values of fields.

    :param faults: what is refused already, by field.
    :param is_made: whether the record is a new one.
    :raises FormError: when any is refused.
    """
    fields: list[tuple[Field, Any]] = []
    for name, value in values.items():
        named = panel.field(name)
        if named is None or named.is_absent(work):
            faults[name] = _no_such_field(panel, name)
        elif name not in faults:
            fields.append((named, value))
    # In the order of the form, whatever the order they were sent in.
    order = {field.name: number for number, field in enumerate(panel.fields())}
    fields.sort(key=lambda pair: order[pair[0].name])
    for step in (_withdraw, _put):
        for field, value in fields:
            if field.name not in faults:
                _try(work, field, value, step, faults)
    touched = {field.name for field, _ in fields}
    if not faults:
        _require_needed(panel, work, touched, faults)
    if not faults and panel.records is not None and panel.records.database == NETWORKS:
        faults |= network_faults(work, touched | ({KEY_FIELD} if is_made else set()))
    if faults:
        raise FormError(faults)


def _withdraw(field: Field, work: Work, value: Any) -> None:
    field.withdraw(work, value)


def _put(field: Field, work: Work, value: Any) -> None:
    field.write(work, value)


def _try(
    work: Work,
    field: Field,
    value: Any,
    step: Callable[[Field, Work, Any], None],
    faults: dict[str, EsmithError],
) -> None:
    try:
        with work.transaction.savepoint():
            step(field, work, value)
    except EsmithError as error:
        faults[field.name] = _without_secret(error, value) if field.hides(work) else error


def _without_secret(error: EsmithError, value: Any) -> EsmithError:
    """Return an error about a secret that does not show it."""
    if isinstance(value, str) and value and value in str(error):
        return NotAllowedError("this value is not allowed here")
    return error


def _no_such_field(panel: Panel, name: str) -> EsmithError:
    close = nearest(name, [field.name for field in panel.fields()])
    return NotAllowedError("the page has no such field", hint=f"did you mean {close!r}?" if close else "")


def _require_needed(panel: Panel, work: Work, touched: set[str], faults: dict[str, EsmithError]) -> None:
    """Refuse what leaves a choice without a setting that it needs."""
    by_setting = {setting: field.name for field in panel.fields() for setting in field.settings()}
    for field in panel.fields():
        for setting in field.missing(work):
            name = by_setting.get(setting, field.name)
            if touched & {name, field.name}:
                chosen = field.show(work)["label"]
                faults[name] = NotAllowedError(f"a value is needed here, because of what is chosen for {chosen}")
