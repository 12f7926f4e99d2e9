"""Events that an action signals: one that is killed, and one that goes on when the event around it has ended."""

from __future__ import annotations

import time

import pytest

from esmith.apply.generations import forget_generation, list_generations
from esmith.errors import StoreError
from tests.apply.kit import AUTHOR
from tests.commands import Root
from tests.events.kit import Scene


@pytest.fixture
def office(root: Root) -> Root:
    """Give a root with an event ``inner`` and an event ``outer``, each of which writes a file of its own."""
    for name in ("outer", "inner"):
        root.custom(f"/etc/{name}/template-begin", "")
        root.custom(f"/etc/{name}/10", "{{ A or 'none' }}\n")
        root.write(f"/etc/e-smith/events/{name}/templates2expand", f"/etc/{name}\n")
        root.signal(name)
    root.config("set", "A", "new")
    return root


def _action(root: Root, event: str, name: str, script: str) -> None:
    root.write(f"/etc/e-smith/events/{event}/{name}", f"#!/bin/sh\n{script}\n", mode=0o755, shipped=True)


@pytest.mark.parametrize("step", ["S02nest", "S50nest"])
def test_an_inner_event_that_is_killed(office: Root, step: str) -> None:
    """Its files are restored when the action ends, and the event around it stays: nothing is taken back later."""
    _action(office, "inner", "S10kill", "kill -9 $PPID")
    _action(office, "outer", step, "signal-event inner || true")
    answer = office.signal("outer")
    assert "signal-event inner was interrupted; the old content of 1 file was restored" in answer.err
    assert (office.read("/etc/outer"), office.read("/etc/inner")) == ("new\n", "none\n")
    assert "interrupted" not in office.signal("clamav-update").err
    assert office.read("/etc/outer") == "new\n"


def test_an_inner_event_that_goes_on_alone(office: Root) -> None:
    """One that its action leaves in the background is taken back, says so, and takes nothing of others back."""
    log, began, go = (office.file(name) for name in ("/inner.log", "/began", "/go"))
    _action(office, "inner", "S10slow", f"touch {began}; while [ ! -e {go} ]; do sleep 0.1; done")
    inner = f"(signal-event inner >{log} 2>&1; echo exit $? >>{log}) & while [ ! -e {began} ]; do sleep 0.1; done"
    _action(office, "outer", "S02nest", f"if [ ! -e {began} ]; then {inner}; fi")
    office.signal("outer")
    office.config("set", "A", "newer")
    office.signal("outer", code=None)
    go.touch()
    deadline = time.monotonic() + 60
    while "exit" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "exit 0" not in log.read_text()
    assert "taken back by another command" in log.read_text()
    office.file("/etc/e-smith/events/outer/S02nest").unlink()
    office.signal("outer")
    assert office.read("/etc/outer") == "newer\n"


def test_an_install_that_was_forgotten(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event whose install somebody else has taken back meanwhile is not complete, and restores nothing of others."""
    scene.template("/etc/t", "{{ A.value }}\n")
    scene.event("/etc/t\n")
    scene.set("configuration", "A", "setting", value="first")
    scene.signal()
    scene.set("configuration", "A", "setting", value="second")

    def taken(*_: object, **__: object) -> None:
        with scene.store.transaction(AUTHOR) as transaction:
            forget_generation(list_generations(transaction)[0], transaction)

    monkeypatch.setattr("esmith.events.signal._Run._adjust", taken)
    scene.event("/etc/t\n", "reader restart\n")
    with pytest.raises(StoreError, match="taken back by another command"):
        scene.signal()
    assert scene.file("/etc/t").read_text() == "second\n"


def test_an_event_that_signals_itself(office: Root) -> None:
    """It ends with a message that says so, and the files are as before."""
    _action(office, "outer", "S50again", "config set A $$ && signal-event outer")
    answer = office.signal("outer", code=7)
    assert "8 actions have started one another" in answer.err
    assert office.read("/etc/outer") == "none\n"
