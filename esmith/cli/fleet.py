"""``esmith fleet``: several servers that share settings over etcd, one function a subcommand (docs/fleet.md)."""

from __future__ import annotations

from importlib import import_module

import click

from esmith.cli.groups import Sentences
from esmith.cli.program import root_option

#: The subcommands, each with its module in this package. There the function for ``NAME`` is ``NAME_command``.
_MODULES = {
    "certificates": "fleet_setup",
    "init": "fleet_setup",
    "invite": "fleet_members",
    "join": "fleet_join",
    "leave": "fleet_members",
    "remove": "fleet_members",
    "groups": "fleet_members",
    "status": "fleet_status",
    "history": "fleet_status",
    "push": "fleet_layers",
    "drop": "fleet_layers",
    "resync": "fleet_layers",
    "signal": "fleet_signal",
    "agent": "fleet_agent",
}


class _Subcommands(Sentences):
    """A group that imports a subcommand when it is used."""

    headings = {
        "Set up, join and leave": ("certificates", "init", "invite", "join", "leave", "remove", "agent"),
        "Look": ("status", "history", "groups"),
        "Change": ("signal", "push", "drop", "resync"),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        """Return the names of the subcommands."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return a subcommand, None when there is none of that name."""
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"esmith.cli.{_MODULES[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


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
