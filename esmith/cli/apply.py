"""``config apply`` and ``db DATABASE apply``: settings as a file wants them (docs/commands.md#a-wanted-state)."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from esmith.cli.agreement import agrees, may_ask
from esmith.cli.arguments import COLOR_OPTION, Command, Option, SingleCommand
from esmith.cli.changed_settings import change_line
from esmith.cli.colour import choose, styled_diff
from esmith.cli.output import print_lines, print_report, warn
from esmith.cli.targets import LAYER_OPTIONS, layer_of, require_fleet
from esmith.environment import layer_of_commands
from esmith.errors import EsmithError, RefusedError, StoreError, UsageError
from esmith.layout import Layout
from esmith.names import counted
from esmith.printable import printable_message, shell_word
from esmith.repeating import repeat
from esmith.schema.check import NotAllowedError
from esmith.schema.load import Schema
from esmith.schema.masking import Masking
from esmith.schema.wanted import apply_wanted
from esmith.schema.wanted_file import STDIN, read_wanted
from esmith.store import database_name, is_flat, open_store
from esmith.store.model import Author
from esmith.store.overlay import Overlay

if TYPE_CHECKING:
    from esmith.events.preview import Preview
    from esmith.schema.wanted import Wanted
    from esmith.store.model import Change
    from esmith.store.protocol import Store, Transaction

_HELP = """Make settings be as FILE says: TOML, or a database file as 'esmith export' writes it.

What would change is shown: the settings, and the files that the next event would write. Then all of it is done in
one transaction, or nothing. At a terminal you are asked before. What FILE does not name stays, without --prune.

\b
A table of TOML is a record:
  [configuration.qpsmtpd]
  type = "service"
  DNSBL = "enabled"

\b
Examples:
  {program} apply --dry-run site.toml
  {program} apply --event email-update site.toml
"""
_FLAGS = [
    Option(("--dry-run",), "dry_run", "Only show what would change."),
    Option(("--yes", "-y"), "yes", "Do not ask."),
    Option(
        ("--prune",),
        "prune",
        "Give other properties of the records in FILE their default, or delete them; Uid and Gid stay.",
    ),
    Option(
        ("--prune-records",),
        "prune_records",
        "Also delete other records of the databases in FILE, but those that esmith init makes.",
    ),
    Option(("--force",), "force", "Store what the schema does not allow."),
    Option(("--check",), "check", "Have the new files checked first, and change nothing when one is refused."),
    Option(("--json",), "as_json", "Print what was done as a JSON object."),
    COLOR_OPTION,
    *LAYER_OPTIONS,
    Option(
        ("--event",),
        "events",
        "Signal this event when settings changed, or a file of it would; may be repeated.",
        read=str,
        metavar="NAME",
        repeated=True,
    ),
]


def apply_command(program: str, database: str | None) -> Command:
    """Return the command.

    :param program: ``config`` or ``db``.
    :param database: the only database it may be about; None for any.
    """
    name = f"{program} {database}" if database and program == "db" else program
    return SingleCommand(
        program,
        partial(_carry_out, program, database),
        _HELP.format(program=name),
        _FLAGS,
        operands=("file",),
    )


def run_apply(program: str, database: str, words: list[str]) -> int:
    """Carry the command out, and return the exit code.

    :param database: the database that was named; ``config`` is about any.
    :param words: its options and its operand.
    """
    from esmith.cli.running import run_words

    return run_words(apply_command(program, None if program == "config" else database), words)


def _carry_out(program: str, database: str | None, root: str | None, values: dict[str, Any]) -> int:
    layout = Layout.chosen(root)
    choose(values["color"])
    name = database_name(layout, database or "configuration", os.environ.get("DBPATH", ""))
    if is_flat(name):
        raise UsageError("is a text file, which apply does not know", place=name, hint="name a database of the root")
    values["layer"] = layer_of(values)
    if values["layer"]:
        require_fleet(layout)
    _require_events(layout, values["events"])
    wanted = read_wanted(values["file"], name if database else None)
    store = open_store(layout, write=not values["dry_run"])
    try:
        work = _Apply(layout, store, wanted, values)
        work.look()
        goes_on = work.show()
        if goes_on:
            work.carry_out([program, *sys.argv[1:]])
    except StoreError as error:
        error.add_unchanged()
        raise
    finally:
        store.close()
    return work.end(root) if goes_on else 1


def _require_events(layout: Layout, names: tuple[str, ...]) -> None:
    """Read the events that are to be signalled, so that a mistake shows before anything is changed.

    :raises EsmithError: as :func:`esmith.events.definition.load_event` does.
    """
    if names:
        from esmith.events.definition import load_event
        from esmith.fragments.tree import TemplateTree

        tree = TemplateTree(layout)
        for name in names:
            load_event(layout, name, tree)


class _Apply:
    """One run.

    :param values: the options.
    """

    def __init__(self, layout: Layout, store: Store, wanted: Wanted, values: dict[str, Any]) -> None:
        self._layout = layout
        self._store = store
        self._wanted = wanted
        self._values = values
        self._schema = Schema(layout)
        self._layer: str = values.get("layer", "")
        self._hints: list[str] = []
        self._changes: list[Change] = []
        self._shown: list[dict[str, Any]] = []
        self._preview: Preview | None = None
        self._revision: int | None = None
        self._signalled: list[str] = []

    def look(self) -> None:
        """Find what would change.

        :raises EsmithError: when something that is wanted is refused, or with ``--check`` a file.
        """
        with self._store.snapshot() as snapshot:
            overlay = Overlay(snapshot)
            self._hints = [*self._wanted.notes, *self._make(overlay)]
            self._changes = overlay.changes
            self._shown = list(Masking(self._schema, overlay).changes_data(self._changes, self._changes))
        if self._changes or self._values["events"]:
            self._look_at_files()

    def _make(self, transaction: Transaction) -> list[str]:
        values = self._values
        options = {name: values[name] for name in ("prune", "prune_records", "force")}
        try:
            return apply_wanted(transaction, self._schema, self._wanted, **options)
        except NotAllowedError as error:
            error.add("to store it anyway, give --force")
            raise

    def _look_at_files(self) -> None:
        from esmith.events.preview import preview

        check = self._values["check"]
        # When no setting differs, the events show what they would still do.
        events = None if self._changes else self._values["events"]
        try:
            self._preview = preview(self._layout, self._store, unsaved=self._changes, events=events, checks=check)
        except EsmithError as error:
            # Settings do not depend on files; whether they are accepted does.
            if check:
                raise
            self._hints.append(f"what files would change is not known: {error}")
            return
        if check and self._preview.refused is not None:
            raise self._preview.refused

    def show(self) -> bool:
        """Show what would change, and return whether to go on; at a terminal that is asked."""
        if not self._values["as_json"]:
            print_report(map(change_line, self._shown))
            if self._preview is not None:
                print_lines(styled_diff(line for file in self._preview.files if not file.anyway for line in file.diff))
                print_report(_report(self._preview))
        for hint in self._hints:
            warn(hint)
        if not self._changes or self._values["dry_run"] or self._values["yes"] or self._wanted.path == STDIN:
            return True
        return not may_ask() or agrees(f"Change {counted(len(self._changes), 'setting')}?")

    def carry_out(self, command: list[str]) -> None:
        """Store it.

        :raises RefusedError: when somebody changed the settings since they were looked at.
        """
        if self._values["dry_run"] or not self._changes:
            return
        repeat(self._layout, partial(self._write, Author.current(command)))

    def _write(self, author: Author) -> None:
        with self._store.transaction(author, self._layer or layer_of_commands()) as transaction:
            self._make(transaction)
            if _cells(transaction.changes) != _cells(self._changes):
                raise RefusedError("the settings were changed meanwhile, so nothing was changed", hint="run it again")
            self._revision = transaction.revision() + 1
        for note in transaction.notes:
            warn(note)

    def end(self, root: str | None) -> int:
        """Signal the events, and report; return the exit code. The store is closed by now.

        :raises EsmithError: when an event fails.
        """
        code, changed = 0, bool(self._changes)
        for name in self._values["events"]:
            if not (changed or self._would_change(name)):
                continue
            self._signalled.append(name)
            if not self._values["dry_run"]:
                try:
                    code = _signal(root, name) or code
                except EsmithError as error:
                    error.add("the settings are stored" if changed else "the settings were so already")
                    raise
        if self._values["as_json"]:
            from esmith.cli.json_output import json_text

            print_lines([json_text(self._data())])
        else:
            print_report(self._lines(), cures=True)
        return code

    def _would_change(self, event: str) -> bool:
        files = self._preview.files if self._preview is not None else []
        return any(event in file.events for file in files if file.left is None)

    def _lines(self) -> list[str]:
        would = "would be " if self._values["dry_run"] else ""
        if not (self._changes or self._signalled):
            return ["nothing differs"]
        lines = [f"{counted(len(self._changes), 'setting')} {would}changed"]
        lines += [f"event {name} {would or 'was '}signalled" for name in self._signalled]
        needed = self._preview.events if self._preview is not None and not self._values["events"] else []
        if needed and self._changes:
            lines.append(f"next: {'; '.join(f'signal-event {shell_word(name)}' for name in needed)}")
        return lines

    def _data(self) -> dict[str, Any]:
        found = self._preview
        return {
            "changed": bool(self._changes or self._signalled),
            "dry_run": self._values["dry_run"],
            "revision": self._revision,
            "changes": self._shown,
            "files": [
                {
                    "path": file.path,
                    "change": file.difference.value,
                    "template": file.template,
                    "events": file.events,
                    "anyway": file.anyway,
                    "left": "" if file.left is None else file.left.message,
                    "diff": file.diff,
                }
                for file in (found.files if found else [])
            ],
            "services": found.services if found else {},
            "faults": [
                {"subject": fault.subject, "message": str(fault.error), "stops": fault.stops}
                for fault in (found.faults if found else [])
            ],
            "events": found.events if found else [],
            "signalled": self._signalled,
            "hints": self._hints,
        }


def _report(found: Preview) -> list[str]:
    """Return the lines about the files besides their diffs."""
    waiting = [file.path for file in found.files if file.anyway]
    lines = [f"{path}: differs already, and the next event that has it writes it" for path in waiting]
    lines += [f"{file.path}: is left as it is: {file.left.message}" for file in found.files if file.left]
    lines += [f"service {name}: {' '.join(actions)}" for name, actions in found.services.items()]
    faults = (printable_message(f"{fault.subject}: {fault.error}") for fault in found.faults)
    return [*lines, *(line for text in faults for line in text.split("\n"))]


def _cells(changes: list[Change]) -> set[tuple[Any, ...]]:
    return {(*change.cell, change.old, change.new) for change in changes}


def _signal(root: str | None, name: str) -> int:
    from esmith.cli.signal_event import COMMAND

    values = COMMAND.read([name])
    assert values is not None
    return COMMAND.carry_out(root, values)
