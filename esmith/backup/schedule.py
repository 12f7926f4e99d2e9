"""Backups that are made by themselves: the settings for it, and what the daily job does with them."""

from __future__ import annotations

import os
import time

from esmith.backup.keep import write_to_folder
from esmith.backup.last import last
from esmith.environment import layer_of_commands
from esmith.events.expand import expand_templates
from esmith.repeating import repeat
from esmith.schema.load import Schema
from esmith.schema.settings import set_properties, set_type
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.backup.last import LastBackup
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot, Store

#: The database and the record of the settings.
PLACE = ("configuration", "esmith-backup")
#: What runs ``esmith backup --scheduled``. Where there is no cron a timer of systemd runs what is in that directory.
JOB = "/etc/cron.daily/esmith-backup"
NEVER = "never"
_OFTEN = ("day", "week")
#: After how many seconds the next one is due; some hours less than a week, since the job does not begin on the second.
_WEEK = 6.5 * 86_400


def schedule(
    session: Session, every: str, folder: str | None, keep: int | None, recipients: str, words: Sequence[str]
) -> str:
    """Have backups made by themselves from now on, or not any more, and return the folder.

    :param every: ``day``, ``week`` or ``never``.
    :param folder: where, as a path of the configured system; None leaves it.
    :param keep: how many stay; None leaves it.
    :param recipients: for whom they are encrypted, with a blank between; "" for nobody.
    :param words: those of the command, for the journal.
    :raises RefusedError: when a setting is refused; nothing was changed.
    :raises BusyError: when other servers of a fleet change settings all the time; likewise.
    :raises InstallError: when the job cannot be written.
    """
    schema = Schema(session.layout)
    values = {"Every": every}
    if every != NEVER:
        values |= {"Recipients": recipients}
    if folder is not None:
        values |= {"Directory": folder}
    if keep is not None:
        values |= {"Keep": str(keep)}
    author = Author.current(["esmith", *words])
    where = repeat(session.layout, lambda: _set(session.store, schema, values, author))
    if every != NEVER:
        expand_templates(session, [JOB])
    return where


def _set(store: Store, schema: Schema, values: dict[str, str], author: Author) -> str:
    """Set the settings, and return the folder."""
    with store.transaction(author, layer_of_commands()) as transaction:
        if transaction.type_of(*PLACE) is None:
            set_type(transaction, schema, *PLACE, "configuration")
        set_properties(transaction, schema, *PLACE, values)
        return _setting(transaction, schema, "Directory")


def write_scheduled(layout: Layout, store: Store) -> tuple[LastBackup, list[str], list[str]] | None:
    """Make the backup that the settings ask for, as :func:`esmith.backup.keep.write_to_folder`; None if none is due.

    :raises StoreError: when it cannot be written.
    """
    schema = Schema(layout)
    with store.snapshot() as snapshot:
        every, folder, keep, recipients = (
            _setting(snapshot, schema, name) for name in ("Every", "Directory", "Keep", "Recipients")
        )
    before = last(layout)
    folder = layout.under(folder)
    if every not in _OFTEN:
        return None
    is_there = before is not None and os.path.dirname(before.file) == folder
    if every == _OFTEN[1] and before is not None and is_there and 0 <= time.time() - before.time < _WEEK:
        return None
    return write_to_folder(layout, store, folder, int(keep or 0) or None, recipients.split())


def _setting(snapshot: Snapshot, schema: Schema, name: str) -> str:
    """Return a setting; its default where it is missing or was stored by force as something else."""
    value = snapshot.prop(*PLACE, name)
    record = schema.record(*PLACE, "configuration")
    known = record.property(name) if record is not None else None
    if known is None:
        return value or ""
    is_wrong = value is None or (name == "Keep" and not (value.isascii() and value.isdecimal() and int(value) > 0))
    return (known.default or "") if is_wrong or value is None else value
