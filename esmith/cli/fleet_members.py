"""``esmith fleet invite``, ``leave``, ``remove`` and ``groups``: which servers are members, and of what."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.program import root_option
from esmith.errors import UsageError


@click.command("invite")
@click.argument("host", metavar="HOST")
@click.option("--groups", metavar="GROUP,...", default="", help="The groups it will be in, the nearest first.")
@click.option(
    "--hours", type=click.IntRange(1, 24 * 30), default=24, show_default=True, help="How long it may be used."
)
@root_option
@click.pass_obj
def invite_command(root: str | None, /, **given: Any) -> int:
    """Print the token with which another server joins as HOST: a secret, to be used once.

    It needs the authority's key, so it is run on the fleet's first server.

    \b
    Examples:
      esmith fleet invite mail2 --groups mx > token
      esmith fleet invite mail2 | ssh root@mail2 esmith fleet join --yes
    """
    raise UsageError("not there yet")


@click.command("leave")
@click.option("--here", is_flag=True, help="Leave without etcd, which does not answer.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def leave_command(root: str | None, /, **given: Any) -> int:
    """Leave the fleet: the settings stay as they are now, and are this server's own from then on.

    \b
    Example:
      esmith fleet leave
    """
    raise UsageError("not there yet")


@click.command("remove")
@click.argument("host", metavar="HOST")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def remove_command(root: str | None, /, **given: Any) -> int:
    """Remove a server from the fleet, with its account in etcd: one that is lost, or stolen.

    It is run on the fleet's first server. The server that is removed keeps its settings, and gets no more.

    \b
    Example:
      esmith fleet remove mail2
    """
    raise UsageError("not there yet")


@click.command("groups")
@click.argument("hosts", nargs=-1, metavar="[HOST...]")
@click.option("--set", "groups", metavar="GROUP,...", help="Be in these from now on, the nearest first; '' for none.")
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
@root_option
@click.pass_obj
def groups_command(root: str | None, /, **given: Any) -> int:
    """List the servers of the fleet with their groups, or change the groups of this server.

    \b
    Examples:
      esmith fleet groups
      esmith fleet groups --set mx,berlin
    """
    raise UsageError("not there yet")
