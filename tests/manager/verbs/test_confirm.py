"""A change that is rolled back by itself unless it is confirmed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from esmith.events.recover import recover_all
from esmith.events.session import Session
from tests.events.kit import Scene, make_event
from tests.manager.verbs.kit import Desk
from tests.store.stores import opened


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the deadline in the background."""
    monkeypatch.setattr("esmith.events.signal.wait_in_background", lambda _layout: None)


def _unconfirmed(desk: Desk) -> dict[str, Any]:
    job = desk.apply(desk.setting("A", values={"value": "second"}), confirm=600)
    assert job["state"] == "done" and job["confirm"]["deadline"] > time.time() + 300
    assert job["commands"][1] == "signal-event --confirm 600s try"
    return job


def _settings(desk: Desk) -> tuple[str | None, str]:
    return desk.value("A", "value"), desk.file("/etc/t").read_text()


def test_kept(desk: Desk) -> None:
    """A change that is confirmed stays, and its job waits for nothing any more; there is nothing to confirm then."""
    job = _unconfirmed(desk)
    assert desk.call("confirm") == {"kept": "signal-event try"}
    assert desk.call("job", job=job["id"])["confirm"] is None
    assert desk.refusal("confirm").kind == desk.refusal("take-back").kind == "not-found"
    assert _settings(desk) == ("second", "second\n")


def test_taken_back(desk: Desk) -> None:
    """It is rolled back at once when that is asked for: settings and files."""
    _unconfirmed(desk)
    job = desk.ended(desk.call("take-back")["id"])
    assert job["state"] == "done" and any("was not confirmed in time" in line["text"] for line in job["lines"])
    assert _settings(desk) == ("first", "first\n")
    assert desk.refusal("confirm").kind == "not-found"


def test_not_confirmed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the deadline whoever recovers sets all back."""
    _unconfirmed(desk)
    later = time.time() + 601
    with opened(desk.path) as store:
        session = Session(desk.layout, store, lambda _: None)
        monkeypatch.setattr("esmith.events.recover.time.time", lambda: later)
        recover_all(session)
    monkeypatch.undo()
    assert _settings(desk) == ("first", "first\n")


def test_a_deleted_record_comes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deleted at the end of a job is restored with the rest."""
    from esmith.manager.helper.operations.settings import SettingOperation

    monkeypatch.setattr(SettingOperation, "deletes", lambda *_: [["configuration", "clamd", "service"]])
    _unconfirmed(desk)
    assert desk.value("clamd") is None
    desk.ended(desk.call("take-back")["id"])
    assert (desk.value("clamd"), desk.value("clamd", "status")) == ("service", "enabled")
    assert _settings(desk) == ("first", "first\n")


def test_a_record_that_a_second_one_deletes_comes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two changes that wait together, also what the second one deletes at its end is restored."""
    from esmith.manager.helper.operations.settings import SettingOperation

    _unconfirmed(desk)
    monkeypatch.setattr(SettingOperation, "deletes", lambda *_: [["configuration", "clamd", "service"]])
    assert desk.apply(desk.setting("A", values={"value": "third"}), confirm=600)["state"] == "done"
    assert desk.value("clamd") is None
    desk.ended(desk.call("take-back")["id"])
    assert (desk.value("clamd"), desk.value("clamd", "status")) == ("service", "enabled")
    assert _settings(desk) == ("first", "first\n")


def test_two_wait_together(scene: Scene, desk: Desk) -> None:
    """Both are named, both jobs have the deadline of the second, and neither waits any more when they are kept."""
    first = _unconfirmed(desk)
    scene.template("/etc/u", "{{ B.status | default('') }}\n")
    make_event(scene.path, "zzz", templates="/etc/u\n")
    second = desk.apply(desk.setting("B", type="service", values={"status": "enabled"}), confirm=900)
    assert second["confirm"]["deadline"] > first["confirm"]["deadline"] + 200
    assert desk.call("job", job=first["id"])["confirm"] == second["confirm"]
    assert desk.call("confirm") == {"kept": "signal-event try, signal-event zzz"}
    again = desk.apply(desk.setting("A", values={"value": "third"}), confirm=600)
    assert again["confirm"] is not None
    assert [desk.call("job", job=one["id"])["confirm"] for one in (first, second)] == [None, None]


@pytest.mark.parametrize("confirm", [None, 600])
def test_after_a_job_that_failed(scene: Scene, desk: Desk, confirm: int | None) -> None:
    """A job that fails while a change waits leaves that one as it was: it is rolled back as a whole."""
    scene.template("/etc/u", "{{ A.value }}\n")
    _unconfirmed(desk)
    make_event(scene.path, "zzz", templates="/etc/u\n", actions={"S30fail": "exit 1"})
    job = desk.apply(desk.setting("A", values={"value": "third"}), confirm=confirm)
    assert job["state"] == "failed" and job["error"]["settings_back"]
    assert _settings(desk) == ("second", "second\n")
    desk.ended(desk.call("take-back")["id"])
    assert _settings(desk) == ("first", "first\n")


@pytest.mark.parametrize("earlier", [False, True])
def test_what_changes_no_file(desk: Desk, earlier: bool) -> None:
    """Settings that no file is made from are not rolled back by themselves, and the job says so."""
    if earlier:
        _unconfirmed(desk)
    job = desk.apply(desk.setting("B", type="service", values={"status": "enabled"}), confirm=600)
    assert (job["state"], job["confirm"]) == ("done", None)
    assert job["result"]["notes"][-1].startswith("no file changed, so this is not rolled back")


@pytest.mark.parametrize("operation", [{"kind": "recover"}, {"kind": "service", "service": "clamd", "action": "stop"}])
def test_what_cannot_go_back(desk: Desk, operation: dict[str, str]) -> None:
    """What is no change of settings is refused with a deadline, before anything is done."""
    assert desk.refusal("apply", operation=operation, confirm=600).kind == "refused"


@pytest.mark.parametrize("seconds", [0, -1, 1e9, "600", True, float("nan"), [600]])
def test_times_that_are_none(desk: Desk, seconds: object) -> None:
    """The time is a number of seconds, some at least and a day at most."""
    operation = desk.setting("A", values={"value": "x"})
    assert desk.refusal("apply", operation=operation, confirm=seconds).kind == "bad-request"
