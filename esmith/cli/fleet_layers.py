"""``esmith fleet push``, ``drop`` and ``resync``: settings of this server against those of the fleet."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.program import root_option
from esmith.errors import UsageError

_SETTING = "[DATABASE KEY [PROP]]"


@click.command("push")
@click.argument("setting", nargs=-1, metavar=_SETTING)
@root_option
@click.pass_obj
def push_command(root: str | None, /, **given: Any) -> int:
    """Give the fleet what was set for this server alone: a setting, a record, or all that was set with --local.

    The layer that the value hides here gets it.

    \b
    Examples:
      esmith fleet push
      esmith fleet push configuration qpsmtpd DNSBL
    """
    raise UsageError("not there yet")


@click.command("drop")
@click.argument("setting", nargs=-1, metavar=_SETTING)
@root_option
@click.pass_obj
def drop_command(root: str | None, /, **given: Any) -> int:
    """Have the fleet's value show again, in the place of what was set for this server alone.

    Without words: of all that was set with --local.

    \b
    Examples:
      esmith fleet drop
      esmith fleet drop configuration qpsmtpd DNSBL
    """
    raise UsageError("not there yet")


@click.command("resync")
@click.option("--dry-run", is_flag=True, help="Show what would change here, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@root_option
@click.pass_obj
def resync_command(root: str | None, /, **given: Any) -> int:
    """Take the journal in etcd for the truth, and make the shared settings of this server again from it.

    For a server that stopped at a row, or after etcd was restored from a backup. What would change is shown first.

    \b
    Examples:
      esmith fleet resync --dry-run
      esmith fleet resync
    """
    raise UsageError("not there yet")
