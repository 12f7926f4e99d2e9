"""Since when a service has something to read: what its process of today has read already, and what it has not."""

from __future__ import annotations

import time

import pytest

from esmith.events.expand import expand_templates
from esmith.events.pending import list_pending
from esmith.events.recover import RETRY_SECONDS, next_due, recover_all
from esmith.services.model import ServiceStatus, Status, SupervisorError
from tests.events.kit import Scene


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """Give the root a service ``clamd`` that reads /etc/t, and an event that writes it."""
    scene.give_reader()
    return scene


class Clock:
    """What time it is for the engine.

    :param now: seconds since 1970.
    """

    def __init__(self, now: float) -> None:
        self.now = now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that only the test moves."""
    clock = Clock(time.time())
    monkeypatch.setattr("time.time", lambda: clock.now)
    return clock


def _change(scene: Scene, value: str) -> None:
    """Change the file that clamd reads, without adjusting clamd."""
    scene.set("configuration", "A", "setting", value=value)
    expand_templates(scene.session(), ["/etc/t"])


def _recover(scene: Scene) -> None:
    recover_all(scene.session())


def test_a_later_change_is_what_counts(scene: Scene, clock: Clock) -> None:
    """A process that started between two changes has not read the second one, so it is restarted."""
    _change(scene, "second")
    clock.now += 100
    _change(scene, "third")
    clock.now += 100
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UP, 7, 150)
    _recover(scene)
    assert scene.carried_out() == ["clamd restart"]


@pytest.mark.parametrize(("seconds", "actions"), [(99, ["clamd restart"]), (98, [])])
def test_the_second_of_the_change_counts_as_before_it(
    scene: Scene, clock: Clock, seconds: int, actions: list[str]
) -> None:
    """Supervisors count whole seconds: only a process that is more than one second younger has read the change."""
    _change(scene, "second")
    clock.now += 100
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UP, 7, seconds)
    _recover(scene)
    assert scene.carried_out() == actions
    with scene.store.snapshot() as snapshot:
        assert list_pending(snapshot) == {}


def test_an_attempt_without_success_is_no_change(scene: Scene, clock: Clock) -> None:
    """After attempts without success it is known when the file changed, by which command, and when the last was."""
    changed = clock.now
    _change(scene, "second")
    scene.supervisor.refuses = {"clamd"}
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UP, 7, 3600)
    for _ in range(2):
        clock.now += 100
        with pytest.raises(SupervisorError):
            _recover(scene)
    with scene.store.snapshot() as snapshot:
        (pending,) = list_pending(snapshot).values()
        assert (pending.since, pending.tried, pending.actions) == (changed, changed + 200, ["restart"])
        assert pending.why.startswith("expand-template")
        assert next_due(snapshot) == changed + 200 + RETRY_SECONDS


def test_a_change_after_an_attempt_without_success(scene: Scene, clock: Clock) -> None:
    """A new change replaces the time of the first one, and is due like any."""
    _change(scene, "second")
    scene.supervisor.refuses = {"clamd"}
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UP, 7, 3600)
    clock.now += 100
    with pytest.raises(SupervisorError):
        _recover(scene)
    clock.now += 100
    _change(scene, "third")
    with scene.store.snapshot() as snapshot:
        (pending,) = list_pending(snapshot).values()
    assert pending.since == clock.now
