"""``esmith history`` and ``esmith undo``: what was changed, by whom, and back again."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, shown_time
from esmith.cli.program import root_option
from esmith.errors import EsmithError, StoreError
from esmith.layout import Layout
from esmith.printable import printable
from esmith.schema.load import Schema
from esmith.schema.secrecy import MASK, is_findable
from esmith.store import open_store
from esmith.store.model import FORGOTTEN, Author, Change, Revision
from esmith.store.protocol import Snapshot
from esmith.store.undo import find_revision, undo

_FORGOTTEN = "(forgotten)"
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
    chosen: list[dict[str, Any]] = []
    numbers: list[int] = []
    with open_store(layout).snapshot() as snapshot:
        masking = _Masking(Schema(layout), snapshot)
        for revision in snapshot.revisions():
            if limit and len(chosen) == limit:
                break
            if _is_about(revision, database, key):
                chosen.append(masking.revision_data(revision, most=None if as_json else _SHOWN_CHANGES))
                numbers.append(len(revision.changes))
    if as_json:
        print_lines([json_text(chosen)])
    else:
        print_report(
            line
            for data, number in zip(chosen, numbers, strict=True)
            for line in _revision_lines(data, number - len(data["changes"]))
        )
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
    schema = Schema(layout)
    if number == 1 and not force:
        raise EsmithError(
            "revision 1 made the databases, so to undo it deletes the settings",
            hint="'esmith history' lists the revisions; to undo it anyway: esmith undo --force 1",
        )
    with store.snapshot() as snapshot:
        # What a schema file that is broken makes fail must do so before anything is changed.
        _Masking(schema, snapshot).changes_data(find_revision(snapshot, number).changes)
    words = ["esmith", "undo", *(["--force"] if force else []), str(number)]
    try:
        changes = undo(store, number, Author.current(words), force=force)
    except StoreError as error:
        error.add_unchanged()
        raise
    with store.snapshot() as snapshot:
        print_report(map(_change_line, _Masking(schema, snapshot).changes_data(changes)))
    if not changes:
        print_report([f"nothing to do: everything is as it was before revision {number}"])
    return 0


def _is_about(revision: Revision, database: str | None, key: str | None) -> bool:
    """Return whether a revision changed a database and a record, or has forgotten values of them."""
    if not revision.changes:
        return all(name in (None, *revision.author.command) for name in (database, key))
    return any(database in (None, change.database) and key in (None, change.key) for change in revision.changes)


class _Masking:
    """Turns revisions into what may be shown: the values of secret properties are masked, also in the command.

    :param schema: what says which they are.
    :param snapshot: the databases now.
    """

    def __init__(self, schema: Schema, snapshot: Snapshot) -> None:
        self._schema = schema
        self._snapshot = snapshot

    def revision_data(self, revision: Revision, *, most: int | None) -> dict[str, Any]:
        """Return a revision as it is shown.

        :param most: how many of its changes are needed; None for all. An import has a million.
        """
        author = revision.author
        with_props = {change.cell[:2] for change in revision.changes if change.prop}
        secrets = self._secrets(revision, with_props)
        return {
            "revision": revision.number,
            "time": shown_time(revision.time),
            "user": author.user,
            "sudo_user": author.sudo_user,
            "command": " ".join(_masked_word(word, secrets) for word in author.command),
            "changes": self._changes_data(revision.changes[:most], with_props),
        }

    def changes_data(self, changes: list[Change]) -> list[dict[str, Any]]:
        return self._changes_data(changes, {change.cell[:2] for change in changes if change.prop})

    def _changes_data(self, changes: list[Change], with_props: set[tuple[str, str]]) -> list[dict[str, Any]]:
        return [
            {
                "database": change.database,
                "key": change.key,
                "property": change.prop,
                "old": self._shown(change, change.old, with_props),
                "new": self._shown(change, change.new, with_props),
            }
            for change in changes
        ]

    def _shown(self, change: Change, value: str | None, with_props: set[tuple[str, str]]) -> str | None:
        if value == FORGOTTEN:
            return _FORGOTTEN
        return MASK if value and self._is_secret(change, value, with_props) else value

    def _secrets(self, revision: Revision, with_props: set[tuple[str, str]]) -> set[str]:
        """Return the values to mask in a command, as they are written there; also those it set to what they were."""
        words = revision.author.command
        text = "\0".join(words)
        found = {
            printable(value)
            for change in revision.changes
            for value in (change.old, change.new)
            # Whether it is a secret is asked only of what the command shows.
            if value and _may_hold(text, value) and value != FORGOTTEN and self._is_secret(change, value, with_props)
        }
        for database, key in self._different({change.cell[:2] for change in revision.changes}, words):
            pairs = zip(words, words[1:], strict=False)
            found |= {value for prop, value in pairs if self._schema.may_be_secret(database, key, prop, value)}
        return found - {FORGOTTEN}

    def _different(self, records: set[tuple[str, str]], words: list[str]) -> list[tuple[str, str]]:
        """Return the records whose properties may be secrets for different reasons: one of all without a schema file.

        :param words: of a command; where one of them is empty the name of the record counts as well.
        """
        if "" in words:
            return list(records)
        kinds = {
            (database, key if self._schema.file(database, key) is not None else ""): (database, key)
            for database, key in records
        }
        return list(kinds.values())

    def _is_secret(self, change: Change, value: str, with_props: set[tuple[str, str]]) -> bool:
        database, key, prop = change.cell
        if not prop:
            record = self._snapshot.record(database, key)
            if (database, key) in with_props or (record is not None and record.props):
                return False  # a type, not the value of a record without properties
        return self._schema.may_be_secret(database, key, prop, value)


def _may_hold(text: str, value: str) -> bool:
    """Return whether a text may hold a value as it is shown, which is otherwise where it is not printable."""
    return value in text or not value.isprintable()


def _masked_word(word: str, secrets: set[str]) -> str:
    """Return a word of a command as it is shown: masked as a whole, or where it holds a secret."""
    if word in secrets:
        return MASK
    for secret in sorted(filter(is_findable, secrets), key=len, reverse=True):
        word = word.replace(secret, MASK)
    return word.replace(FORGOTTEN, _FORGOTTEN)


def _revision_lines(data: dict[str, Any], more: int) -> list[str]:
    """Return the lines that show a revision.

    :param more: how many changes it has besides those that are shown.
    """
    who = f"{data['user']} (sudo by {data['sudo_user']})" if data["sudo_user"] else data["user"]
    head = f"revision {data['revision']}  {data['time']}  {who}  {data['command']}"
    lines = [head, *(f"    {_change_line(change)}" for change in data["changes"])]
    if more:
        lines.append(f"    ... and {more} more (--json shows all)")
    return lines


def _change_line(change: dict[str, Any]) -> str:
    name = " ".join(part for part in (change["database"], change["key"], change["property"]) if part)
    return f"{name}: {_value(change['old'])} -> {_value(change['new'])}"


def _value(value: str | None) -> str:
    return "(none)" if value is None else value or "(empty)"
