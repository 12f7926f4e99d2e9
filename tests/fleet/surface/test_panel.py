"""The server-manager on a member of a fleet: which layer it changes, what is refused, and the page Health."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from esmith.errors import StoreError
from esmith.layout import Layout
from esmith.manager.helper.context import Context
from esmith.manager.helper.verbs import health
from tests.commands import Root
from tests.events.kit import Scene
from tests.fleet.surface.kit import FakeAgent, make_member, mark_of, receive
from tests.manager.verbs.conftest import desk, scene
from tests.manager.verbs.kit import Desk
from tests.manager.web.conftest import MakeBrowser, browse

__all__ = ["browse", "desk", "scene"]
A = "configuration", "A"
AWAY = {"outcome": "refused", "message": "etcd is away: https://192.0.2.1:2379", "hint": "wait for it"}
BEHIND = {"outcome": "behind", "head": 1}


@pytest.fixture
def far(desk: Desk) -> Iterator[FakeAgent]:
    """The agent of a member where a group has a value of A."""
    root = make_member(Root(desk.path))
    receive(root, [("group:mx", *A, "", "service"), ("group:mx", *A, "value", "first")])
    with FakeAgent(root) as made:
        yield made


def texts(job: dict[str, list[dict[str, str]]]) -> list[str]:
    """Return what a job says."""
    return [line["text"] for line in job["lines"]]


def test_the_job_says_whose_value_was_changed(desk: Desk, far: FakeAgent) -> None:
    """A form changes the layer of the value; others that were first are waited for, and the job says it once."""
    far.answers = [BEHIND]
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    assert job["state"] == "done"
    assert texts(job).count("changed for group mx: 2 hosts (mail1, mail2)") == 1
    assert [one["changes"] for one in far.commits] == [[["group:mx", *A, "value", "second"]]] * 2
    assert desk.file("/etc/t").read_text() == "second\n"


def test_a_change_that_the_fleet_refuses(desk: Desk, far: FakeAgent) -> None:
    """While etcd is away the change is refused with the reason, and there is no job; the preview asks nobody."""
    operation = desk.setting("A", values={"value": "second"})
    assert desk.preview(operation)["commands"][0] == "config setprop A value second"
    assert far.commits == []
    far.answers = [AWAY]
    with pytest.raises(StoreError, match="etcd is away") as found:
        desk.apply(operation)
    assert "nothing was changed" in found.value.hint
    assert desk.value("A", "value") == "first"
    assert desk.call("jobs")["jobs"] == []


def test_what_is_set_back_is_of_this_host(scene: Scene, desk: Desk, far: FakeAgent) -> None:
    """When the event fails here, this host alone has its old value back; the others keep the new one."""
    scene.event("/etc/t\n", actions={"S30fail": "exit 1"})
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    assert (job["state"], desk.value("A", "value")) == ("failed", "first")
    assert len(far.commits) == 1
    assert mark_of(far.root, *A, "value") == "host"


def test_records_that_go_at_the_end(desk: Desk, far: FakeAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is deleted when the events have ended is deleted for all, also after others that were first."""
    from esmith.manager.helper.operations.settings import SettingOperation

    monkeypatch.setattr(SettingOperation, "deletes", lambda *_: [["configuration", "A", "service"]])
    far.answers = [{"outcome": "accepted", "revision": 2, "hash": "h2"}, BEHIND]
    assert desk.apply(desk.setting("A", values={"value": "second"}))["state"] == "done"
    assert far.changes == [["group:mx", *A, "", None]]
    assert desk.value("A") is None


def test_the_page_health(member: Root, agent: FakeAgent, browse: MakeBrowser) -> None:
    """The page has a table of the servers; what they report is shown as text."""
    path = member.path / "var/lib/e-smith/fleet/status.json"
    rows = [
        {"host": "mail2", "revision": 7, "drift": 2, "time": 1e300, "error": "<b>away</b>", "pending": float("nan")}
    ]
    path.write_text(json.dumps({"revision": 3, "time": 1_000_000_000, "hosts": rows}))
    path.chmod(0o600)
    found = health.health(Context(Layout(str(member.path)), "admin", "192.0.2.7"), {})
    assert agent.commits == []
    hosts = {one["host"]: one for one in found["fleet"]["hosts"]}
    assert (hosts["mail1"]["revision"], hosts["mail1"]["time"] != "") == (3, True)
    assert (hosts["mail2"]["revision"], hosts["mail2"]["time"], hosts["mail2"]["pending"]) == (7, "", None)
    page = browse({"health": lambda _: found}).get("/health")
    assert "Servers of the fleet example" in page.words
    assert "&lt;b&gt;away&lt;/b&gt;" in page.text
    assert "<b>away" not in page.text


def test_no_table_without_a_fleet(root: Root, browse: MakeBrowser) -> None:
    """Where the server is in no fleet nothing of one is there."""
    found = health.health(Context(Layout(str(root.path)), "admin", "192.0.2.7"), {})
    assert found["fleet"] is None
    assert "Servers of the fleet" not in browse({"health": lambda _: found}).get("/health").words
