"""Having the agent of this server look at everything at once, after a command has changed what it depends on."""

from __future__ import annotations

from contextlib import suppress

from esmith.fleet.replica.asking import Agent, AgentAwayError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout


def wake(layout: Layout) -> None:
    """Have the agent look; where none runs, nothing has to."""
    with suppress(AgentAwayError, OSError, ValueError), Agent(layout.root) as agent:
        agent.ask({"verb": "look"})
