"""``esmith services``: what each service should be doing, what it does, and its pending action."""

from __future__ import annotations

from typing import Any

import click

from esmith.cli.colour import Style, styled
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report
from esmith.cli.program import color_option, root_option
from esmith.layout import Layout
from esmith.services.rivals import TAKE_OVER
from esmith.status.services import services_data
from esmith.store import open_store


@click.command("services")
@click.option("--all", "with_all", is_flag=True, help="Also those that no supervisor knows.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@color_option
@root_option
@click.pass_obj
def services_command(root: str | None, with_all: bool, as_json: bool) -> int:
    """Show what each service should be doing, what it does, and its pending action.

    \b
    Examples:
      esmith services
      esmith services --json
    """
    layout = Layout.chosen(root)
    with open_store(layout).snapshot() as snapshot:
        found = services_data(layout, snapshot, with_all=with_all)
    if as_json:
        print_lines([json_text(found)])
    else:
        print_report(services_lines(found) or ["none is supervised under this root"], cures=True)
    return 0


def services_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines that show services to people."""
    lines = []
    for name, data in found.items():
        state = styled(data["state"] or "not supervised", _style(data["wanted"], data["state"]))
        lines.append(f"service {name}: wanted {data['wanted']}, is {state}")
        if "pending" in data:
            due = data["pending"]
            actions = " ".join(due["actions"]) or "stop"
            lines.append(f"  pending since {due['since']}: {actions} (by {due['command']})")
            if "ending" in due:
                lines.append(_ending_line(due["ending"]))
        if "rivals" in data:
            lines += [f"  {rival}" for rival in data["rivals"]]
            lines += cure_lines("stop it, and keep it from starting", [TAKE_OVER])
        for holder in data.get("holders", []):
            lines.append(f"  {holder['found']}")
            lines += cure_lines("end it", holder["commands"])
        if "missing" in data:
            missing = data["missing"]
            lines.append(f"  {missing['program']} is not installed: {missing['without']}")
            lines += cure_lines("install it", missing["commands"])
        if "not_started" in data:
            lines.append(f"  nothing starts it: {data['not_started']['without']}")
            lines += cure_lines("write its service directory", data["not_started"]["commands"])
        for useless in data.get("useless", []):
            lines.append(f"  of no use: {useless['means']}: {useless['found']}")
            if useless["log"]:
                lines += ["  its log ends with:", *(f"    {line}" for line in useless["log"])]
            if useless["commands"]:
                lines += cure_lines("cure it", useless["commands"])
    return lines


def _style(wanted: str, state: str) -> str:
    """Return how the state of a service is shown: whether it is the one that is wanted."""
    word = state.partition(" ")[0]
    if word in ("up", "finished"):
        return Style.GOOD if wanted == "up" else Style.WARNING
    if word == "down":
        return Style.DIM if wanted == "down" else Style.BAD
    return Style.DIM if wanted == "down" and not state else Style.WARNING


def cure_lines(what: str, commands: list[str]) -> list[str]:
    """Return the lines that show the commands which do something."""
    return [f"  to {what}:", *(f"    {command}" for command in commands)]


def _ending_line(ending: dict[str, Any]) -> str:
    if ending["overdue"]:
        return f"  it was asked to end at {ending['since']} and has not, which takes too long; its log says why"
    return f"  it was asked to end at {ending['since']}, and does when {ending['until']}"
