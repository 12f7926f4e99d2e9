"""``esmith diff``: what installs changed."""

from __future__ import annotations

import click

from esmith.apply.compare import compare, shown
from esmith.cli.colour import styled_diff
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines
from esmith.cli.program import color_option, root_option
from esmith.layout import Layout
from esmith.names import is_number
from esmith.plan.diff import hidden
from esmith.schema.load import Schema
from esmith.store import open_store


@click.command("diff")
@click.argument("words", nargs=-1, metavar="[N] [M] [PATH]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@color_option
@root_option
@click.pass_obj
def diff_command(root: str | None, words: tuple[str, ...], as_json: bool) -> int:
    """Show how generated files changed from generation N to M, as a unified diff.

    Default: from the one before the last to the files as they are now. PATH shows that file only.

    \b
    Examples:
      esmith diff
      esmith diff 12 /etc/clamd.conf
      esmith diff 12 15
    """
    numbers = [int(word) for word in words if is_number(word)]
    paths = [word for word in words if word.startswith("/")]
    if len(numbers) + len(paths) != len(words) or len(numbers) > 2 or len(paths) > 1:
        raise click.UsageError("give at most two numbers of generations and one absolute path")
    first, last = [*numbers, None, None][:2]
    layout = Layout.chosen(root)
    with open_store(layout).snapshot() as snapshot:
        compared = compare(layout, snapshot, first, last, *paths)
        diffs = shown(compared, snapshot, Schema(layout))
    if as_json:
        print_lines([json_text([_data(path, lines) for path, lines in diffs.items()])])
    else:
        print_lines(styled_diff([line for lines in diffs.values() for line in lines]))
    return 0


def _data(path: str, lines: list[str]) -> dict[str, object]:
    is_hidden = lines == [hidden(path)]
    return {"path": path, "secret": is_hidden, "diff": [] if is_hidden else lines}
