"""A job that is killed: all it was for is there afterwards, or nothing of it, and whoever reads it sees which."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from esmith.apply.generations import list_interrupted
from esmith.events.unsettled import UNSETTLED
from esmith.manager.helper import carrying_out, jobs, settings_of_job
from esmith.manager.helper.settling import settle_jobs
from tests.events.kit import Scene
from tests.manager.verbs.kit import Desk, process_of
from tests.store.stores import opened

_OLD, _NEW = "first", "second"


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """Return a function that kills the process that calls it, before or after it does what it does."""

    def call(*words: Any, **options: Any) -> Any:
        if after:
            function(*words, **options)
        _die()

    return call


def _start(desk: Desk) -> str:
    """Start a job that changes a setting, and return its id when its process has ended."""
    id = str(desk.call("apply", operation=desk.setting("A", values={"value": _NEW}))["id"])
    while jobs.is_running(desk.layout, id):
        time.sleep(0.005)
    return id


def _judge(desk: Desk, id: str) -> dict[str, Any]:
    """Read a job that was killed, see that nothing is half, and return it."""
    found = desk.call("job", job=id)
    is_new = found["state"] == "done"
    assert found["state"] in ("done", "lost", "failed"), found
    value = _NEW if is_new else _OLD
    files = [desk.file(path).read_text() for path in ("/etc/t", "/etc/u")]
    assert (desk.value("A", "value"), files) == (value, [f"{value}\n"] * 2), found
    assert is_new or found["error"]["settings_back"] or found["revision"] is None, found
    # A row of a job whose end is noted goes when the helper starts.
    assert settle_jobs(desk.layout) == []
    with opened(desk.path, write=False) as store, store.snapshot() as snapshot:
        assert UNSETTLED.names(snapshot) == []
        assert list_interrupted(snapshot) == []
    assert desk.call("job", job=id) == found, "the second reading says the same"
    return found


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """Two files follow the setting."""
    scene.template("/etc/u", "{{ A.value | default('') }}\n")
    scene.event("/etc/t\n/etc/u\n", "clamd sighup\n", actions={"S30wait": "sleep 0.02"})
    scene.signal()
    return scene


@pytest.mark.parametrize(
    ("name", "after", "state"),
    [
        ("signal_event", False, "lost"),
        ("signal_event", True, "done"),
        ("forget_row", False, "done"),
        ("forget_row", True, "done"),
    ],
)
def test_each_step(far_desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, after: bool, state: str) -> None:
    """Before its event was completed a killed job is undone, after that it is done."""
    monkeypatch.setattr(carrying_out, name, _dying(getattr(carrying_out, name), after=after))
    id = _start(far_desk)
    monkeypatch.undo()
    found = _judge(far_desk, id)
    assert found["state"] == state
    if name == "signal_event":
        assert "killed" in found["lines"][-1]["text"]


@pytest.mark.parametrize("after", [False, True])
def test_while_the_settings_go_back(scene: Scene, far_desk: Desk, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """Killed before or after it sets the settings back, they are back when the job is read."""
    scene.event("/etc/t\n/etc/u\n", actions={"S30fail": "exit 1"})
    monkeypatch.setattr(carrying_out, "set_back", _dying(settings_of_job.set_back, after=after))
    id = _start(far_desk)
    monkeypatch.undo()
    assert _judge(far_desk, id)["state"] == "lost"


@pytest.mark.parametrize("after", [False, True])
def test_while_a_record_goes(far_desk: Desk, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """The record that goes at the end is gone when its event was completed."""
    from esmith.manager.helper.operations.settings import SettingOperation

    monkeypatch.setattr(SettingOperation, "deletes", lambda *_: [["configuration", "clamd", "service"]])
    monkeypatch.setattr(carrying_out, "delete_records", _dying(settings_of_job.delete_records, after=after))
    id = _start(far_desk)
    monkeypatch.undo()
    assert _judge(far_desk, id)["state"] == "done"
    assert far_desk.value("clamd") is None


def test_a_job_that_never_began(far_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the settings are stored and nothing more was done, the helper sets them back when it starts."""
    monkeypatch.setattr("esmith.manager.helper.process.start", lambda *_: None)
    operation = far_desk.setting("A", values={"value": _NEW})
    id = far_desk.call("apply", operation=operation)["id"]
    monkeypatch.undo()
    assert far_desk.value("A", "value") == _NEW
    assert settle_jobs(far_desk.layout) == [id]
    assert settle_jobs(far_desk.layout) == []
    assert _judge(far_desk, id)["state"] == "lost"


def test_killed_before_the_settings_are_stored(far_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When who asked is killed before anything is stored, the job says that no setting had been changed."""
    from esmith.manager.helper.verbs import changes

    operation = far_desk.setting("A", values={"value": _NEW})
    monkeypatch.setattr(changes, "refuse_conflict", _die)
    asking = os.fork()
    if asking == 0:
        try:
            far_desk.call("apply", operation=operation)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(asking, 0)[1]) == signal.SIGKILL
    monkeypatch.undo()
    (id,) = jobs.job_ids(far_desk.layout)
    found = _judge(far_desk, id)
    assert (found["state"], found["revision"]) == ("lost", None)
    assert "no setting had been changed" in found["error"]["hint"]


def test_what_was_changed_since_stays(far_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody else has changed before the killed job is read is not touched, and the job says so."""
    monkeypatch.setattr("esmith.manager.helper.process.start", lambda *_: None)
    operation = far_desk.setting("A", values={"value": _NEW, "other": "x"})
    id = far_desk.call("apply", operation=operation)["id"]
    monkeypatch.undo()
    with opened(far_desk.path) as store:
        from tests.store.stores import AUTHOR

        with store.transaction(AUTHOR) as transaction:
            transaction.set_prop("configuration", "A", "value", "theirs")
    found = far_desk.call("job", job=id)
    assert (found["state"], found["error"]["settings_back"]) == ("lost", False)
    assert "1 setting stayed" in found["lines"][-1]["text"]
    assert (far_desk.value("A", "value"), far_desk.value("A", "other")) == ("theirs", None)


def _attack(desk: Desk, chance: random.Random, longest: float) -> str:
    """Kill a job at a moment, alone or with all it started; return how it ended after that."""
    far_operation = desk.setting("A", values={"value": _NEW})
    id = str(desk.call("apply", operation=far_operation)["id"])
    until = time.monotonic() + chance.uniform(0, longest)
    while not (process := process_of(desk, id)):
        time.sleep(0.001)
    while (left := until - time.monotonic()) > 0:
        time.sleep(left)
    try:
        group = os.getpgid(process)
        kill = os.killpg if chance.random() < 0.5 else os.kill
        kill(group if kill is os.killpg else process, signal.SIGKILL)
    except ProcessLookupError:
        pass
    while jobs.is_running(desk.layout, id):
        time.sleep(0.002)
    state = str(_judge(desk, id)["state"])
    back = desk.apply(desk.setting("A", values={"value": _OLD}))
    assert back["state"] == "done", back
    return state


def test_at_random(far_desk: Desk) -> None:
    """At whatever moment it is killed, all is new or all is old."""
    chance = random.Random(17)
    for _ in range(3):
        _attack(far_desk, chance, 0.15)


@pytest.mark.long
def test_at_random_often(far_desk: Desk) -> None:
    """The same two hundred times: both ends were seen."""
    chance = random.Random(4)
    found = [_attack(far_desk, chance, 0.3) for _ in range(200)]
    print({state: found.count(state) for state in sorted(set(found))})
    assert {"done", "lost"} <= set(found)


@pytest.mark.parametrize("deletes", [[], [["configuration", "clamd", "service"]]])
def test_the_same_event_of_another_record(
    far_desk: Desk, monkeypatch: pytest.MonkeyPatch, deletes: list[list[str]]
) -> None:
    """An event that was completed for another record since is not that of the killed job."""
    from esmith.manager.helper.operations.settings import SettingOperation

    monkeypatch.setattr("esmith.manager.helper.process.start", lambda *_: None)
    monkeypatch.setattr(SettingOperation, "events", lambda *_: [["try", "alice"]])
    monkeypatch.setattr(SettingOperation, "deletes", lambda *_: deletes)
    id = far_desk.call("apply", operation=far_desk.setting("A", values={"other": "x"}))["id"]
    monkeypatch.undo()
    monkeypatch.setattr(SettingOperation, "events", lambda *_: [["try", "bob"]])
    assert far_desk.apply(far_desk.setting("A", values={"value": _NEW}))["state"] == "done"
    found = far_desk.call("job", job=id)
    assert (found["state"], found["error"]["settings_back"]) == ("lost", True)
    assert (far_desk.value("A", "other"), far_desk.value("A", "value")) == (None, _NEW)
    assert far_desk.value("clamd") == "service"
