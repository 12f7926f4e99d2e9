"""Which cells a form may write: a change of one of these by somebody else is a conflict, any other change is none."""

from __future__ import annotations

import pytest

from esmith.panels.change import cells_of, covers
from esmith.panels.setting import Cell
from tests.panels.kit import FIELDS, Desk, needed_by, samples, tables_of_fields


def _covers(desk: Desk, id: str, name: str, cell: Cell, key: str | None = None) -> bool:
    cells = cells_of(desk.panel(id), desk.schema, desk.snapshot, key, [name])
    return covers(cells[name], cell)


@pytest.mark.parametrize(("id", "name"), FIELDS)
def test_what_a_field_writes_is_covered(desk: Desk, id: str, name: str) -> None:
    """Whatever a field writes when it gets another value is among its cells."""
    panel = desk.panel(id)
    key, field = desk.key_of(panel), panel.field(name)
    assert field is not None
    written = []
    for value in samples(desk, panel, field, key, desk.fields(panel, desk.snapshot, key)[name]):
        needed = needed_by(tables_of_fields(id)[name], value, key)
        overlay = desk.overlay(*((*cell, "x.example") for cell in needed))
        desk.change(panel, overlay, key, {name: value})
        written += [change.cell for change in overlay.changes if change.cell not in needed]
    assert written != []
    cells = cells_of(panel, desk.schema, desk.snapshot, key, [name])[name]
    assert [cell for cell in written if not covers(cells, cell)] == []


@pytest.mark.parametrize(
    ("id", "name", "cell", "key", "is_covered"),
    [
        ("configuration/email", "pop3-access", ("configuration", "pop3s", "access"), None, True),
        ("configuration/email", "pop3-access", ("configuration", "pop3s", ""), None, True),
        ("configuration/email", "pop3-access", ("configuration", "pop3s", "TCPPort"), None, False),
        ("configuration/email", "executable-content", ("mailpatterns", "another", "Status"), None, True),
        ("configuration/email", "executable-content", ("mailpatterns", "another", "Body"), None, False),
        ("configuration/email", "executable-content", ("mailpatterns", "another", ""), None, False),
        ("configuration/email", "executable-content", ("configuration", "qpsmtpd", "PatternsScan"), None, True),
        ("configuration/wbl", "badhelo", ("wbl", "badhelo", "new.example.com"), None, True),
        ("configuration/wbl", "badhelo", ("wbl", "badmailfrom", "new.example.com"), None, False),
        ("collaboration/users", "FirstName", ("accounts", "john", "FirstName"), "john", True),
        ("collaboration/users", "FirstName", ("accounts", "john", ""), "john", True),
        ("collaboration/users", "FirstName", ("accounts", "tom", "FirstName"), "john", False),
        ("collaboration/users", "groups", ("accounts", "another", "Members"), "john", True),
        ("collaboration/users", "groups", ("accounts", "another", "Description"), "john", False),
    ],
)
def test_what_others_change(desk: Desk, id: str, name: str, cell: Cell, key: str | None, is_covered: bool) -> None:
    """A change of what a field writes counts, also an entry that is new or a record that is gone; others do not."""
    assert _covers(desk, id, name, cell, key) is is_covered


def test_fields_that_there_are_not_have_no_cells(desk: Desk) -> None:
    """Of a name that is no field nothing is written."""
    assert cells_of(desk.panel("configuration/email"), desk.schema, desk.snapshot, None, ["nothing"]) == {}
