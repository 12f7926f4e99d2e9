"""An event that fails for the settings of a job: settings and files are as before, and the job says so."""

from __future__ import annotations

import os
import sys

import pytest

from tests.apply.kit import CHECKER
from tests.events.kit import Scene, make_event
from tests.manager.verbs.kit import Desk
from tests.store.stores import opened

BIN = os.path.dirname(sys.executable)
REQUIRED = {"settings_back": True, "files_back": True}


def _check(scene: Scene) -> None:
    checker = scene.foreign("/checker", CHECKER, 0o755)
    check = f'[check]\ncommand = ["{checker}", "{{file}}"]\npackage = "daemon"\n'
    metadata = f'services = {{ clamd = "restart" }}\n{check}'
    scene.trees.standard("/etc/t/template.toml", metadata)


def _action(scene: Scene) -> None:
    scene.event("/etc/t\n", "clamd sighup\n", actions={"S30try": "echo it broke; exit 1"})


def _service(scene: Scene) -> None:
    scene.supervisor.breaks.add("clamd")


def _dies(scene: Scene) -> None:
    scene.supervisor.dies.add("clamd")


def _fragment(scene: Scene) -> None:
    scene.template("/etc/t", "{{ 1 // 0 if A.value == 'broken' else A.value }}\n")


@pytest.mark.parametrize("fault", [_check, _action, _service, _fragment], ids=lambda one: one.__name__[1:])
def test_all_is_as_before(scene: Scene, desk: Desk, fault: object) -> None:
    """The settings go back in a revision that says why, the files are the old ones, and the message is the engine's."""
    assert callable(fault)
    fault(scene)
    operation = desk.setting("A", values={"value": "broken", "other": "x"})
    job = desk.apply(operation)
    assert job["state"] == "failed", job
    assert job["error"]["message"] and REQUIRED.items() <= job["error"].items(), job["error"]
    assert (desk.value("A", "value"), desk.value("A", "other")) == ("first", None)
    assert desk.file("/etc/t").read_text() == "first\n"
    with opened(desk.path, write=False) as store, store.snapshot() as snapshot:
        newest = next(snapshot.journal())
    assert newest.author.user == "admin" and newest.author.command[-1] == "(its event failed)"
    assert newest.number == job["revision"] + 1
    assert len(list(newest)) == 2


def test_what_actions_changed_is_restored_too(scene: Scene, desk: Desk) -> None:
    """What an action stored before another one failed is taken back; what others stored meanwhile stays."""
    scene.event(
        "/etc/t\n",
        actions={
            "S02store": f"{BIN}/db accounts set alice user\n{BIN}/config setprop A Uid 5004\n"
            f"SUDO_USER=bob {BIN}/config setprop A theirs 1",
            "S30fail": "exit 1",
        },
    )
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    assert job["error"]["settings_back"]
    found = {prop: desk.value("A", prop) for prop in ("value", "Uid", "theirs")}
    assert found == {"value": "first", "Uid": None, "theirs": "1"}
    assert desk.value("alice", database="accounts") is None


def test_a_supervisor_that_refuses(scene: Scene, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only a supervisor refuses, settings and files stay, the action is pending, and the job is done in part."""
    from esmith.services.model import SupervisorError

    def refuse(_service: str, _action: str) -> None:
        raise SupervisorError("cannot be asked", place="service clamd")

    monkeypatch.setattr(scene.supervisor, "control", refuse)
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    assert (job["state"], job["result"]["pending"]) == ("partial", {"clamd": ["restart"]})
    assert job["error"]["message"] == "cannot be asked" and not job["error"]["settings_back"]
    assert (desk.value("A", "value"), desk.file("/etc/t").read_text()) == ("second", "second\n")


def test_an_action_that_is_done_in_part(scene: Scene, desk: Desk) -> None:
    """An action that ends with 11 makes the job one that is done in part; nothing is restored."""
    scene.event("/etc/t\n", actions={"S30part": "echo one user has no home; exit 11"})
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    assert job["state"] == "partial" and list(job["result"]["left"].values())[0].endswith("one user has no home")
    assert desk.value("A", "value") == "second"


def test_the_second_of_two_events(scene: Scene, desk: Desk) -> None:
    """When a later event fails, what the first one made is made again from the settings of before."""
    scene.template("/etc/u", "{{ A.value }}\n")
    make_event(scene.path, "zzz", templates="/etc/u\n", actions={"S30fail": "exit 1"})
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    steps = [line["text"] for line in job["lines"] if line["kind"] == "step"]
    assert steps == ["signal-event try", "signal-event zzz", "signal-event try"]
    assert job["error"]["settings_back"] and job["error"]["files_back"]
    assert (desk.value("A", "value"), desk.file("/etc/t").read_text()) == ("first", "first\n")
    assert not desk.file("/etc/u").exists()


def test_the_second_of_two_events_when_a_setting_stays(scene: Scene, desk: Desk) -> None:
    """Where somebody else changed one of the settings meanwhile, the files follow those that were set back."""
    scene.template("/etc/t", "{{ A.value }} {{ A.other | default('none') }}\n")
    scene.template("/etc/u", "{{ A.value }}\n")
    actions = {"S30fail": f"SUDO_USER=bob {BIN}/config setprop A other theirs\nexit 1"}
    make_event(scene.path, "zzz", templates="/etc/u\n", actions=actions)
    job = desk.apply(desk.setting("A", values={"value": "second", "other": "ours"}))
    assert job["state"] == "failed" and not job["error"]["settings_back"]
    assert (desk.value("A", "value"), desk.value("A", "other")) == ("first", "theirs")
    assert desk.file("/etc/t").read_text() == "first theirs\n"


def test_a_fault_of_ours(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the program ends the job as failed, with the settings back; the log has the traceback."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("esmith.manager.helper.carrying_out.signal_event", broken)
    operation = desk.setting("A", values={"value": "second"})
    with pytest.raises(ZeroDivisionError):
        desk.call("apply", operation=operation)
    (job,) = desk.call("jobs")["jobs"]
    assert job["state"] == "failed" and job["error"]["settings_back"]
    assert desk.value("A", "value") == "first"
    assert "of ours" in desk.file("/var/log/e-smith/events.log").read_text()


def test_a_job_that_cannot_be_started(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel makes no process the settings go back at once, and the job says so."""

    def refuse(*_: object) -> None:
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr("esmith.manager.helper.process.start", refuse)
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    assert job["state"] == "failed" and job["error"]["settings_back"]
    assert desk.value("A", "value") == "first"
