"""``esmith contrib``: which parts of a contrib of SME Server would not work here."""

from __future__ import annotations

import dataclasses

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import root_option
from esmith.contrib.check import check_contrib
from esmith.contrib.place import FAILS, Finding
from esmith.contrib.verdict import WORKS
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.store import open_store


@click.command("contrib")
@click.argument("action", metavar="check", type=click.Choice(["check"]), expose_value=False)
@click.argument("directory", metavar="DIR")
@click.option("--rehearse", is_flag=True, help="Also run its fragments, in a copy of the root's files; no action.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def contrib_command(root: str | None, directory: str, rehearse: bool, as_json: bool) -> int:
    """Show what would not work of the contrib of SME Server in DIR under the root, and what its events would do.

    Nothing is changed. DIR holds the tree to copy: root/etc/e-smith or etc/e-smith. The exit code is 4 when something
    would not work.

    \b
    Example:
      esmith contrib check /root/smeserver-mailstats-1.1
    """
    layout = Layout.chosen(root)
    verdict = check_contrib(directory, layout, open_store(layout), rehearses=rehearse)
    if as_json:
        print_lines([json_text(verdict.data())])
    else:
        print_report([*map(_shown, verdict.findings), *verdict.lines()], cures=True)
    return ExitCode.OK if verdict.word == WORKS else ExitCode.TEMPLATE


def _shown(finding: Finding) -> str:
    note = dataclasses.replace(finding, message=f"note: {finding.message}")
    return finding.text if finding.kind == FAILS else note.text
