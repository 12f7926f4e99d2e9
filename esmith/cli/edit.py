"""``config edit``: a record in the administrator's editor, checked and stored in one transaction."""

from __future__ import annotations

import sys
from contextlib import closing
from functools import partial

from esmith.cli.changed_settings import change_line
from esmith.cli.json_output import json_text
from esmith.cli.output import complain, print_lines, print_report
from esmith.errors import EsmithError, ExitCode, RefusedError, UsageError
from esmith.explain.described import Descriptions
from esmith.explain.edited import masked_in, parse, text_of
from esmith.explain.editor import EditedFile, editor
from esmith.explain.values import Values, last_changes
from esmith.layout import Layout
from esmith.repeating import repeat
from esmith.schema.load import Schema
from esmith.schema.masking import Masking
from esmith.schema.settings import set_properties, set_type
from esmith.store import open_store
from esmith.store.model import Author, Change, Record
from esmith.store.protocol import Snapshot, Store


def edit(
    program: str, layout: Layout, database: str, key: str, *, as_json: bool, force: bool, layer: str | None
) -> int:
    """Have a record edited, and store what was changed; return the exit code.

    :param force: whether the schema is left out.
    :param layer: the layer of a fleet to write to, as :meth:`esmith.store.protocol.Store.transaction` has it.
    :raises UsageError: when there is no such record, or no editor.
    :raises RefusedError: when what was typed cannot be stored; the text is kept, and its file named.
    :raises EsmithError: when the record was changed meanwhile, or the editor fails; nothing was changed.
    """
    editor()
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        before = snapshot.record(database, key)
        if before is None:
            from esmith.cli.missing import how_to_make, what_is_missing

            text = what_is_missing(snapshot, database, [key]) + how_to_make(snapshot, database, key)
            raise UsageError(text.partition("\n")[0], hint=text.partition("\n")[2].strip())
        descriptions = Descriptions(layout, snapshot)
        values = Values(layout, snapshot, descriptions.schema)
        text, masked = text_of(database, before, descriptions, values), masked_in(database, before, values)
    file = EditedFile("record", text)
    is_done = False
    try:
        editing = _Editing(layout, [program, "edit", key], database, before, masked, force=force, layer=layer)
        changes, hints = editing.run(file, text)
        is_done = True
    except EsmithError as error:
        if file.holds_other(text):
            error.hint = "\n  ".join(filter(None, [error.hint, _kept(file)]))
        raise
    except (KeyboardInterrupt, OSError):
        # As by Ctrl-C at the question whether to edit it again.
        if file.holds_other(text):
            complain(program, _kept(file))
        raise
    finally:
        if is_done or not file.holds_other(text):
            file.remove()
    for hint in hints:
        complain(program, hint)
    _show(layout, changes, as_json=as_json)
    return ExitCode.OK


def _kept(file: EditedFile) -> str:
    return f"what you typed is kept in {file.path}"


class _Editing:
    """One record that is edited.

    :param command: the command, for the journal.
    :param before: the record as it is shown in the editor.
    :param masked: the properties that are masked there.
    :param layer: the layer of a fleet to write to.
    """

    def __init__(
        self,
        layout: Layout,
        command: list[str],
        database: str,
        before: Record,
        masked: set[str],
        *,
        force: bool,
        layer: str | None,
    ) -> None:
        self._layout = layout
        self._command = [command[0], database, *command[1:]] if command[0] == "db" else command
        self._database = database
        self._before = before
        self._masked = masked
        self._force = force
        self._layer = layer

    def run(self, file: EditedFile, text: str) -> tuple[list[Change], list[str]]:
        """Have a text edited until it can be stored; return what was changed, and hints."""
        last = text
        while True:
            edited = file.edit()
            if edited == text:
                return [], []
            try:
                return repeat(self._layout, partial(self._store, edited))
            except (RefusedError, UsageError) as error:
                # At a terminal it can be corrected at once; the same text once more means to give up.
                if edited == last or not _wants_again(error):
                    raise
                last = edited

    def _store(self, text: str) -> tuple[list[Change], list[str]]:
        type, props = parse(text, self._before, self._masked)
        with closing(open_store(self._layout, write=True)) as store:
            return self._write(store, type, props)

    def _write(self, store: Store, type: str, props: dict[str, str]) -> tuple[list[Change], list[str]]:
        key, before = self._before.key, self._before
        with store.transaction(Author.current(self._command), self._layer) as transaction:
            schema = None if self._force else Schema(self._layout)
            if transaction.record(self._database, key) != before:
                raise EsmithError(
                    f"{self._database} {key} was changed while you edited it{self._by_whom(transaction)}; "
                    "nothing was changed",
                    hint="edit it again",
                )
            hints = set_type(transaction, schema, self._database, key, type) if type != before.type else []
            for name in before.props.keys() - props.keys():
                transaction.delete_prop(self._database, key, name)
            new = {name: value for name, value in props.items() if before.props.get(name) != value}
            if new:
                hints += set_properties(transaction, schema, self._database, key, new)
            changes = transaction.changes
        return changes, [*hints, *transaction.notes]

    def _by_whom(self, snapshot: Snapshot) -> str:
        """Return which revision changed the record last, as a part of a message."""
        key, before = self._before.key, self._before
        record = snapshot.record(self._database, key)
        props = record.props if record is not None else {}
        names = {name for name in {*props, *before.props} if props.get(name) != before.props.get(name)}
        cells = {(self._database, key, name) for name in names or {""}}
        entries = sorted(last_changes(snapshot, cells).values(), key=lambda entry: entry.number)
        return f", in revision {entries[-1].number} by {entries[-1].author.user}" if entries else ""


def _wants_again(error: EsmithError) -> bool:
    """Show what is wrong at a terminal, and return whether the text is to be edited again."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    complain("edit", f"{error}")
    sys.stderr.write("Edit it again? [Y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def _show(layout: Layout, changes: list[Change], *, as_json: bool) -> None:
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        shown = list(Masking(Schema(layout), snapshot).changes_data(changes, changes))
    if as_json:
        print_lines([json_text({"changes": shown})])
        return
    print_report([change_line(one) for one in shown] or ["nothing was changed"])
