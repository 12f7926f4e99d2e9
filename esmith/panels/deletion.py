"""Deleting a record of a panel as SME Server does: another type while the event runs, then it is removed."""

from __future__ import annotations

from esmith.panels.form import find_record, may_delete
from esmith.panels.setting import NoSuchRecordError
from esmith.schema.check import NotAllowedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.panels.model import Panel
    from esmith.panels.records import Before, Deletion, Records
    from esmith.store.model import Record
    from esmith.store.protocol import Records as StoredRecords
    from esmith.store.protocol import Transaction

#: What records that may not be deleted have (db/accounts/@pseudonym.toml).
_REMOVABLE = "Removable"


def mark_deleted(panel: Panel, transaction: Transaction, key: str) -> list[tuple[str, str]]:
    """Give a record, and those that are deleted before it, the types that they have while they are deleted.

    :return: the events to signal, each with the key that is its argument, in order.
    :raises NoSuchRecordError: when the list has no such record.
    :raises NotAllowedError: when it may not be deleted on the page.
    """
    record = find_record(panel, transaction, key)
    records, deletion = _parts(panel)
    if not may_delete(panel, transaction, record):
        raise NotAllowedError("this record may not be deleted here", place=f"{panel.id} {key}")
    with transaction.savepoint():
        events = []
        if deletion.before is not None:
            events = _mark_before(records, deletion.before, transaction, key)
        if deletion.type:
            transaction.set_type(records.database, key, deletion.type)
    return [*events, (deletion.event, key)]


def _mark_before(records: Records, before: Before, transaction: Transaction, key: str) -> list[tuple[str, str]]:
    """Mark what is deleted before a record; what may not be deleted leads elsewhere afterwards.

    :return: the events to signal.
    :raises NotAllowedError: when something may not be deleted, and there is nothing else that it is to lead to.
    """
    events = []
    for one in _leading_to(records, before, transaction, key):
        if not _stays(transaction.record(records.database, one)):
            transaction.set_type(records.database, one, _type_of_deleted(before.type))
            events.append((before.event, one))
        elif before.kept:
            transaction.set_prop(records.database, one, before.prop, before.kept)
        else:
            raise NotAllowedError(
                f"{one} leads to it, and may not be deleted",
                place=f"{records.database} {key}",
                hint=f"have {one} lead elsewhere first",
            )
    return events


def remove_record(panel: Panel, transaction: Transaction, key: str) -> None:
    """Remove a record that was marked as deleted, with those that were deleted before it.

    :raises NoSuchRecordError: when no record of that key was marked as deleted.
    """
    records, deletion = _parts(panel)
    if transaction.type_of(records.database, key) != (deletion.type or records.type):
        raise NoSuchRecordError("no such record is being deleted", place=f"{panel.id} {key}")
    before = deletion.before
    if before is not None:
        for one in _leading_to(records, before, transaction, key, _type_of_deleted(before.type)):
            transaction.delete_record(records.database, one)
    transaction.delete_record(records.database, key)


def _parts(panel: Panel) -> tuple[Records, Deletion]:
    if panel.records is None or panel.records.delete is None:
        raise NotAllowedError("no records are deleted on this page", place=panel.id)
    return panel.records, panel.records.delete


def _leading_to(
    records: Records, before: Before, snapshot: StoredRecords, key: str, type: str | None = None
) -> list[str]:
    """Return the records that lead to one, also by others: the farthest first.

    :param type: the type they have now; None for the one they have when nothing is being deleted.
    """
    leads: dict[str, list[str]] = {}
    stays = set()
    for record in snapshot.records(records.database, type or before.type):
        leads.setdefault(record.props.get(before.prop, ""), []).append(record.key)
        if _stays(record):
            stays.add(record.key)
    found: list[str] = []
    waiting = [key]
    while waiting:
        near = [one for one in leads.get(waiting.pop(), ()) if one != key and one not in found]
        found += near
        # What leads to one that stays leads somewhere afterwards, too.
        waiting += (one for one in near if one not in stays)
    return found[::-1]


def _stays(record: Record | None) -> bool:
    return record is not None and record.props.get(_REMOVABLE) == "no"


def _type_of_deleted(type: str) -> str:
    return f"{type}-deleted"
