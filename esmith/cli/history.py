"""``esmith history`` and ``esmith undo``: what was changed, by whom, and back again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import click

from esmith.cli.colour import Style, styled
from esmith.cli.json_output import json_text
from esmith.cli.masking import Masking
from esmith.cli.output import print_parts, print_report
from esmith.cli.program import color_option, root_option
from esmith.errors import EsmithError, StoreError
from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.store import open_store
from esmith.store.journal import Entry
from esmith.store.model import Author
from esmith.store.undo import find_revision, undo


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
@color_option
@root_option
@click.pass_obj
def history_command(root: str | None, limit: int, database: str | None, key: str | None, as_json: bool) -> int:
    """Show who changed which settings, the newest change first."""
    layout = Layout.chosen(root)
    with open_store(layout).snapshot() as snapshot:
        masking = Masking(Schema(layout), snapshot)
        chosen = islice((entry for entry in snapshot.journal() if _is_about(entry, database, key)), limit or None)
        if as_json:
            print_parts(_json_parts(masking, chosen))
        else:
            # All before the first is printed: less than a screen of each.
            print_report(
                [line for entry in chosen for line in _revision_lines(masking.revision_data(entry), entry.count)]
            )
    return 0


def _json_parts(masking: Masking, entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the JSON list of revisions, as it would be of all at once."""
    between = ""
    yield "["
    for entry in entries:
        data = json_text(masking.revision_data(entry, most=0))
        yield between + data.removesuffix("]}")
        between_changes = ""
        for change in masking.changes_data(entry, entry):
            yield between_changes + json_text(change)
            between_changes = ", "
        yield "]}"
        between = ", "
    yield "]\n"


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
        changes = find_revision(snapshot, number).changes
        list(Masking(schema, snapshot).changes_data(changes, changes))
    words = ["esmith", "undo", *(["--force"] if force else []), str(number)]
    try:
        changes = undo(store, number, Author.current(words), force=force)
    except StoreError as error:
        error.add_unchanged()
        raise
    with store.snapshot() as snapshot:
        print_report(map(change_line, Masking(schema, snapshot).changes_data(changes, changes)))
    if not changes:
        print_report([f"nothing to do: everything is as it was before revision {number}"])
    return 0


def _is_about(entry: Entry, database: str | None, key: str | None) -> bool:
    """Return whether a revision changed a database and a record, or has forgotten values of them."""
    if not entry.count:
        return all(name in (None, *entry.author.command) for name in (database, key))
    return (database is None and key is None) or entry.is_about(database, key)


def _revision_lines(data: dict[str, Any], count: int) -> list[str]:
    """Return the lines that show a revision.

    :param count: how many changes it has, also those that are not shown.
    """
    more = count - len(data["changes"])
    who = f"{data['user']} (sudo by {data['sudo_user']})" if data["sudo_user"] else data["user"]
    number = data["revision"]
    head = f"{styled(f'revision {number}', Style.HEADING)}  {data['time']}  {who}  {data['command']}"
    lines = [head, *(f"    {change_line(change)}" for change in data["changes"])]
    if more:
        lines.append(f"    ... and {more} more (--json shows all)")
    return lines


def change_line(change: dict[str, Any]) -> str:
    """Return the line that shows a change, as :class:`esmith.cli.masking.Masking` gives it."""
    name = " ".join(part for part in (change["database"], change["key"], change["property"]) if part)
    return f"{name}: {styled(_value(change['old']), Style.REMOVED)} -> {styled(_value(change['new']), Style.ADDED)}"


def _value(value: str | None) -> str:
    return "(none)" if value is None else value or "(empty)"
