"""Events on a member of a fleet: what is rolled back is so on this server only, and a plan is of one fleet revision."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import IO

import pytest

from esmith.events.recover import recover_all
from esmith.events.rollback import roll_back
from esmith.events.signal import signal_event
from esmith.fleet.replica import checking, overrides
from esmith.fleet.replica.applying import apply_changes
from esmith.store.model import Author
from tests.events.kit import Scene

#: Applies rows until it is killed, as the agent does; a line for each.
_OTHER = """
import sys
from esmith.fleet.replica.applying import apply_changes
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
store = open_store(Layout(sys.argv[1]), write=True)
for number in range(2, 100000):
    with store.transaction(Author("root", "", ["esmith", "fleet", "agent"])) as transaction:
        cells = {"": "setting", "value": f"v{number}", "again": f"v{number}"}
        changes = [("fleet", "configuration", "A", prop, text) for prop, text in cells.items()]
        apply_changes(transaction, changes, revision=number, hash=f"h{number}")
    print(number, flush=True)
"""
_EVENTS = 10
ENGINE = Author("root", "", ["esmith", "fleet", "agent"])


@pytest.fixture
def scene(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A member whose shared setting A was made effective with the value "first"; its agent does not run."""
    monkeypatch.setattr("esmith.events.signal.wait_in_background", lambda _layout: None)
    scene.give_reader()
    with scene.store.transaction(ENGINE) as transaction:
        rows = {"host": b"mail1", "name": b"example", "revision": b"0 "}
        for name, row in {**rows, "member/mail1": json.dumps({"groups": []}).encode()}.items():
            transaction.set_state("fleet", name, row)
    _receive(scene, "first")
    scene.signal()
    return scene


def _receive(scene: Scene, value: str) -> None:
    """Apply a row of the journal as the agent does: two settings that always have the same value."""
    with scene.store.transaction(ENGINE) as transaction:
        number = int((transaction.state("fleet", "revision") or b"0").split()[0]) + 1
        changes = [("fleet", "configuration", "A", prop, text) for prop, text in _cells(value)]
        apply_changes(transaction, changes, revision=number, hash=f"h{number}")


def _cells(value: str) -> list[tuple[str, str]]:
    return [("", "setting"), ("value", value), ("again", value)]


def _state(scene: Scene) -> tuple[str | None, dict[str, str], list[str]]:
    """Return the setting, what is of this server only, and what is not as the layers have it."""
    with scene.store.snapshot() as snapshot:
        marks = {cell[2]: mark.kind for cell, mark in overrides.all_marks(snapshot)}
        return snapshot.prop("configuration", "A", "value"), marks, checking.faults(snapshot)


def test_a_rollback_is_of_this_server(scene: Scene) -> None:
    """A rollback of files takes back their settings here, and asks nobody: the fleet keeps its value."""
    _receive(scene, "second")
    scene.signal()
    assert scene.file("/etc/t").read_text() == "second\n"
    roll_back(scene.session())
    assert scene.file("/etc/t").read_text() == "first\n"
    assert _state(scene) == ("first", {"value": "host"}, [])
    _receive(scene, "third")
    assert _state(scene) == ("first", {"value": "host"}, [])


def test_an_unconfirmed_change_is_rolled_back_here(scene: Scene) -> None:
    """A change that nobody confirmed in time is rolled back on this server, and nobody is asked."""
    _receive(scene, "second")
    signal_event(scene.session(), "try", confirm=0.0)
    recover_all(scene.session([]))
    assert scene.file("/etc/t").read_text() == "first\n"
    value, marks, faults = _state(scene)
    assert (value, marks.get("value"), faults) == ("first", "host", [])


def test_a_plan_is_of_one_fleet_revision(scene: Scene) -> None:
    """While rows of the fleet arrive, the files of an event are all of one revision: a row is never seen in parts."""
    scene.template("/etc/t", "{{ A.value }} {{ A.again }}\n")
    scene.template("/etc/u", "{{ A.again }} {{ A.value }}\n")
    scene.event("/etc/t\n/etc/u\n", "clamd sighup\n")
    words = [sys.executable, "-c", _OTHER, str(scene.path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            seen = [_signalled(scene, process.stdout) for _ in range(_EVENTS)]
        finally:
            process.kill()
    assert all(len(values) == 1 for values in seen)
    assert len(set().union(*seen)) > 1


def _signalled(scene: Scene, rows: IO[bytes]) -> set[str]:
    """Signal the event while rows arrive, and return which values its files have."""
    rows.readline()
    scene.signal()
    return set((scene.file("/etc/t").read_text() + scene.file("/etc/u").read_text()).split())
