"""``esmith generations``: what was installed, and by whom."""

from __future__ import annotations

import click

from esmith.apply.generations import Generation, list_generations
from esmith.cli.colour import Style, styled, table
from esmith.cli.history import who
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import color_option, root_option
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import shown_time
from esmith.status.generations import generation_data
from esmith.store import open_store

#: Of one install more files would hide the next one.
SHOWN_FILES = 20


@click.command("generations")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@color_option
@root_option
@click.pass_obj
def generations_command(root: str | None, as_json: bool) -> int:
    """List the last installs of generated files, the newest first: when, who signalled, and which files.

    Of each the first 20 files are shown; --json has all of them.

    \b
    Example:
      esmith generations | head
    """
    with open_store(Layout.chosen(root)).snapshot() as snapshot:
        found = list_generations(snapshot)
    if as_json:
        data = [generation_data(generation) for generation in found]
        print_lines([json_text(data)])
        return 0
    print_report(_lines(found))
    return 0


def _lines(found: list[Generation]) -> list[str]:
    """Return the lines of generations: their heads are a table, their files stand below each."""
    rows = []
    for generation in found:
        state = "" if generation.complete else ", interrupted"
        files = counted(len(generation.before), "file")
        rows.append(
            [
                styled(f"generation {generation.number}", Style.HEADING),
                shown_time(generation.time),
                who(generation.user, generation.sudo_user),
                generation.command or generation.what,
                f"revision {generation.revision}, {files}{state}",
            ]
        )
    if not any(generation.user for generation in found):
        rows = [[*row[:2], *row[3:]] for row in rows]
    lines = []
    for head, generation in zip(table(rows), found, strict=True):
        shown = generation.before[:SHOWN_FILES]
        lines += [head, *(f"    {before.path}" for before in shown)]
        more = len(generation.before) - len(shown)
        lines += [f"    ... and {more} more (--json shows all)"] if more else []
    return lines
