"""``esmith fleet status`` and ``history``: how the servers of a fleet are, and what changed in it."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.program import root_option
from esmith.errors import UsageError


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@root_option
@click.pass_obj
def status_command(root: str | None, /, **given: Any) -> int:
    """Show the servers of the fleet and those of etcd, and what is wrong with them, each with its cure.

    It also works while etcd does not answer: then from what this server knows. The exit code is 13 when something
    is wrong.

    \b
    Example:
      esmith fleet status
    """
    raise UsageError("not there yet")


@click.command("history")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, at most.")
@click.option("--json", "as_json", is_flag=True, help="Print a list.")
@root_option
@click.pass_obj
def history_command(root: str | None, /, **given: Any) -> int:
    """Show the journal of the fleet, the newest first: which server, who, which command.

    \b
    Example:
      esmith fleet history -n 5
    """
    raise UsageError("not there yet")
