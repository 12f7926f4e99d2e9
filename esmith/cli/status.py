"""``esmith status``: what an administrator has to know first; then the databases, the files and the services."""

from __future__ import annotations

import click

from esmith.cli.colour import Style, styled
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import color_option, root_option
from esmith.cli.status_details import detail_lines
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.names import counted
from esmith.status.findings import BAD, Finding
from esmith.status.root import status_data


@click.command("status")
@click.option("-v", "--verbose", is_flag=True, help="Show also the databases, the services, and each file.")
@click.option("--check", "with_checks", is_flag=True, help="Have all files checked, those that would change as well.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@color_option
@root_option
@click.pass_obj
def status_command(root: str | None, verbose: bool, with_checks: bool, as_json: bool) -> int:
    """Show what is pending or wrong, each with its cure: settings that no event made effective, edited files, services.

    Nothing is changed. The exit code is 0 when nothing is pending, 13 when something is, and 12 when something belongs
    to others or may be written by them, so that no command reads or runs it.

    \b
    Examples:
      esmith status
      esmith status -v
    """
    layout = Layout.chosen(root)
    data = status_data(layout, with_checks=with_checks)
    if as_json:
        print_lines([json_text(data)])
    else:
        print_report(summary_lines(data["findings"]), cures=True)
        if verbose:
            print_report(["", *detail_lines(data)], cures=True)
    if data["untrusted"]:
        return ExitCode.UNTRUSTED
    return ExitCode.PENDING if data["findings"] else ExitCode.OK


def summary_lines(findings: list[Finding]) -> list[str]:
    """Return the first line, and a line for each finding."""
    if not findings:
        return [styled("nothing is pending", Style.GOOD)]
    is_bad = any(one["kind"] in BAD for one in findings)
    lines = [styled(f"{counted(len(findings), 'finding')}:", Style.BAD if is_bad else Style.WARNING)]
    for one in findings:
        kind = styled(one["kind"], Style.BAD if one["kind"] in BAD else Style.WARNING)
        lines.append(f"  {kind}: {one['message']}" + (f": {one['command']}" if one["command"] else ""))
    return lines
