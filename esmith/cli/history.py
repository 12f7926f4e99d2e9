"""``esmith history``: what was changed, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import click

from esmith.cli.changed_settings import change_line
from esmith.cli.colour import Style, styled, table
from esmith.cli.json_output import json_text
from esmith.cli.output import print_parts, print_report
from esmith.cli.program import color_option, root_option
from esmith.layout import Layout
from esmith.names import is_number
from esmith.schema.load import Schema
from esmith.schema.masking import Masking
from esmith.store import open_store
from esmith.store.journal import Entry


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
    """Show who changed which settings, the newest change first.

    \b
    Examples:
      esmith history --limit 5
      esmith history --database accounts --key alice
    """
    layout = Layout.chosen(root)
    with open_store(layout).snapshot() as snapshot:
        masking = Masking(Schema(layout), snapshot)
        chosen = islice((entry for entry in snapshot.journal() if _is_about(entry, database, key)), limit or None)
        if as_json:
            print_parts(_json_parts(masking, chosen))
        else:
            # All before the first is printed: less than a screen of each.
            print_report(_lines([(masking.revision_data(entry), entry.count) for entry in chosen]))
    return 0


def _json_parts(masking: Masking, entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the JSON list of revisions, as it would be of all at once."""
    between = ""
    yield "["
    for entry in entries:
        data = json_text({**_fleet_data(entry), **masking.revision_data(entry, most=0)})
        yield between + data.removesuffix("]}")
        between_changes = ""
        for change in masking.changes_data(entry, entry):
            yield between_changes + json_text(change)
            between_changes = ", "
        yield "]}"
        between = ", "
    yield "]\n"


def _fleet_data(entry: Entry) -> dict[str, int]:
    """Return which fleet revision a revision is of, as the last word of its command says; nothing for one of none."""
    last = entry.author.command[-1:]
    number = last[0].removeprefix("(fleet ").removesuffix(")") if last else ""
    return {"fleet": int(number)} if last == [f"(fleet {number})"] and is_number(number) else {}


def _is_about(entry: Entry, database: str | None, key: str | None) -> bool:
    """Return whether a revision changed a database and a record, or has forgotten values of them."""
    if not entry.count:
        return all(name in (None, *entry.author.command) for name in (database, key))
    return (database is None and key is None) or entry.is_about(database, key)


def who(user: str, sudo_user: str) -> str:
    """Return who did something, as it is shown."""
    return f"{user} (sudo by {sudo_user})" if sudo_user else user


def _lines(revisions: list[tuple[dict[str, Any], int]]) -> list[str]:
    """Return the lines that show revisions: their heads are a table, their changes stand below each.

    :param revisions: each with how many changes it has, also those that are not shown.
    """
    heads = table(
        [
            styled(f"revision {data['revision']}", Style.HEADING),
            data["time"],
            who(data["user"], data["sudo_user"]),
            data["command"],
        ]
        for data, _ in revisions
    )
    lines = []
    for head, (data, count) in zip(heads, revisions, strict=True):
        lines += [head, *(f"    {change_line(change)}" for change in data["changes"])]
        more = count - len(data["changes"])
        lines += [f"    ... and {more} more (--json shows all)"] if more else []
    return lines
