"""``esmith fleet join``: becoming a member of a fleet."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.program import root_option
from esmith.errors import UsageError


@click.command("join")
@click.argument("token", metavar="[TOKEN]", required=False)
@click.option("--token-file", metavar="FILE", help="The file with the token; without it standard input is read.")
@click.option("--dry-run", is_flag=True, help="Show what would change here, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def join_command(root: str | None, /, **given: Any) -> int:
    """Join a fleet with a token of its first server. What would change here is shown first.

    A setting that the fleet has gets the fleet's value; what only this server has, and what belongs to one machine,
    stays. Interrupted, it is run again with the same token.

    \b
    Examples:
      esmith fleet join --token-file /root/token --dry-run
      esmith fleet join --token-file /root/token
    """
    raise UsageError("not there yet")
