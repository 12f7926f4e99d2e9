"""Pages through the verbs: what they show, and records that are made, changed, acted upon and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.events.lock import find_holder
from tests.commands import Root
from tests.manager.verbs.kit import Desk
from tests.store.stores import opened

USERS = "collaboration/users"
EMAIL = "configuration/email"
#: Actions and templates of the shipped events are tried elsewhere.
_EVENTS = (
    "user-create",
    "user-modify",
    "user-delete",
    "user-lock",
    "password-modify",
    "pseudonym-delete",
    "group-delete",
)


@pytest.fixture
def users(office: Root, office_desk: Desk) -> Desk:
    """The office, where the events of users do nothing but note themselves."""
    for name in _EVENTS:
        directory = office.file(f"/etc/e-smith/events/{name}")
        for place in directory.iterdir():
            if place.is_file() and place.name.startswith("S"):
                place.unlink()
        for listed in ("templates2expand/LIST", "services2adjust/LIST"):
            if (directory / listed).exists():
                (directory / listed).write_text("")
        office.write(
            f"/etc/e-smith/events/{directory.name}/S30note", "#!/bin/sh\necho $* >> $ESMITH_ROOT/noted\n", mode=0o755
        )
    return office_desk


def _noted(desk: Desk) -> list[str]:
    place = desk.path / "noted"
    lines = place.read_text().splitlines() if place.exists() else []
    place.unlink(missing_ok=True)
    return lines


def _operation(desk: Desk, kind: str, key: str | None = None, **more: Any) -> dict[str, Any]:
    found = {"kind": kind, "panel": USERS, "key": key, **more}
    return found if kind == "action" else {**found, "revision": desk.revision()}


def test_the_navigation(office: Root, office_desk: Desk) -> None:
    """The groups come in their order with their pages; a broken page is missing, with its place, and no other is."""
    office.write("/etc/e-smith/panels-custom/security/broken.toml", 'heading = "X"\nnonsense = 1\n')
    found = office_desk.call("navigation")
    names = [group["name"] for group in found["groups"]]
    assert names == sorted(names, key=["collaboration", "administration", "security", "configuration"].index)
    pages = {one["id"]: one for group in found["groups"] for one in group["panels"]}
    assert pages[EMAIL]["kind"] == "form" and [one["name"] for one in pages[EMAIL]["sections"]][0] == "access"
    assert pages[USERS]["kind"] == "records" and pages[USERS]["sections"] == []
    (fault,) = found["faults"]
    assert fault["place"].startswith("/") and "broken.toml" in fault["place"]
    assert "security/broken" not in pages
    assert office_desk.refusal("panel", panel="security/nothing").kind == "not-found"


def test_a_form_and_its_conflict(office_desk: Desk) -> None:
    """Of a choice that stands for several properties a conflict shows the choices, not the properties."""
    desk = office_desk
    form = {"kind": "form", "panel": EMAIL, "values": {"pop3-access": "publicSSL"}, "revision": desk.revision()}
    shown = desk.preview(form)
    assert shown["events"] == ["email-update"] and shown["commands"][-1] == "signal-event email-update"
    desk.apply(desk.setting("pop3", values={"status": "disabled"}))
    desk.apply(desk.setting("pop3s", values={"status": "disabled"}))
    (cell,) = desk.refusal("preview", operation=form).more["conflict"]["cells"]
    assert (cell["field"], cell["yours"], cell["was"]) == ("pop3-access", "publicSSL", "private")
    assert cell["theirs"] not in (None, "private", "publicSSL") and cell["label"] != "pop3-access"
    refused = desk.refusal(
        "apply", operation={**form, "values": {"pop3-access": "x", "nothing": ""}, "revision": desk.revision()}
    )
    assert refused.kind == "refused" and refused.more["fields"].keys() == {"pop3-access", "nothing"}


def test_a_list_and_a_record(office_desk: Desk) -> None:
    """A list is filtered and paged; a record has its form, a new one an empty form."""
    rows = office_desk.call("records", panel=USERS, query="j", size=1, page=2)
    assert (rows["found"], [row["key"] for row in rows["rows"]]) == (2, ["john"])
    assert office_desk.call("record", panel=USERS, key="john")["key"] == "john"
    new = office_desk.call("record", panel=USERS)
    assert new["key"] is None and new["key_field"]["label"]
    assert office_desk.refusal("record", panel=USERS, key="nobody").kind == "not-found"
    assert office_desk.refusal("records", panel=EMAIL).kind == "not-found"
    groups = office_desk.call("suggest", panel="collaboration/pseudonyms", field="Account", query="jo")["names"]
    assert groups == ["john"]


def test_a_user_from_the_beginning_to_the_end(users: Desk) -> None:
    """Made, changed, locked and deleted: each with its event, and the record is gone when the last has ended."""
    made = users.apply(_operation(users, "create", "vera", values={"FirstName": "Vera", "LastName": "Moor"}))
    assert made["state"] == "done", made
    assert made["commands"] == [
        "db accounts set vera user FirstName Vera LastName Moor",
        "signal-event user-create vera",
    ]
    again = users.refusal("apply", operation=_operation(users, "create", "vera", values={}))
    assert again.kind == "refused" and "key" in again.more["fields"]
    changed = users.apply(_operation(users, "modify", "vera", values={"Dept": "Sales", "FirstName": "V."}))
    assert (changed["title"], users.value("vera", "Dept", "accounts")) == ("Users: change vera", "Sales")
    assert users.apply(_operation(users, "action", "vera", action="lock"))["revision"] is None
    _noted(users)
    shown = users.preview(_operation(users, "delete", "vera"))
    assert shown["commands"] == [
        "db accounts settype vera user-deleted",
        "signal-event user-delete vera",
        "db accounts delete vera",
    ]
    gone = users.apply(_operation(users, "delete", "vera"))
    assert gone["state"] == "done" and _noted(users) == ["user-delete vera"]
    assert users.value("vera", "", "accounts") is None


def test_a_new_user_is_warned_of_nothing_that_the_event_settles(office_desk: Desk) -> None:
    """A preview is silent about the unix account that its event makes; real warnings stay."""
    values = {"FirstName": "Ann", "LastName": "Lee"}
    found = office_desk.preview(_operation(office_desk, "create", "ann", values=values))
    assert found["warnings"] == []
    assert any(one["path"].endswith("/ann/.qmail") for one in found["files"])
    forwards = {"FirstName": "Ann", "LastName": "Lee", "EmailForward": "forward", "ForwardAddress": "nobody-here"}
    found = office_desk.preview(_operation(office_desk, "create", "ann", values=forwards))
    assert any("nobody-here" in text for text in found["warnings"])
    assert not any("stored as given" in text for text in found["hints"])


def test_the_preview_of_a_deletion_says_what_goes(office_desk: Desk) -> None:
    """A preview of a deletion repeats what was asked, and does not warn of names that go with the user."""
    user = _first_user_with_a_name(office_desk)
    found = office_desk.preview(_operation(office_desk, "delete", user))
    assert found["hints"][0].startswith(f"The account {user}, its home and all its mail are removed for good.")
    assert not any("pseudonym" in text for text in found["warnings"])


def _first_user_with_a_name(desk: Desk) -> str:
    with opened(desk.path, write=False) as store, store.snapshot() as snapshot:
        names = [one.props.get("Account", "") for one in snapshot.records("accounts", "pseudonym")]
        return next(name for name in names if snapshot.type_of("accounts", name) == "user")


@pytest.mark.parametrize("key", ["www-data", "users", "qpsmtpd", "elsewhere"])
def test_names_of_the_system(users: Desk, key: str) -> None:
    """No user and no group gets the name of an account of the system, wherever it is defined; the key is to blame."""
    passwd = users.file("/etc/passwd")
    passwd.write_text(passwd.read_text() + "elsewhere:x:77:77::/srv:/bin/false\n")
    names = {"FirstName": "Vera", "LastName": "Moor"}
    of_group = {"Description": "x", "Members": ["tom"]}
    for panel, values in ((USERS, names), ("collaboration/groups", of_group)):
        operation = {**_operation(users, "create", key, values=values), "panel": panel}
        assert users.refusal("preview", operation=operation).more["fields"].keys() == {"key"}


def test_what_leads_to_a_record_goes_with_it(users: Desk) -> None:
    """The pseudonyms of a group are deleted before it, each with its own event; all go when these have ended."""
    users.apply(users.setting("g", "accounts", type="pseudonym", values={"Account": "group1"}))
    _noted(users)
    operation = {**_operation(users, "delete", "group1"), "panel": "collaboration/groups"}
    assert users.preview(operation)["commands"] == [
        "db accounts settype g pseudonym-deleted",
        "db accounts settype group1 group-deleted",
        "signal-event pseudonym-delete g",
        "signal-event group-delete group1",
        "db accounts delete g",
        "db accounts delete group1",
    ]
    assert users.apply(operation)["state"] == "done"
    assert _noted(users) == ["pseudonym-delete g", "group-delete group1"]
    assert [users.value(key, "", "accounts") for key in ("g", "group1")] == [None, None]


def test_a_deletion_that_fails(users: Desk) -> None:
    """When the event fails the record is there as before, with its type."""
    Root(users.path).write("/etc/e-smith/events/user-delete/S30note", "#!/bin/sh\nexit 1\n", mode=0o755, shipped=True)
    job = users.apply(_operation(users, "delete", "tom"))
    assert job["state"] == "failed" and job["error"]["settings_back"]
    assert users.value("tom", "", "accounts") == "user"


def test_what_may_not_be_deleted(users: Desk) -> None:
    """The administrator's account is not, and neither is a record of another page."""
    assert users.refusal("preview", operation=_operation(users, "delete", "admin")).kind == "refused"
    assert users.refusal("preview", operation=_operation(users, "delete", "group1")).kind == "not-found"


def test_two_make_the_same(users: Desk) -> None:
    """Who is second to make a record, or changes one that is gone, gets an error about it."""
    names = {"FirstName": "Vera", "LastName": "Moor"}
    create = _operation(users, "create", "vera", values=names)
    modify = _operation(users, "modify", "tom", values={"Dept": "x"})
    users.apply(create)
    assert users.refusal("apply", operation=create).kind == "conflict"
    users.apply(_operation(users, "delete", "tom"))
    assert users.refusal("apply", operation=modify).kind == "conflict"
    assert users.refusal("apply", operation={**modify, "revision": users.revision()}).kind == "not-found"


def test_a_password(users: Desk) -> None:
    """A new password is set by the job before its event; it stands in no file of the root but as a hash."""
    operation = _operation(users, "action", "tom", action="password")
    assert users.preview(operation)["commands"] == ["passwd tom", "signal-event password-modify tom"]
    assert users.refusal("apply", operation=operation).more["fields"].keys() == {"password"}
    short = users.refusal("preview", operation={**operation, "password": "short"})
    assert (short.kind, short.more["fields"].keys()) == ("refused", {"password"})
    lock = _operation(users, "action", "tom", action="lock")
    assert users.refusal("apply", operation={**lock, "password": "long enough 9"}).kind == "bad-request"
    job = users.apply({**operation, "password": "long enough 9"})
    assert job["state"] == "done" and job["result"]["notes"] == ["the password is set"]
    assert _noted(users) == ["password-modify tom"]
    for place in users.path.rglob("*"):
        if place.is_file() and not place.is_symlink():
            # Some may be read by root alone, whatever their mode.
            place.chmod(place.stat().st_mode | 0o400)
            assert b"long enough 9" not in place.read_bytes(), place
    with opened(users.path, write=False) as store, store.snapshot() as snapshot:
        assert not any("long enough" in word for entry in snapshot.journal() for word in entry.author.command)


def test_a_password_is_set_while_no_event_runs(users: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs, or a job and an event, do not write the accounts at once."""
    held: list[str | None] = []
    monkeypatch.setattr(
        "esmith.manager.helper.operations.panels.set_password", lambda layout, *_: held.append(find_holder(layout))
    )
    assert (
        users.apply(_operation(users, "action", "tom", action="password", password="long enough 9"))["state"] == "done"
    )
    assert [text.partition(" (")[0] for text in held if text] == ["password of tom"]


@pytest.mark.parametrize(
    ("operation", "reaches"),
    [
        ({"kind": "setting", "database": "configuration", "key": "modSSL", "values": {"TCPPort": "8443"}}, True),
        ({"kind": "setting", "database": "networks", "key": "10.0.0.0", "delete": True, "values": {}}, True),
        ({"kind": "setting", "database": "configuration", "key": "qpsmtpd", "values": {"DNSBL": "enabled"}}, False),
    ],
)
def test_what_the_panel_is_reached_by(office_desk: Desk, operation: dict[str, Any], reaches: bool) -> None:
    """What may keep a browser from this machine is marked, so that going back by itself is offered."""
    shown = office_desk.preview({**operation, "revision": office_desk.revision()})
    assert shown["reaches_panel"] is reaches
