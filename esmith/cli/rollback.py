"""``esmith rollback``: back to an earlier generation, its files and the settings that they were made from."""

from __future__ import annotations

import click

from esmith.apply.compare import Compared, compare, shown
from esmith.cli.agreement import agrees, may_ask
from esmith.cli.changed_settings import change_lines
from esmith.cli.colour import styled_diff
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.program import color_option, root_option
from esmith.errors import UsageError
from esmith.events.affected import TemplateUse
from esmith.events.applying import events_for
from esmith.events.derive import require_made
from esmith.events.earlier import Earlier, find_earlier
from esmith.events.recover import find_interrupted
from esmith.events.rollback import RolledBack, roll_back
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import shell_word
from esmith.schema.load import Schema
from esmith.status.generations import earlier_data
from esmith.store import open_store
from esmith.store.protocol import Snapshot, Store


@click.command("rollback")
@click.argument("number", type=int, required=False)
@click.option("--files-only", is_flag=True, help="Leave the settings as they are; the next event uses them.")
@click.option("--dry-run", is_flag=True, help="Only show what would be set back.")
@click.option("--diff", "with_diff", is_flag=True, help="With --dry-run: show how each file would change.")
@click.option("--yes", is_flag=True, help="Do not ask at a terminal when more than the last change is set back.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: print a JSON object.")
@color_option
@root_option
@click.pass_obj
def rollback_command(
    root: str | None, number: int | None, files_only: bool, dry_run: bool, with_diff: bool, yes: bool, as_json: bool
) -> int:
    """Go back to generation NUMBER: its files, and the settings they were made from. Default: the one before the last.

    Settings that none of these files read stay as they are. The services that read the files are reloaded or restarted.

    \b
    Examples:
      esmith rollback --dry-run --diff
      esmith rollback
    """
    if (with_diff or as_json) and not dry_run:
        raise UsageError("--diff and --json are for --dry-run", hint="esmith rollback --dry-run --diff")
    layout = Layout.chosen(root)
    store = open_store(layout, write=not dry_run)
    if dry_run:
        return _show(layout, store, number, files_only=files_only, with_diff=with_diff, as_json=as_json)
    agreed = None
    if not yes and may_ask():
        with store.snapshot() as snapshot:
            agreed = find_earlier(layout, snapshot, number, files_only=files_only)
            asks = _touches_more(agreed, snapshot)
            lines = _lines(agreed, layout, snapshot)
        if asks:
            print_report(lines)
            if not agrees("More than the last change would be set back. Go back?"):
                return 1
        else:
            agreed = None
    session = Session(layout, store, warn)
    back = roll_back(session, number, files_only=files_only, shown=agreed)
    _report(layout, store, back, files_only=files_only)
    require_made(session)
    return 0


def _touches_more(earlier: Earlier, snapshot: Snapshot) -> bool:
    """Return whether more than the last generation, or settings of more than one revision, would be set back."""
    if len(earlier.later) > 1:
        return True
    cells, count = earlier.cells, 0
    for revision in snapshot.revisions() if cells else ():
        if count > 1 or revision.number <= earlier.revision:
            break
        count += any(change.cell in cells for change in revision.changes)
    return count > 1


def _show(layout: Layout, store: Store, number: int | None, *, files_only: bool, with_diff: bool, as_json: bool) -> int:
    for generation in find_interrupted(layout, store)[1]:
        warn(f"{generation.what} was interrupted, so its old files are restored first: esmith recover")
    with store.snapshot() as snapshot:
        earlier = find_earlier(layout, snapshot, number, files_only=files_only)
        if as_json:
            print_lines([json_text(earlier_data(earlier, layout, snapshot))])
            return 0
        if with_diff:
            later = compare(layout, snapshot, earlier.number, None)
            back = [Compared(one.path, one.new, one.old) for one in later]
            diffs = shown(back, snapshot, Schema(layout))
            print_lines(styled_diff([line for lines in diffs.values() for line in lines]))
        lines = _lines(earlier, layout, snapshot)
        follow = _again_lines(layout, snapshot, earlier.templates) if files_only else []
    files, settings = counted(len(earlier.paths), "file"), counted(len(earlier.changes), "setting")
    print_report([*lines, *follow, f"{files} and {settings} would be restored"], cures=True)
    return 0


def _lines(earlier: Earlier, layout: Layout, snapshot: Snapshot) -> list[str]:
    """Return the lines of all that would be set back."""
    lines = [*earlier.paths, *change_lines(layout, snapshot, earlier.changes)]
    lines += [f"service {name}: {' '.join(actions)}" for name, actions in earlier.services.items()]
    lines += [_forgotten_line(cell) for cell in earlier.forgotten]
    return [*lines, *_unknown_lines(earlier.unknown)]


def _report(layout: Layout, store: Store, back: RolledBack, *, files_only: bool) -> None:
    for cell in back.forgotten:
        warn(_forgotten_line(cell))
    for line in _unknown_lines(back.unknown):
        warn(line)
    services = [f"service {name}: {' '.join(actions)}" for name, actions in back.services.items()]
    with store.snapshot() as snapshot:
        changes = change_lines(layout, snapshot, back.changes, is_sure=False)
        follow = _again_lines(layout, snapshot, back.templates) if files_only else []
    files, settings = counted(len(back.paths), "file"), counted(len(back.changes), "setting")
    print_report([*back.paths, *changes, *services, *follow, f"{files} and {settings} restored"], cures=True)


def _forgotten_line(cell: tuple[str, str, str]) -> str:
    name = " ".join(part for part in cell if part)
    return f"{name}: stays as it is, because its value of then was forgotten"


def _unknown_lines(paths: list[str]) -> list[str]:
    if not paths:
        return []
    more = f" and of {counted(len(paths) - 1, 'other file')}" if len(paths) > 1 else ""
    return [f"what {paths[0]} was made from is not remembered{more}, so all settings go back"]


def _again_lines(layout: Layout, snapshot: Snapshot, templates: set[str]) -> list[str]:
    """Return the lines that say what makes the new files again when the settings stay."""
    events = events_for(templates, TemplateUse.of(layout, snapshot).events)
    return [
        f"the settings stay, so the next event makes the new files again: signal-event {shell_word(name)}"
        for name in events
    ] or ["the settings stay, so the next event makes the new files again"]
