"""``esmith generations`` and ``rollback``: what was installed, and back again."""

from __future__ import annotations

import click

from esmith.apply.generations import Generation, list_generations
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, shown_time, warn
from esmith.cli.program import root_option
from esmith.events.derive import require_made
from esmith.events.rollback import roll_back
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.names import counted
from esmith.store import open_store


@click.command("generations")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@root_option
@click.pass_obj
def generations_command(root: str | None, as_json: bool) -> int:
    """List the last installs of generated files, the newest first."""
    with open_store(Layout.chosen(root)).snapshot() as snapshot:
        found = list_generations(snapshot)
    if as_json:
        data = [_data(generation) for generation in found]
        print_lines([json_text(data)])
        return 0
    for generation in found:
        print_report([_line(generation), *(f"    {before.path}" for before in generation.before)])
    return 0


@click.command("rollback")
@click.argument("number", type=int, required=False)
@root_option
@click.pass_obj
def rollback_command(root: str | None, number: int | None) -> int:
    """Go back to generation NUMBER: its files, and the settings they were made from. Default: the one before the last.

    The services that read the files are reloaded or restarted.
    """
    layout = Layout.chosen(root)
    session = Session(layout, open_store(layout, write=True), warn)
    back = roll_back(session, number)
    for cell in back.forgotten:
        name = " ".join(part for part in cell if part)
        warn(f"{name}: stays as it is, because its value of then was forgotten")
    services = [f"service {name}: {' '.join(actions)}" for name, actions in back.services.items()]
    files, settings = counted(len(back.paths), "file"), counted(len(back.changes), "setting")
    print_report([*back.paths, *services, f"{files} and {settings} restored"])
    require_made(session)
    return 0


def _line(generation: Generation) -> str:
    when = shown_time(generation.time)
    state = "" if generation.complete else ", interrupted"
    files = counted(len(generation.before), "file")
    return f"generation {generation.number}  {when}  {generation.what}  revision {generation.revision}, {files}{state}"


def _data(generation: Generation) -> dict[str, object]:
    return {
        "generation": generation.number,
        "time": shown_time(generation.time),
        "command": generation.what,
        "revision": generation.revision,
        "complete": generation.complete,
        "files": [before.path for before in generation.before],
    }
