"""``esmith check``: have the installed files checked by the programs that read them."""

from __future__ import annotations

import sys

import click

from esmith.checks.installed import check_installed
from esmith.cli.colour import Style, styled
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.program import color_option, root_option
from esmith.cli.progress import Progress
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.names import counted
from esmith.plan.verdict import Outcome, Verdict
from esmith.status.verdicts import verdict_data
from esmith.store import open_store


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@color_option
@root_option
@click.pass_obj
def check_command(root: str | None, as_json: bool, paths: tuple[str, ...]) -> int:
    """Check the generated files as they are installed: those at PATH, by default all that have a check.

    The exit code is 10 when a file is refused. A file that cannot be checked is reported; it is not a failure.

    \b
    Examples:
      esmith check
      esmith check /etc/clamd.conf
    """
    layout = Layout.chosen(root)
    progress = Progress()
    try:
        with open_store(layout).snapshot() as snapshot:
            verdicts = check_installed(layout, snapshot, paths, count=progress.count)
    finally:
        progress.clear()
    if as_json:
        print_lines([json_text([verdict_data(verdict) for verdict in verdicts])])
    else:
        print_report((line for verdict in verdicts for line in _lines(verdict)), cures=True)
        if sys.stderr.isatty():
            warn(_summary(verdicts))
    refused = any(verdict.outcome is Outcome.REFUSED for verdict in verdicts)
    return ExitCode.CHECK if refused else ExitCode.OK


def _summary(verdicts: list[Verdict]) -> str:
    """Return how many files have which verdict, in one line."""
    counts = {one: sum(verdict.outcome is one for verdict in verdicts) for one in Outcome}
    return ", ".join(
        [counted(len(verdicts), "file"), *(f"{count} {one.value}" for one, count in counts.items() if count)]
    )


#: What each verdict means to whoever looks at many of them.
_STYLES = {Outcome.PASSED: Style.GOOD, Outcome.REFUSED: Style.BAD}


def _lines(verdict: Verdict) -> list[str]:
    reason = f": {verdict.reason}" if verdict.reason else ""
    outcome = styled(verdict.outcome.value, _STYLES.get(verdict.outcome, Style.WARNING))
    return [f"{verdict.path}: {outcome}{reason}", *(f"    {line}" for line in verdict.lines)]
