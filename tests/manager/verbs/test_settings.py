"""A change of any setting: looked at, applied, refused, in conflict, taken back."""

from __future__ import annotations

import json

import pytest

from tests.apply.kit import CHECKER
from tests.events.kit import Scene
from tests.manager.verbs.kit import Desk
from tests.store.stores import opened


def test_what_is_shown_is_done(scene: Scene, desk: Desk) -> None:
    """The preview shows setting, file, service, event and commands; the job does that, and says so."""
    operation = desk.setting("A", values={"value": "second"})
    shown = desk.preview(operation)
    assert shown["changes"] == [
        {"database": "configuration", "key": "A", "property": "value", "old": "first", "new": "second"}
    ]
    (file,) = shown["files"]
    assert (file["path"], file["change"], file["diff"][-2:]) == ("/etc/t", "replace", ["-first", "+second"])
    assert shown["services"] == {"clamd": ["restart"]}
    assert shown["events"] == ["try"] and not (shown["nothing"] or shown["actions_not_shown"])
    assert shown["commands"] == ["config setprop A value second", "signal-event try"]
    assert desk.file("/etc/t").read_text() == "first\n" and desk.value("A", "value") == "first"
    job = desk.apply(operation)
    assert (job["state"], job["revision"], job["commands"]) == ("done", desk.revision(), shown["commands"])
    assert job["result"]["files"] == [{"path": "/etc/t", "change": "replace"}]
    assert job["result"]["services"] == {"clamd": ["restart"]} == shown["services"]
    assert [line["text"] for line in job["lines"] if line["kind"] == "step"] == ["signal-event try"]
    assert [line["n"] for line in job["lines"]] == list(range(1, len(job["lines"]) + 1))
    assert desk.file("/etc/t").read_text() == "second\n"
    assert scene.carried_out() == ["clamd restart"]


def test_the_journal_names_account_and_address(desk: Desk) -> None:
    """A change is the account's, with what was changed and the address it came from."""
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    with opened(desk.path, write=False) as store, store.snapshot() as snapshot:
        author = next(snapshot.journal(job["revision"])).author
    assert (author.user, author.sudo_user) == ("admin", "")
    assert author.command == ["server-manager", "settings/configuration/A", "from", "192.0.2.7"]


def test_nothing_to_do(desk: Desk) -> None:
    """What is so already is shown as nothing; the job ends at once, and stores no revision."""
    operation = desk.setting("A", values={"value": "first"})
    assert desk.preview(operation)["nothing"]
    before = desk.revision()
    job = desk.apply(operation)
    assert (job["state"], job["revision"], desk.revision()) == ("done", None, before)


def test_records_are_made_and_deleted(desk: Desk) -> None:
    """A record is made with its type, a property is deleted by null, a value without properties is set, and all go."""
    desk.apply(desk.setting("B", type="service", values={"status": "enabled", "x": "1"}))
    assert desk.value("B", "status") == "enabled"
    shown = desk.preview(desk.setting("B", values={"x": None, "y": "it's"}))
    assert shown["commands"] == ["config setprop B y 'it'\"'\"'s'", "config delprop B x"]
    desk.apply(desk.setting("B", values={"x": None, "y": "it's"}))
    assert (desk.value("B", "x"), desk.value("B", "y")) == (None, "it's")
    desk.apply(desk.setting("C", type="one"))
    shown = desk.preview(desk.setting("C", values={"": "two"}))
    assert shown["commands"] == ["config set C two"]
    desk.apply(desk.setting("C", values={"": "two"}))
    assert desk.value("C") == "two"
    shown = desk.preview(desk.setting("B", delete=True))
    assert shown["commands"] == ["config delete B"]
    desk.apply(desk.setting("B", delete=True))
    assert desk.value("B") is None


def test_a_conflict_shows_both_values(desk: Desk) -> None:
    """A later change of the same property is refused with both values and who it was; one of another is none."""
    form = desk.setting("A", values={"value": "mine"})
    other = Desk(desk.path, "bob")
    other.apply(other.setting("A", values={"else": "x"}))
    assert desk.preview(form)["changes"]
    other.apply(other.setting("A", values={"value": "theirs"}))
    for verb in ("preview", "apply"):
        found = desk.refusal(verb, operation=form)
        assert found.kind == "conflict"
        conflict = found.more["conflict"]
        assert conflict["revision"] == desk.revision()
        (cell,) = conflict["cells"]
        expected = {"field": "value", "yours": "mine", "theirs": "theirs", "was": "first", "by": "bob"}
        assert expected.items() <= cell.items()
        assert cell["command"] == "server-manager settings/configuration/A from 192.0.2.7"
    assert desk.value("A", "value") == "theirs"
    job = desk.apply({**form, "revision": conflict["revision"]})
    assert job["state"] == "done" and desk.value("A", "value") == "mine"


def test_both_wanted_the_same(desk: Desk) -> None:
    """What somebody else has set to the same value already is no conflict."""
    form = desk.setting("A", values={"value": "same"})
    desk.apply(desk.setting("A", values={"value": "same"}))
    assert desk.apply(form)["revision"] is None


def test_a_record_that_was_deleted_meanwhile(desk: Desk) -> None:
    """A change of a record that somebody has deleted is a conflict, and so is to delete one that was changed."""
    change, delete = desk.setting("A", values={"value": "x"}), desk.setting("A", delete=True)
    desk.apply(desk.setting("A", values={"value": "y"}))
    assert desk.refusal("apply", operation=delete).kind == "conflict"
    desk.apply(desk.setting("A", delete=True))
    found = desk.refusal("apply", operation=change)
    assert found.kind == "conflict"
    assert found.more["conflict"]["cells"][0]["theirs"] is None


def test_databases_that_were_replaced(desk: Desk) -> None:
    """A form of a later revision than there is comes from other databases, and is refused."""
    operation = {**desk.setting("A", values={"value": "x"}), "revision": 10_000}
    assert desk.refusal("apply", operation=operation).kind == "failed"


def test_undo(desk: Desk) -> None:
    """A revision is taken back with its files; what was changed since is refused, the first one and others too."""
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    operation = {"kind": "undo", "revision": job["revision"]}
    assert desk.preview(operation)["files"][0]["diff"][-2:] == ["-second", "+first"]
    assert desk.apply(operation)["title"] == f"Undo revision {job['revision']}"
    assert desk.file("/etc/t").read_text() == "first\n"
    later = desk.apply(desk.setting("A", values={"value": "third"}))
    desk.apply(desk.setting("A", values={"value": "fourth"}))
    assert desk.refusal("apply", operation={"kind": "undo", "revision": later["revision"]}).kind == "failed"
    assert desk.refusal("preview", operation={"kind": "undo", "revision": 1}).kind == "refused"
    assert desk.refusal("preview", operation={"kind": "undo", "revision": 999}).kind == "not-found"


def test_a_secret_is_shown_nowhere(desk: Desk) -> None:
    """The value of a secret is in no preview, no conflict, no command and no file of a job."""
    form = desk.setting("A", values={"DbPassword": "hunter22"})
    shown = desk.preview(form)
    assert shown["commands"] == ["config setprop A DbPassword PASSWORD"]
    assert shown["changes"][0]["new"] == "****"
    job = desk.apply(desk.setting("A", values={"DbPassword": "hunter33"}))
    assert job["operation"]["values"] == {"DbPassword": "****"}
    conflict = desk.refusal("apply", operation=form).more["conflict"]
    assert {conflict["cells"][0][name] for name in ("yours", "theirs")} == {"****"}
    everything = json.dumps([shown, job, conflict])
    for place in (desk.path / "var/lib/e-smith/manager/jobs").iterdir():
        everything += place.read_text()
    assert "hunter" not in everything
    assert desk.value("A", "DbPassword") == "hunter33"


@pytest.mark.parametrize("checks", [True, False])
def test_a_refused_file(scene: Scene, desk: Desk, checks: bool) -> None:
    """The verdict of a check comes when it is asked for, and says that the event would be stopped."""
    checker = scene.foreign("/checker", CHECKER, 0o755)
    check = f'[check]\ncommand = ["{checker}", "{{file}}"]\npackage = "daemon"\n'
    scene.trees.standard("/etc/t/template.toml", check)
    shown = desk.preview(desk.setting("A", values={"value": "broken"}), checks=checks)
    (file,) = shown["files"]
    assert (shown["refused"] is not None, file["verdict"] is not None) == (checks, checks)


@pytest.mark.parametrize(("name", "value"), [("TCPPort", "983"), ("status", "disabled")])
def test_status_and_port_reach_the_process_of_a_service(office_desk: Desk, name: str, value: str) -> None:
    """Whether and where a service listens takes effect with the event that adjusts the service, also without a file."""
    shown = office_desk.preview(office_desk.setting("smanager", values={name: value}))
    assert "signal-event remoteaccess-update" in shown["commands"]
    shown = office_desk.preview(office_desk.setting("smanager", values={"Timeout": "600"}))
    assert "signal-event remoteaccess-update" not in shown["commands"]
