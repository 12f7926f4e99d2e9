"""Settings that were changed, or would be, as lines for people: secret values are masked."""

from __future__ import annotations

from typing import Any

from esmith.cli.colour import Style, styled
from esmith.errors import SchemaError
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import shell_word
from esmith.schema.load import Schema
from esmith.schema.masking import Masking
from esmith.schema.secrecy import MASK
from esmith.store.model import Change
from esmith.store.protocol import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.events.following import Following


def change_line(change: dict[str, Any]) -> str:
    """Return the line of a change, as :meth:`esmith.schema.masking.Masking.changes_data` gives it."""
    name = " ".join(part for part in (change["database"], change["key"], change["property"]) if part)
    return f"{name}: {styled(_value(change['old']), Style.REMOVED)} -> {styled(_value(change['new']), Style.ADDED)}"


def change_lines(layout: Layout, snapshot: Snapshot, changes: list[Change], *, is_sure: bool = True) -> list[str]:
    """Return the lines of changes.

    :param is_sure: whether a broken schema file is an error; else all values are masked then, because it is not known
        which of them are secret.
    :raises SchemaError: when a schema file is broken.
    """
    try:
        return list(map(change_line, Masking(Schema(layout), snapshot).changes_data(changes, changes)))
    except SchemaError:
        if is_sure:
            raise
    return [change_line(_masked(change)) for change in changes]


def _masked(change: Change) -> dict[str, Any]:
    old, new = (None if value is None else MASK for value in (change.old, change.new))
    return {"database": change.database, "key": change.key, "property": change.prop, "old": old, "new": new}


def follow_lines(follows: Following) -> list[str]:
    """Return the lines that say with which events files follow a change of settings."""
    before = "" if follows.is_exact else "up to "
    return [
        f"{before}{counted(count, 'file')} {'follows' if count == 1 else 'follow'} with: "
        f"signal-event {shell_word(name)}"
        for name, count in follows.events.items()
    ]


def _value(value: str | None) -> str:
    return "(none)" if value is None else value or "(empty)"
