"""``esmith fleet``: several servers that share settings over etcd, one function a subcommand (docs/fleet.md)."""

from __future__ import annotations

import click

from esmith.cli.groups import Imported
from esmith.cli.program import root_option

#: The subcommands; see :class:`esmith.cli.groups.Imported`.
_MODULES = {
    "certificates": "fleet.setup",
    "init": "fleet.setup",
    "invite": "fleet.members",
    "join": "fleet.join",
    "leave": "fleet.members",
    "remove": "fleet.members",
    "groups": "fleet.members",
    "status": "fleet.status",
    "history": "fleet.status",
    "push": "fleet.layers",
    "drop": "fleet.layers",
    "resync": "fleet.layers",
    "signal": "fleet.signal",
    "agent": "fleet.agent",
}


class _Subcommands(Imported):
    """What there is to do with a fleet."""

    modules = _MODULES
    headings = {
        "Set up, join and leave": ("certificates", "init", "invite", "join", "leave", "remove", "agent"),
        "Look": ("status", "history", "groups"),
        "Change": ("signal", "push", "drop", "resync"),
    }


@click.group("fleet", cls=_Subcommands)
@root_option
def fleet_command() -> None:
    """Share settings between several servers: set up a fleet, join it, look at it.

    etcd keeps what is shared. Each server has its own databases and goes on without etcd.

    \b
    Examples:
      esmith fleet status
      esmith fleet invite mail2
      esmith fleet join --token-file /root/token --dry-run
    """


def subcommands() -> dict[str, click.Command]:
    """Return all subcommands by name."""
    context = click.Context(fleet_command)
    found = {name: fleet_command.get_command(context, name) for name in fleet_command.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}
