"""``esmith fleet signal``: an event on several servers."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.program import root_option
from esmith.errors import UsageError


@click.command("signal")
@click.argument("event", metavar="EVENT")
@click.argument("hosts", nargs=-1, metavar="[HOST...]")
@click.option("--wait", type=click.IntRange(0, 3600), default=60, show_default=True, help="For answers, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@root_option
@click.pass_obj
def signal_command(root: str | None, /, **given: Any) -> int:
    """Signal an event on the servers of the fleet, or on those named, and show how it ended on each.

    The exit code is 1 when it failed somewhere, or a server has not answered.

    \b
    Examples:
      esmith fleet signal email-update
      esmith fleet signal email-update mail2 mail3 --wait 120
    """
    raise UsageError("not there yet")
