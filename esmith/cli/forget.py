"""``esmith forget``: take the former values of a property out of everything that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from esmith.apply.forget import is_base, is_draft
from esmith.cli.json_output import json_text
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.program import root_option
from esmith.errors import StoreError, UsageError
from esmith.events.forget import Forgotten, forget, rehearse_forgetting
from esmith.events.session import RecordingSession, Session
from esmith.layout import Layout
from esmith.names import counted
from esmith.schema.secrecy import LEAST_LENGTH, is_findable
from esmith.store import changing_file, open_store
from esmith.store.model import Author

#: More numbers of revisions nobody reads.
_SHOWN_REVISIONS = 10


@click.command("forget")
@click.argument("database")
@click.argument("key")
@click.argument("prop", metavar="[PROP]", required=False, default="")
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@root_option
@click.pass_obj
def forget_command(root: str | None, database: str, key: str, prop: str, dry_run: bool, as_json: bool) -> int:
    """Take every former value of a property out of the journal and whatever else is kept.

    The setting itself stays as it is. Without PROP the record is one without properties. Change a password first, and
    signal its event.

    \b
    Example:
      esmith forget configuration fetchmail SecondaryMailPassword
    """
    layout = Layout.chosen(root)
    if "/" in database:
        raise UsageError("a text file has no journal", place=database, hint="name a database, e.g. configuration")
    cell = (database, key, prop)
    if dry_run:
        session: Session = RecordingSession(layout, open_store(layout), warn)
        forgotten = rehearse_forgetting(session, cell)
        _show(layout, forgotten, _in_fleet(session, cell, forgotten), done=False, as_json=as_json)
        return 0
    words = ["esmith", "forget", *(word for word in cell if word)]
    session = Session(layout, open_store(layout, write=True), warn)
    forgotten = forget(session, cell, Author.current(words))
    _show(layout, forgotten, _in_fleet(session, cell, forgotten), done=True, as_json=as_json)
    _raise_what_is_left(layout, forgotten)
    return 0


def _in_fleet(session: Session, cell: tuple[str, str, str], forgotten: Forgotten) -> list[str]:
    """Return what a fleet keeps, which no server can take out; nothing on a server in no fleet."""
    with session.store.snapshot() as snapshot:
        if snapshot.state("fleet", "host") is None:
            return []
        from esmith.fleet.admin.former import find_in_fleet, fleet_lines

        values = {value for value in forgotten.former.values if is_findable(value)}
        return list(fleet_lines(find_in_fleet(session.layout, snapshot, cell, values)))


def _show(layout: Layout, forgotten: Forgotten, in_fleet: list[str], *, done: bool, as_json: bool) -> None:
    if as_json:
        print_lines([json_text(_data(layout, forgotten, in_fleet, done=done))])
        return
    print_report(_lines(layout, forgotten, in_fleet, done=done), cures=True)
    if not done:
        print_report(["nothing was changed"])


def _data(layout: Layout, forgotten: Forgotten, in_fleet: list[str], *, done: bool) -> dict[str, Any]:
    lines = [line.removeprefix("not reached: ") for line in _not_reached(layout, forgotten)]
    return {
        "done": done,
        "revisions": sorted(revision.number for revision in forgotten.former.revisions),
        "overwritten": dict(forgotten.overwritten),
        "generations": list(forgotten.generations),
        "not_reached": [*in_fleet, *lines],
    }


def _lines(layout: Layout, forgotten: Forgotten, in_fleet: list[str], *, done: bool) -> Iterator[str]:
    former = forgotten.former
    would_be = "" if done else "would be "
    numbers = sorted(revision.number for revision in former.revisions)
    shown = ", ".join(map(str, numbers[:_SHOWN_REVISIONS])) + (" ..." if len(numbers) > _SHOWN_REVISIONS else "")
    yield f"journal: {counted(len(numbers), 'revision')}{f' ({shown})' if numbers else ''}"
    for path, places in forgotten.overwritten.items():
        yield f"{path}: {counted(places, 'place')} {would_be}overwritten{_and_then(layout, path)}"
    if forgotten.generations:
        last = forgotten.generations[-1]
        text = f"generations up to {last}: {would_be}dropped, so 'esmith rollback' cannot go back to them"
        yield text if done else f"{text}; what they hold is lost"
    if forgotten.erased is not None and not (forgotten.erased.left or forgotten.erased.readers):
        yield "databases: free space overwritten"
    yield from (f"not reached: {line}" for line in in_fleet)
    yield from _not_reached(layout, forgotten)


def _and_then(layout: Layout, path: str) -> str:
    """Return what becomes of a file that is overwritten, where it does not just stay."""
    place = layout.under(path)
    if is_base(layout, place):
        return ", and it is removed: 'esmith overrides' says 'probably' of what was made from it"
    return "; look at this draft before you take anything from it" if is_draft(layout, place) else ""


def _not_reached(layout: Layout, forgotten: Forgotten) -> Iterator[str]:
    if forgotten.unsearched:
        number = counted(forgotten.unsearched, "value")
        yield f"not looked for in files: {number} shorter than {LEAST_LENGTH} characters, or that of a switch"
    for path in forgotten.in_place:
        yield f"not reached: {path} holds a former value; signal the event that makes it"
    for cell in sorted(forgotten.former.elsewhere):
        yield f"not reached: {' '.join(part for part in cell if part)} has or had the same value"
    for path in forgotten.packed:
        yield f"not reached: {path}, which is compressed"
    system = "the system log (syslog, journald), " if layout.is_machine else ""
    yield f"not reached: backups made before, {system}the history of your shell, and what the disk keeps of old files"


def _raise_what_is_left(layout: Layout, forgotten: Forgotten) -> None:
    erased = forgotten.erased
    if erased is None or not (erased.left or erased.readers):
        return
    hint = "run it again"
    reason = f"the free space of the databases still holds {counted(erased.left, 'value')}"
    if erased.readers:
        processes = ", ".join(map(str, erased.readers))
        reason = f"the free space of the databases may still hold values: older states are read by process {processes}"
        hint = "wait until it ends, or end it; then run this again"
    raise StoreError(reason, place=changing_file(layout), hint=hint)
