"""Unconfirmed changes: signal-event --confirm is rolled back by itself unless it is confirmed in time."""

from __future__ import annotations

import shutil
import time
from threading import Thread

import pytest

from esmith.apply.generations import newest_number
from esmith.events.confirm import UNCONFIRMED, UnconfirmedChange, find_unconfirmed, set_unconfirmed, single_waiter
from esmith.events.errors import ActionError
from esmith.events.expand import expand_templates
from esmith.events.recover import next_due, recover_all
from esmith.events.rollback import roll_back
from esmith.events.signal import signal_event
from esmith.fields import replace
from esmith.layout import Layout
from esmith.services.model import SupervisorError
from esmith.store.model import Author
from tests.apply.kit import AUTHOR
from tests.commands import Root
from tests.events.kit import Scene, eventually


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """Give the root a service ``clamd`` that reads /etc/t, and an event that wrote it once."""
    scene.service("clamd")
    scene.template("/etc/t", "{{ A.value }}\n")
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart" }\n')
    scene.event("/etc/t\n")
    scene.set("configuration", "A", "setting", value="first")
    scene.signal()
    scene.carried_out()
    return scene


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within this process nobody waits for the deadline in the background; the commands below do."""
    monkeypatch.setattr("esmith.events.signal.wait_in_background", lambda _layout: None)


def _signal(scene: Scene, seconds: float) -> None:
    signal_event(scene.session(), "try", confirm=seconds)


def _recover(scene: Scene) -> list[str]:
    messages: list[str] = []
    recover_all(scene.session(messages))
    return messages


def _value(scene: Scene, key: str = "A") -> str | None:
    with scene.store.snapshot() as snapshot:
        return snapshot.prop("configuration", key, "value")


def test_what_is_not_confirmed_is_rolled_back(scene: Scene) -> None:
    """After the deadline the file, the setting it was made from and the service are as before."""
    scene.set("configuration", "A", "setting", value="second")
    _signal(scene, 0.0)
    assert scene.file("/etc/t").read_text() == "second\n"
    assert scene.notes[-1].startswith("the changes of signal-event try are rolled back at ")
    scene.carried_out()
    messages = _recover(scene)
    assert messages[0] == "signal-event try was not confirmed in time; 1 file and 1 setting were restored"
    assert scene.file("/etc/t").read_text() == "first\n"
    assert _value(scene) == "first"
    assert scene.carried_out() == ["clamd restart"]
    assert _recover(scene) == []


def test_before_the_deadline_nothing_is_rolled_back(scene: Scene) -> None:
    """Before its deadline a change stays, and the deadline is when something is due next."""
    scene.set("configuration", "A", "setting", value="second")
    before = time.time()
    _signal(scene, 3600)
    scene.carried_out()
    assert _recover(scene) == []
    assert scene.file("/etc/t").read_text() == "second\n"
    with scene.store.snapshot() as snapshot:
        due = next_due(snapshot)
    assert due is not None
    assert before + 3600 <= due <= time.time() + 3600


def test_the_next_event_rolls_back_too(scene: Scene) -> None:
    """Whatever command comes after the deadline carries it out before anything else."""
    scene.set("configuration", "A", "setting", value="second")
    _signal(scene, 0.0)
    scene.signal()
    assert scene.file("/etc/t").read_text() == "first\n"
    assert any("not confirmed in time" in note for note in scene.notes)


def test_later_changes_of_other_settings_stay(scene: Scene) -> None:
    """What was set after the event stays; a property that was set once more stays as it was set then."""
    scene.set("configuration", "A", "setting", value="second", other="x")
    _signal(scene, 0.0)
    scene.set("configuration", "B", "setting", value="later")
    scene.set("configuration", "A", "setting", value="third", other="x")
    messages = _recover(scene)
    assert messages[0].endswith("1 setting were restored; 1 setting changed since then stay")
    assert (_value(scene), _value(scene, "B")) == ("third", "later")


def test_a_record_that_was_used_since_stays(scene: Scene) -> None:
    """A record that the event's settings made is deleted again, unless a later command gave it a property."""
    scene.set("configuration", "A", "setting", value="second")
    scene.set("configuration", "Unused", "setting", value="1")
    scene.set("configuration", "Used", "setting", value="1")
    _signal(scene, 0.0)
    with scene.store.transaction(Author("tom", "", ["test"])) as transaction:
        transaction.set_prop("configuration", "Used", "later", "2")
    _recover(scene)
    with scene.store.snapshot() as snapshot:
        assert snapshot.type_of("configuration", "Unused") is None
        assert snapshot.type_of("configuration", "Used") == "setting"
        assert snapshot.prop("configuration", "Used", "later") == "2"


def test_events_in_between_are_rolled_back_with_it(scene: Scene) -> None:
    """Files of events that followed are restored as well, since they were made on top of it."""
    scene.set("configuration", "A", "setting", value="second")
    _signal(scene, 3600)
    scene.set("configuration", "A", "setting", value="third")
    _signal(scene, 0.0)
    assert "were restored" in _recover(scene)[0]
    assert scene.file("/etc/t").read_text() == "first\n"
    assert _value(scene) == "first"


def test_an_event_that_changes_nothing_needs_no_confirmation(scene: Scene) -> None:
    """When no file changed there is nothing to roll back, and a message says so."""
    _signal(scene, 0.0)
    assert scene.notes == ["no file changed, so there is nothing new to confirm"]
    with scene.store.snapshot() as snapshot:
        assert find_unconfirmed(snapshot) is None


def test_generations_of_unconfirmed_changes_are_kept(scene: Scene) -> None:
    """However many events follow before the deadline, the way back to before the first is kept."""
    scene.set("configuration", "A", "setting", value="second")
    scene.signal()
    scene.set("configuration", "A", "setting", value="third")
    _signal(scene, 3600)
    for number in range(25):
        scene.set("configuration", "A", "setting", value=str(number))
        scene.signal()
    _expire(scene)
    _recover(scene)
    assert scene.file("/etc/t").read_text() == "second\n"


def test_expansions_outside_of_events_do_not_take_the_way_back(scene: Scene) -> None:
    """However many times templates are expanded before the deadline, the way back to before the event is kept."""
    scene.set("configuration", "A", "setting", value="second")
    scene.signal()
    scene.set("configuration", "A", "setting", value="third")
    _signal(scene, 3600)
    for number in range(25):
        scene.set("configuration", "A", "setting", value=str(number))
        expand_templates(scene.session(), ["/etc/t"])
    _expire(scene)
    _recover(scene)
    assert scene.file("/etc/t").read_text() == "second\n"


def test_a_refusing_supervisor_does_not_stop_the_clock(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a supervisor refuses, the event fails with the new files in place; their deadline is waited for."""
    waiting: list[Layout] = []
    monkeypatch.setattr("esmith.events.signal.wait_in_background", waiting.append)
    scene.set("configuration", "A", "setting", value="second")
    scene.supervisor.refuses = {"clamd"}
    with pytest.raises(SupervisorError):
        _signal(scene, 3600)
    with scene.store.snapshot() as snapshot:
        assert find_unconfirmed(snapshot) is not None
    assert waiting == [scene.layout]


def test_a_rehearsal_asks_for_no_confirmation(scene: Scene) -> None:
    """A rehearsal of an event that would have to be confirmed changes nothing and says nothing of a deadline."""
    scene.set("configuration", "A", "setting", value="second")
    result = signal_event(scene.rehearsal(), "try", confirm=3600)
    assert [output.path for output in result.plan.changed] == ["/etc/t"]
    with scene.store.snapshot() as snapshot:
        assert find_unconfirmed(snapshot) is None
    assert scene.notes == []


def _expire(scene: Scene) -> None:
    with scene.store.transaction(Author("tom", "", ["test"])) as transaction:
        change = find_unconfirmed(transaction)
        assert change is not None
        set_unconfirmed(transaction, replace(change, deadline=0))


def test_the_command_rolls_back_by_itself(office: Root) -> None:
    """signal-event --confirm is rolled back without any further command; esmith status says that it waits."""
    before = office.read("/etc/clamd.conf")
    office.config("setprop", "clamav", "MaxFiles", "77")
    office.signal("--confirm", "1", "email-update")
    assert "MaxFiles 77\n" in office.read("/etc/clamd.conf")
    eventually(lambda: office.read("/etc/clamd.conf") == before, "the file is restored")
    eventually(lambda: office.config("getprop", "clamav", "MaxFiles").out == "1500\n", "the setting is restored")


def test_the_command_confirms(office: Root) -> None:
    """esmith confirm keeps the change; what is confirmed is never rolled back."""
    office.config("setprop", "clamav", "MaxFiles", "77")
    office.signal("--confirm", "10m", "email-update")
    status = office.esmith("status", "-v", code=None).out
    assert "signal-event email-update is rolled back at" in status
    assert office.esmith("confirm").out == "confirmed: signal-event email-update\n"
    assert office.esmith("recover").out == "nothing was left undone\n"
    assert "is rolled back" not in office.esmith("status", "-v", code=None).out
    assert "MaxFiles 77\n" in office.read("/etc/clamd.conf")
    assert office.esmith("confirm", code=1).out == "nothing waits to be confirmed\n"


@pytest.mark.parametrize("word", ["", "0", "ten", "10x", "-5", "1.5h", "99999999999s"])
def test_a_time_that_is_none(office: Root, word: str) -> None:
    """A time that cannot be read is a usage error, and no file changes."""
    office.config("setprop", "clamav", "MaxFiles", "77")
    answer = office.signal("--confirm", word, "email-update", code=2)
    assert "is not a time such as 10m, 90s or 1h" in answer.err
    assert "MaxFiles 1500\n" in office.read("/etc/clamd.conf")


def test_an_earlier_change_is_still_to_be_confirmed(scene: Scene) -> None:
    """An event that changes no file, with an earlier change not confirmed yet, says when that one is rolled back."""
    scene.set("configuration", "A", "setting", value="second")
    _signal(scene, 3600)
    scene.notes.clear()
    _signal(scene, 3600)
    (note,) = scene.notes
    assert note.startswith("no file changed, so there is nothing new to confirm; the changes of signal-event try are ")


def test_one_process_waits(scene: Scene) -> None:
    """One process waits for the deadline, also when its lock file was deleted; the next one may when it ends."""
    lock = scene.file("/var/lib/e-smith/confirm.lock")
    with single_waiter(scene.layout) as first:
        assert first
        for _ in range(2):
            with single_waiter(scene.layout) as second:
                assert not second
            lock.unlink()
    with single_waiter(scene.layout) as third:
        assert third


def test_waiting_beside_the_process_that_waits(office: Root) -> None:
    """esmith recover --wait ends when the change was rolled back, also where another process waits for that already."""
    before = office.read("/etc/clamd.conf")
    office.config("setprop", "clamav", "MaxFiles", "77")
    with single_waiter(Layout(str(office.path))) as alone:
        assert alone
        office.signal("--confirm", "1", "email-update")
        waiting = Thread(target=office.esmith, args=("recover", "--wait"))
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
    waiting.join()
    assert office.read("/etc/clamd.conf") == before


def test_nobody_waits_in_a_root_that_is_gone(office: Root) -> None:
    """Without a state directory there is nothing to wait for, and none is made."""
    shutil.rmtree(office.file("/var/lib/e-smith"))
    office.esmith("recover", "--wait")
    assert not office.file("/var/lib/e-smith").exists()


def test_a_rollback_ends_the_waiting(scene: Scene) -> None:
    """After ``esmith rollback`` nothing waits to be confirmed, so no later event is taken back at the deadline."""
    scene.set("configuration", "A", "setting", value="second")
    _signal(scene, 1000.0)
    roll_back(scene.session())
    with scene.store.snapshot() as snapshot:
        assert find_unconfirmed(snapshot) is None
    scene.set("configuration", "A", "setting", value="third")
    scene.signal()
    assert _recover(scene) == []
    assert scene.file("/etc/t").read_text() == "third\n"


def test_a_failure_ends_the_waiting(scene: Scene) -> None:
    """When the event around an unconfirmed change fails, both are taken back, and nothing waits any more."""
    with scene.store.snapshot() as snapshot:
        number = newest_number(snapshot) + 1
    scene.set("configuration", "A", "setting", value="second")
    action = scene.file("/etc/e-smith/events/try/S70fail")
    action.write_text("#!/bin/sh\nexit 1\n")
    action.chmod(0o755)
    with scene.store.transaction(AUTHOR) as transaction:
        UNCONFIRMED.put(transaction, "pending", UnconfirmedChange("signal-event inner", 4e9, number, None, 2))
    with pytest.raises(ActionError):
        scene.signal()
    with scene.store.snapshot() as snapshot:
        assert find_unconfirmed(snapshot) is None
