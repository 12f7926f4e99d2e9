"""The lines that a setting changes are explained with that setting: for every property of tests/page/drives.toml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from esmith.errors import TemplateError
from esmith.explain.places import made_lines
from esmith.explain.tracing import TracingRenderer
from esmith.fragments.rendering import Kind
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
from esmith.store.protocol import Transaction
from tests.commands import copy_tree
from tests.page.drives import Row, Table
from tests.page.test_drives import SAMPLES

TABLE = Table()
ROWS = [(name, row) for name, rows in TABLE.rows.items() for row in rows if row.files]

Cell = tuple[str, str, str]
#: The lines of a file, each with the settings that are explained with it; None for no file, or where no line is known.
Lines = list[tuple[bytes, frozenset[Cell]]]


class _Desk:
    """The files of an office, explained over a transaction that is never committed."""

    def __init__(self, layout: Layout, transaction: Transaction) -> None:
        self._layout = layout
        self._transaction = transaction
        self._before: dict[str, Lines | None] = {}
        for database, key, prop, value in TABLE.base:
            self._put((database, key, prop), value)

    def faults(self, cell: Cell, row: Row) -> list[str]:
        """Return the lines that change with a setting and are not explained with it."""
        for path in row.files:
            if path not in self._before:
                self._before[path] = self._lines(path)
        old = self._transaction.prop(*cell)
        self._put(cell, row.value)
        try:
            after = {path: self._lines(path) for path in row.files}
        finally:
            self._put(cell, old)
        return [fault for path in row.files for fault in _unexplained(path, cell, self._before[path], after[path])]

    def _put(self, cell: Cell, value: str | None) -> None:
        database, key, prop = cell
        if not prop:
            if value is not None:
                self._transaction.set_type(database, key, value)
        elif value is None:
            self._transaction.delete_prop(database, key, prop)
        else:
            if self._transaction.type_of(database, key) is None:
                self._transaction.set_type(database, key, "service")
            self._transaction.set_prop(database, key, prop, value)

    def _lines(self, path: str) -> Lines | None:
        with TracingRenderer(self._layout, self._transaction) as renderer:
            renderer.with_pieces = True
            try:
                rendering = next((one for one in renderer.render(path) if one.path == path), None)
            except TemplateError:
                return None  # it is one for a key that is there only with the other value
            if rendering is None or rendering.kind is not Kind.FILE:
                return None
            made = made_lines(rendering, renderer.traced.get(path, []))
            if made is None:
                return None
            return [(one.text, frozenset(cell for maker in one.makers for cell in maker.cells)) for one in made]


def _unexplained(path: str, cell: Cell, before: Lines | None, after: Lines | None) -> Iterator[str]:
    if before is None or after is None:
        return
    for one, other, what in ((after, before, "new"), (before, after, "gone")):
        changed = Counter(text for text, _ in one) - Counter(text for text, _ in other)
        for text in changed:
            if not any(cell in cells for line, cells in one if line == text):
                yield f"{path}: {what} {text!r}"


@pytest.fixture(scope="module")
def desk(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Desk]:
    """Return the files of an office with the base settings of the table."""
    root = tmp_path_factory.mktemp("explained") / "root"
    copy_tree(_office, root)
    layout = Layout(str(root))
    store = open_store(layout, write=True)
    try:
        with suppress(_Done), store.transaction(Author.current(["test"])) as transaction:
            yield _Desk(layout, transaction)
            raise _Done
    finally:
        store.close()


class _Done(Exception):  # noqa: N818
    """Ends the transaction, so that nothing of it is kept."""


def _faults(desk: _Desk, name: str, row: Row) -> list[str]:
    database, key = name.split()
    return desk.faults((database, SAMPLES.get(name, key), row.setting.prop), row)


@pytest.mark.parametrize("number", range(0, len(ROWS), 29))
def test_what_a_setting_changes_is_explained_with_it(number: int, desk: _Desk) -> None:
    """A line that comes or goes with a setting has that setting among those that decide on it."""
    assert _faults(desk, *ROWS[number]) == []


@pytest.mark.long
def test_what_each_setting_changes_is_explained_with_it(desk: _Desk) -> None:
    """So it is for every property of the table."""
    found = {f"{row.setting}": faults for name, row in ROWS if (faults := _faults(desk, name, row))}
    assert found == {}
