"""Lists of records: pages, filters, columns, what may be done to each; and never a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from esmith.panels.listing import list_records
from esmith.panels.setting import NoSuchRecordError
from esmith.store.model import Record
from esmith.store.overlay import Overlay
from tests.panels.kit import Desk

_USERS = "collaboration/users"


def _listed(desk: Desk, on: Overlay | None = None, panel: str = _USERS, **asked: Any) -> dict[str, Any]:
    return list_records(desk.panel(panel), desk.schema, on or desk.snapshot, **asked)


def _keys(listed: dict[str, Any]) -> list[str]:
    return [row["key"] for row in listed["rows"]]


def test_a_list_has_the_records_of_its_type_and_the_named_ones(desk: Desk) -> None:
    """A list has the records of its type, by key, and single ones of other types that the page names."""
    listed = _listed(desk)
    assert _keys(listed) == ["admin", "jack", "john", "maillog", "tom"]
    assert (listed["total"], listed["found"], listed["page"], listed["pages"]) == (5, 5, 1, 1)
    rows = {row["key"]: row for row in listed["rows"]}
    assert (rows["admin"]["delete"], rows["admin"]["actions"]) == (False, [])
    assert (rows["john"]["delete"], rows["john"]["modify"], rows["john"]["actions"]) == (
        True,
        True,
        ["lock", "password"],
    )
    assert [column["name"] for column in listed["columns"]][0] == "FirstName"


def test_a_named_record_that_is_not_so_is_not_listed(desk: Desk) -> None:
    """A single record that the page names is listed only while it is there and of that type."""
    overlay = desk.overlay()
    overlay.delete_record("accounts", "admin")
    assert _keys(_listed(desk, overlay)) == ["jack", "john", "maillog", "tom"]
    for type, listed in (("group", False), ("user", True)):
        overlay.set_type("accounts", "admin", type)
        assert _keys(_listed(desk, overlay)).count("admin") == listed
    assert desk.fields(desk.panel(_USERS), overlay, "admin")["FirstName"]["label"] != ""


def _many(desk: Desk, number: int) -> Overlay:
    overlay = desk.overlay()
    for count in range(number):
        name = {"FirstName": f"First{count % 7}", "LastName": "Ünal" if count % 2 else "smith"}
        overlay.set_record("accounts", Record(f"user{count:03}", "user", name))
    return overlay


def test_pages(desk: Desk) -> None:
    """A page has so many rows; a page after the last is the last, and one before the first is the first."""
    overlay = _many(desk, 25)
    listed = _listed(desk, overlay, query="user", page=2, size=10)
    assert (listed["total"], listed["found"], listed["page"], listed["pages"]) == (30, 25, 2, 3)
    assert _keys(listed) == [f"user{count:03}" for count in range(10, 20)]
    assert len(_keys(_listed(desk, overlay, query="user", page=99, size=10))) == 5
    assert _listed(desk, overlay, page=-1, size=0)["page"] == 1
    assert _listed(desk, overlay, query="nothing is called so")["pages"] == 1


def test_filters(desk: Desk) -> None:
    """Each word has to be in the key or in a column, in small or large letters."""
    overlay = _many(desk, 25)
    assert _keys(_listed(desk, overlay, query="ÜNAL first3")) == ["user003", "user017"]
    assert _keys(_listed(desk, overlay, query="smith user024")) == ["user024"]


def test_sorting(desk: Desk) -> None:
    """A list is sorted by its key, or by a column in either direction; rows with nothing there come last."""
    overlay = _many(desk, 4)
    assert _keys(_listed(desk, overlay, sort="-key"))[0] == "user003"
    assert _keys(_listed(desk, overlay, sort="FirstName"))[:4] == ["user000", "user001", "user002", "user003"]
    assert _keys(_listed(desk, overlay, sort="-FirstName"))[:4] == ["user003", "user002", "user001", "user000"]
    assert _keys(_listed(desk, overlay, sort="no such column"))[0] == "admin"


def test_cells(desk: Desk) -> None:
    """Cells have what is stored, or the label of a choice; of a field with boxes the records that are checked."""
    text = (
        'heading = "Tried"\n[records]\ndatabase = "accounts"\ntype = "user"\nkey-label = "User"\n'
        'columns = ["groups", "EmailForward", "where", "Visible"]\n'
        '[[sections]]\nname = "one"\nheading = "One"\n'
        '[[sections.fields]]\nproperty = "EmailForward"\nlabels = { both = "Here and there" }\n'
        '[[sections.fields]]\nname = "groups"\nlabel = "Groups"\n'
        'members = { database = "accounts", type = "group", property = "Members" }\n'
        '[[sections.fields]]\nname = "where"\nlabel = "Where"\n'
        '[[sections.fields.choices]]\nvalue = "here"\nlabel = "Only here"\n'
        'set = { "accounts {key} EmailForward" = "local" }\n'
    )
    panel = desk.custom(text)
    overlay = desk.overlay(("accounts", "tom", "EmailForward", "both"))
    listed = list_records(panel, desk.schema, overlay)
    assert [column["label"] for column in listed["columns"]][:3] == ["Groups", _label(desk, "EmailForward"), "Where"]
    cells = {row["key"]: row["cells"] for row in listed["rows"]}
    assert cells["john"] == ["group1, group2", "local", "Only here", ""]
    assert cells["tom"] == ["group1", "Here and there", "tom EmailForward both", ""]
    assert [row["modify"] for row in listed["rows"]] == [False] * 4


def _label(desk: Desk, name: str) -> str:
    schema = desk.schema.file("accounts", "@user")
    assert schema is not None
    return schema.properties[name].label or name


@pytest.mark.parametrize("page", ["collaboration/groups", "collaboration/pseudonyms", "configuration/domains"])
def test_each_list_can_be_filtered_by_what_it_shows(desk: Desk, page: str) -> None:
    """A row of each shipped list is found by what is in its cells, and its record can be deleted or says why not."""
    listed = _listed(desk, panel=page)
    row = listed["rows"][-1]
    assert row["key"] in _keys(_listed(desk, panel=page, query=" ".join([row["key"], *row["cells"]])))
    assert listed["create"]["label"] != ""


def test_no_secret_is_in_a_list(desk: Desk) -> None:
    """A secret that only its name shows is not in a list, not even when it is looked for."""
    overlay = desk.overlay(("accounts", "john", "DbPassword", "hunter2"))
    listed = _listed(desk, overlay, query="hunter2")
    assert listed["found"] == 0
    assert "hunter2" not in json.dumps(_listed(desk, overlay))


def test_a_form_is_no_list(desk: Desk) -> None:
    """A form of settings has no records."""
    with pytest.raises(NoSuchRecordError):
        _listed(desk, panel="configuration/email")
