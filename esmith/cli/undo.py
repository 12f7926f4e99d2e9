"""``esmith undo``: what one revision changed, back again."""

from __future__ import annotations

import click

from esmith.cli.agreement import agrees, may_ask
from esmith.cli.changed_settings import change_lines, follow_lines
from esmith.cli.output import print_report, warn
from esmith.cli.program import color_option, root_option
from esmith.environment import layer_of_commands
from esmith.errors import EsmithError, StoreError
from esmith.events.following import Following, what_follows
from esmith.fields import replace
from esmith.layout import Layout
from esmith.repeating import repeat
from esmith.store import open_store
from esmith.store.model import Author, Change
from esmith.store.overlay import Overlay
from esmith.store.undo import undo, undo_in


@click.command("undo")
@click.argument("number", type=int)
@click.option("--force", is_flag=True, help="Also when a later revision changed the same property.")
@click.option("--dry-run", is_flag=True, help="Only show what would be set back, and which event makes files follow.")
@click.option("--yes", is_flag=True, help="Do not ask at a terminal when NUMBER is not the last revision.")
@color_option
@root_option
@click.pass_obj
def undo_command(root: str | None, number: int, force: bool, dry_run: bool, yes: bool) -> int:
    """Set what revision NUMBER changed back to what it was before; that is a revision of its own.

    Files follow with an event, which is named.

    \b
    Examples:
      esmith undo --dry-run 17
      esmith undo 17
    """
    layout = Layout.chosen(root)
    store = open_store(layout, write=not dry_run)
    if number == 1 and not force:
        raise EsmithError(
            "revision 1 made the databases, so to undo it deletes the settings",
            hint="'esmith history' lists the revisions; to undo it anyway: esmith undo --force 1",
        )
    with store.snapshot() as snapshot:
        tried = Overlay(snapshot)
        changes = undo_in(tried, number, force=force)
        # What a schema file that is broken makes fail must do so before anything is changed.
        lines = change_lines(layout, snapshot, changes)
        if dry_run:
            print_report(lines or [_nothing_to_do(number)])
        may_be_asked = not dry_run and bool(changes) and number != snapshot.revision() and not yes and may_ask()
    if may_be_asked:
        print_report(lines)
        if not agrees(f"Revision {number} is not the last one. Set this back?"):
            return 1
    # No snapshot is open now: it opens those it needs.
    follows = what_follows(layout, store, changes)
    if dry_run:
        print_report(_follow_lines(follows, changes), cures=True)
        return 0
    notes: list[str] = []
    words = ["esmith", "undo", *(["--force"] if force else []), str(number)]
    try:
        author, layer = Author.current(words), layer_of_commands()
        undone = repeat(layout, lambda: undo(store, number, author, force=force, layer=layer, notes=notes))
    except StoreError as error:
        error.add_unchanged()
        raise
    with store.snapshot() as snapshot:
        shown = change_lines(layout, snapshot, undone, is_sure=False)
    print_report(shown or [_nothing_to_do(number)])
    for note in notes:
        warn(note)
    if _new_values(undone) != _new_values(changes):
        # Somebody changed the settings since they were looked at.
        follows = replace(follows, is_exact=False)
    print_report(_follow_lines(follows, undone), cures=True)
    return 0


def _new_values(changes: list[Change]) -> set[tuple[tuple[str, str, str], str | None]]:
    return {(change.cell, change.new) for change in changes}


def _follow_lines(follows: Following, changes: list[Change]) -> list[str]:
    return follow_lines(follows) if changes else []


def _nothing_to_do(number: int) -> str:
    return f"nothing to do: everything is as it was before revision {number}"
