"""``esmith fleet agent``: the process that keeps a server in step with its fleet."""

from __future__ import annotations

import click

from esmith.cli.program import root_option
from esmith.layout import Layout


@click.command("agent")
@root_option
@click.pass_obj
def agent_command(root: str | None, /) -> int:
    """Keep this server in step with its fleet until it gets TERM; the service esmith-fleet starts it.

    It applies what others change, sends what is changed here, and says how this server is.

    \b
    Example:
      esmith fleet agent
    """
    from esmith.fleet.agent.running import run_agent

    return run_agent(Layout.chosen(root))
