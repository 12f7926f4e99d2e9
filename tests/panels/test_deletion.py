"""Deleting records as SME Server does: another type while the event runs, then they are removed."""

from __future__ import annotations

import pytest

from esmith.panels.change import mark_deleted, remove_record
from esmith.panels.model import Panel
from esmith.panels.setting import NoSuchRecordError
from esmith.schema.check import NotAllowedError
from esmith.store.overlay import Overlay
from tests.panels.kit import Desk, cells

_LIST = """\
heading = "Tried"
[records]
database = "accounts"
type = "group"
delete = {{ event = "group-delete", type = "group-deleted", before = {{ type = "pseudonym", property = "Account"{} }} }}
[[sections]]
name = "one"
heading = "One"
"""


def _leading(desk: Desk, *settings: tuple[str, str, str]) -> Overlay:
    """Return unsaved pseudonyms: key, property and value of each."""
    keys = dict.fromkeys(key for key, _, _ in settings)
    made = [("accounts", key, "", "pseudonym") for key in keys]
    return desk.overlay(*made, *(("accounts", *setting) for setting in settings))


def test_a_user_is_deleted_in_three_steps(desk: Desk) -> None:
    """A record gets the type of deleted ones, the event is named, and afterwards it is removed."""
    panel, overlay = desk.panel("collaboration/users"), desk.overlay()
    assert mark_deleted(panel, overlay, "john")[-1] == ("user-delete", "john")
    assert overlay.type_of("accounts", "john") == "user-deleted"
    remove_record(panel, overlay, "john")
    assert overlay.record("accounts", "john") is None


def test_only_what_was_marked_is_removed(desk: Desk) -> None:
    """A record that is not marked as deleted is not removed."""
    panel, overlay = desk.panel("collaboration/users"), desk.overlay()
    with pytest.raises(NoSuchRecordError):
        remove_record(panel, overlay, "john")
    assert overlay.changes == []


@pytest.mark.parametrize(
    ("page", "key"),
    [
        ("collaboration/users", "admin"),
        ("collaboration/pseudonyms", "postmaster"),
        ("configuration/domains", "example.com"),
        ("security/localnetworks", "192.168.1.0"),
    ],
)
def test_what_is_protected_stays(desk: Desk, page: str, key: str) -> None:
    """A protected record is not deleted: by its key, by a property, by a setting, or as one of another type."""
    overlay = desk.overlay()
    with pytest.raises(NotAllowedError):
        mark_deleted(desk.panel(page), overlay, key)
    assert overlay.changes == []


def test_a_record_of_another_page_stays(desk: Desk) -> None:
    """A page deletes only records of its type."""
    with pytest.raises(NoSuchRecordError):
        mark_deleted(desk.panel("collaboration/users"), desk.overlay(), "group1")
    with pytest.raises(NoSuchRecordError):
        mark_deleted(desk.panel("configuration/email"), desk.overlay(), "john")


def _panel(desk: Desk, more: str = "") -> Panel:
    return desk.custom(_LIST.format(more))


def test_what_leads_to_it_goes_first(desk: Desk) -> None:
    """Records that lead to the one that is deleted, also by others, go before it, each with its event."""
    panel = _panel(desk)
    overlay = _leading(desk, ("team", "Account", "group1"), ("crew", "Account", "team"), ("else", "Account", "john"))
    events = mark_deleted(panel, overlay, "group1")
    assert events == [("pseudonym-delete", "crew"), ("pseudonym-delete", "team"), ("group-delete", "group1")]
    assert [overlay.type_of("accounts", key) for key in ("crew", "team", "group1", "else")] == [
        "pseudonym-deleted",
        "pseudonym-deleted",
        "group-deleted",
        "pseudonym",
    ]
    remove_record(panel, overlay, "group1")
    assert [overlay.type_of("accounts", key) for key in ("crew", "team", "group1", "else")] == [None] * 3 + [
        "pseudonym"
    ]


def test_records_that_lead_to_each_other(desk: Desk) -> None:
    """Records that lead to each other in a circle are each deleted once."""
    overlay = _leading(desk, ("a", "Account", "b"), ("b", "Account", "a"), ("c", "Account", "group1"))
    overlay.set_prop("accounts", "a", "Account", "group1")
    overlay.set_prop("accounts", "b", "Account", "a")
    events = mark_deleted(_panel(desk), overlay, "group1")
    assert sorted(events) == sorted(
        [("pseudonym-delete", "a"), ("pseudonym-delete", "b"), ("pseudonym-delete", "c"), ("group-delete", "group1")]
    )


def test_what_may_not_be_deleted_leads_elsewhere(desk: Desk) -> None:
    """A record that leads there and may not be deleted leads to what the page names; what leads to it stays."""
    settings = (("team", "Account", "group1"), ("team", "Removable", "no"), ("crew", "Account", "team"))
    overlay = _leading(desk, *settings)
    assert mark_deleted(_panel(desk, ', kept = "admin"'), overlay, "group1") == [("group-delete", "group1")]
    assert overlay.prop("accounts", "team", "Account") == "admin"
    assert overlay.type_of("accounts", "crew") == "pseudonym"
    overlay = _leading(desk, *settings)
    before = cells(overlay.changes)
    with pytest.raises(NotAllowedError, match="team leads to it, and may not be deleted"):
        mark_deleted(_panel(desk), overlay, "group1")
    assert cells(overlay.changes) == before
