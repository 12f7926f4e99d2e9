"""``esmith history`` and ``esmith undo``: what was changed, by whom, and back again."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, shown_time
from esmith.cli.program import root_option
from esmith.errors import StoreError
from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.store import open_store
from esmith.store.model import Author, Change, Revision
from esmith.store.protocol import Snapshot
from esmith.store.undo import undo

_MASK = "****"
#: A revision of 'esmith init' has hundreds of changes, and nobody reads them.
_SHOWN_CHANGES = 20


@click.command("history")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many revisions, the newest first; 0 for all.",
)
@click.option("--database", metavar="NAME", help="Only revisions that changed this database.")
@click.option("--key", metavar="KEY", help="Only revisions that changed this record.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@root_option
@click.pass_obj
def history_command(root: str | None, limit: int, database: str | None, key: str | None, as_json: bool) -> int:
    """Show who changed which settings, the newest change first."""
    layout = Layout.chosen(root)
    masking = _Masking(Schema(layout))
    chosen: list[dict[str, Any]] = []
    with open_store(layout).snapshot() as snapshot:
        for revision in snapshot.revisions():
            if limit and len(chosen) == limit:
                break
            changes = revision.changes
            if any(database in (None, change.database) and key in (None, change.key) for change in changes):
                chosen.append(masking.revision_data(snapshot, revision))
    if as_json:
        print_lines([json_text(chosen)])
    else:
        print_report(line for data in chosen for line in _revision_lines(data))
    return 0


@click.command("undo")
@click.argument("number", type=int)
@click.option("--force", is_flag=True, help="Also when a later revision changed the same property.")
@root_option
@click.pass_obj
def undo_command(root: str | None, number: int, force: bool) -> int:
    """Set what revision NUMBER changed back to what it was before; that is a revision of its own.

    Files follow with the next event, e.g. signal-event email-update.
    """
    layout = Layout.chosen(root)
    store = open_store(layout, write=True)
    words = ["esmith", "undo", *(["--force"] if force else []), str(number)]
    try:
        changes = undo(store, number, Author.current(words), force=force)
    except StoreError as error:
        error.add_unchanged()
        raise
    masking = _Masking(Schema(layout))
    with store.snapshot() as snapshot:
        print_report([_change_line(masking.change_data(snapshot, change)) for change in changes])
    if not changes:
        print_report([f"nothing to do: everything is as it was before revision {number}"])
    return 0


class _Masking:
    """Turns revisions into what may be shown: the values of secret properties are masked, also in the command."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def revision_data(self, snapshot: Snapshot, revision: Revision) -> dict[str, Any]:
        author = revision.author
        secrets = self._secrets(snapshot, revision)
        return {
            "revision": revision.number,
            "time": shown_time(revision.time),
            "user": author.user,
            "sudo_user": author.sudo_user,
            "command": " ".join(_MASK if word in secrets else word for word in author.command),
            "changes": [self.change_data(snapshot, change) for change in revision.changes],
        }

    def change_data(self, snapshot: Snapshot, change: Change) -> dict[str, Any]:
        masked = self._is_secret(snapshot, change)
        return {
            "database": change.database,
            "key": change.key,
            "property": change.prop,
            "old": _MASK if masked and change.old else change.old,
            "new": _MASK if masked and change.new else change.new,
        }

    def _secrets(self, snapshot: Snapshot, revision: Revision) -> set[str]:
        """Return the values to mask in a command: also those of secrets it set to what they were."""
        found = {
            value
            for change in revision.changes
            if self._is_secret(snapshot, change)
            for value in (change.old, change.new)
            if value
        }
        words = revision.author.command
        for database, key in {change.cell[:2] for change in revision.changes}:
            pairs = zip(words, words[1:], strict=False)
            found |= {value for prop, value in pairs if self._schema.may_be_secret(database, key, prop)}
        return found

    def _is_secret(self, snapshot: Snapshot, change: Change) -> bool:
        return bool(change.prop) and self._schema.may_be_secret(change.database, change.key, change.prop)


def _revision_lines(data: dict[str, Any]) -> list[str]:
    who = f"{data['user']} (sudo by {data['sudo_user']})" if data["sudo_user"] else data["user"]
    head = f"revision {data['revision']}  {data['time']}  {who}  {data['command']}"
    changes = data["changes"]
    lines = [head, *(f"    {_change_line(change)}" for change in changes[:_SHOWN_CHANGES])]
    if len(changes) > _SHOWN_CHANGES:
        lines.append(f"    ... and {len(changes) - _SHOWN_CHANGES} more (--json shows all)")
    return lines


def _change_line(change: dict[str, Any]) -> str:
    name = " ".join(part for part in (change["database"], change["key"], change["property"]) if part)
    return f"{name}: {_value(change['old'])} -> {_value(change['new'])}"


def _value(value: str | None) -> str:
    return "(none)" if value is None else value or "(empty)"
