"""``esmith contrib``: which parts of a contrib of SME Server would not work here."""

from __future__ import annotations

import dataclasses

import click

from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import root_option
from esmith.contrib.check import check_contrib
from esmith.contrib.place import FAILS, Finding
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.names import counted
from esmith.store import open_store


@click.command("contrib")
@click.argument("action", metavar="check", type=click.Choice(["check"]), expose_value=False)
@click.argument("directory", metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@root_option
@click.pass_obj
def contrib_command(root: str | None, directory: str, as_json: bool) -> int:
    """Show which parts of the contrib of SME Server in DIR would not work under the root, and why. Nothing is changed.

    DIR holds the tree to copy: root/etc/e-smith or etc/e-smith. The exit code is 4 when something would not work.
    """
    layout = Layout.chosen(root)
    with open_store(layout).snapshot() as snapshot:
        findings = check_contrib(directory, layout, snapshot)
    failures = sum(finding.kind == FAILS for finding in findings)
    if as_json:
        print_lines([json_text([dataclasses.asdict(finding) for finding in findings])])
    else:
        print_report(map(_shown, findings), cures=True)
        print_report([f"{counted(failures, 'thing')} would not work" if failures else "all of it would work"])
    return ExitCode.TEMPLATE if failures else ExitCode.OK


def _shown(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return f"{place}: {finding.message}" if finding.kind == FAILS else f"{place}: note: {finding.message}"
