"""``esmith generations``, ``rollback`` and ``recover``: what was installed, and back again."""

from __future__ import annotations

import json
import time

import click

from esmith.apply.generations import Generation, list_generations, recover
from esmith.cli.output import print_lines
from esmith.cli.program import root_option, warn
from esmith.events.lock import LOCK_TIMEOUT, EventLock
from esmith.events.rollback import roll_back
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
        print_lines([json.dumps(data, ensure_ascii=False)])
        return 0
    for generation in found:
        print_lines([_line(generation), *(f"    {before.path}" for before in generation.before)])
    return 0


@click.command("rollback")
@click.argument("number", type=int, required=False)
@root_option
@click.pass_obj
def rollback_command(root: str | None, number: int | None) -> int:
    """Go back to generation NUMBER: its files, and the settings they were made from. Default: the one before the last.

    Services are not adjusted; signal the event afterwards, with --restart, for those that must read the files again.
    """
    layout = Layout.chosen(root)
    store = open_store(layout, write=True)
    with EventLock(layout, "esmith rollback", timeout=LOCK_TIMEOUT, say=warn):
        paths, changes = roll_back(layout, store, number)
    print_lines([*paths, f"{counted(len(paths), 'file')} and {counted(len(changes), 'setting')} set back"])
    return 0


@click.command("recover")
@root_option
@click.pass_obj
def recover_command(root: str | None) -> int:
    """Put back what an interrupted event changed. The next event does it by itself; run this after a crash."""
    layout = Layout.chosen(root)
    store = open_store(layout, write=True)
    with EventLock(layout, "esmith recover", timeout=LOCK_TIMEOUT, say=warn):
        notes = recover(layout, store)
    print_lines(notes or ["nothing was interrupted"])
    return 0


def _line(generation: Generation) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(generation.time))
    state = "" if generation.complete else ", interrupted"
    files = counted(len(generation.before), "file")
    return f"generation {generation.number}  {when}  {generation.what}  revision {generation.revision}, {files}{state}"


def _data(generation: Generation) -> dict[str, object]:
    return {
        "generation": generation.number,
        "time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(generation.time)),
        "command": generation.what,
        "revision": generation.revision,
        "complete": generation.complete,
        "files": [before.path for before in generation.before],
    }
