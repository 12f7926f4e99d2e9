"""Pending actions: kept until whatever command comes next has carried them out."""

from __future__ import annotations

import json
import time

import pytest

from esmith.errors import ExitCode, ServiceError
from esmith.events.expand import expand_templates
from esmith.events.pending import PENDING, PendingAction, add_pending, list_pending
from esmith.events.recover import RETRY_SECONDS, next_due, recover_all
from esmith.services.model import ServiceStatus, Status, SupervisorError
from esmith.store.model import Author
from tests.apply.kit import look
from tests.commands import Root
from tests.events.kit import FakeRunit, Scene


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """Give the root a service ``clamd`` that reads /etc/t, and an event that writes it."""
    scene.give_reader()
    return scene


def _pending(scene: Scene) -> dict[str, list[str]]:
    with scene.store.snapshot() as snapshot:
        return {service: pending.actions for service, pending in list_pending(snapshot).items()}


def _recover(scene: Scene) -> list[str]:
    messages: list[str] = []
    recover_all(scene.session(messages))
    return messages


def test_nothing_is_pending_after_an_event(scene: Scene) -> None:
    """An action that was carried out is not pending any more."""
    assert _pending(scene) == {}
    assert _recover(scene) == []
    assert scene.carried_out() == []


def test_what_a_supervisor_refuses_stays_pending(scene: Scene) -> None:
    """The event fails with the new file in place; the next event restarts the service, whatever that event is about."""
    scene.set("configuration", "A", "setting", value="second")
    scene.supervisor.refuses = {"clamd"}
    with pytest.raises(SupervisorError, match="refused") as caught:
        scene.signal()
    assert caught.value.exit_code == ExitCode.SERVICE
    assert look(scene.path / "etc/t") == ("file", b"second\n", 0o644)
    assert _pending(scene) == {"clamd": ["restart"]}
    scene.carried_out()
    scene.supervisor.refuses = set()
    scene.event(services="other restart\n")
    assert scene.signal().services == {"clamd": ["restart"]}
    assert scene.carried_out() == ["clamd restart"]
    assert _pending(scene) == {}


def test_a_restart_that_fails_with_a_new_process_fails_the_event(scene: Scene) -> None:
    """A new process has read the new file, so the event cannot leave it: everything is as before it."""
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UP, 7)
    scene.set("configuration", "A", "setting", value="second")
    scene.supervisor.replaces = {"clamd"}
    with pytest.raises(ServiceError, match="took too long") as caught:
        scene.signal()
    assert not isinstance(caught.value, SupervisorError)
    assert look(scene.path / "etc/t") == ("file", b"first\n", 0o644)
    assert scene.carried_out() == []
    assert _pending(scene) == {"clamd": ["restart"]}, "the new process is to read the old file"


def test_a_refusal_does_not_keep_the_others_from_being_adjusted(scene: Scene) -> None:
    """When one supervisor refuses the services after it are still adjusted, and later actions run."""
    scene.service("spamd")
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart", spamd = "restart" }\n')
    scene.event("/etc/t\n", None, {"S95": "true"})
    scene.supervisor.refuses = {"clamd"}
    scene.set("configuration", "A", "setting", value="second")
    with pytest.raises(SupervisorError):
        scene.signal()
    assert _pending(scene) == {"clamd": ["restart"]}
    assert scene.carried_out() == ["spamd restart"]


def test_recover_carries_out_pending_actions(scene: Scene) -> None:
    """esmith recover carries out pending actions; while the supervisor still refuses it fails and keeps them."""
    scene.set("configuration", "A", "setting", value="second")
    scene.supervisor.refuses = {"clamd"}
    with pytest.raises(SupervisorError):
        scene.signal()
    with pytest.raises(SupervisorError):
        _recover(scene)
    assert _pending(scene) == {"clamd": ["restart"]}
    scene.supervisor.refuses = set()
    assert _recover(scene) == ["service clamd: restart"]
    assert _pending(scene) == {}


def test_the_action_of_a_service_that_is_not_supervised_is_pending(scene: Scene) -> None:
    """When no supervisor runs the event succeeds, says so, and the service is restarted once its supervisor runs."""
    scene.set("configuration", "A", "setting", value="second")
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UNSUPERVISED)
    scene.signal()
    assert any("not supervised; restart is pending (esmith services)" in note for note in scene.notes)
    assert _pending(scene) == {"clamd": ["restart"]}
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UP, 7)
    assert _recover(scene) == ["service clamd: restart"]


@pytest.mark.parametrize("status", ["enabled", "disabled"])
@pytest.mark.parametrize("changes", [True, False], ids=["a change", "no change"])
def test_a_service_that_is_not_supervised_and_its_pending_action(scene: Scene, status: str, changes: bool) -> None:
    """A message comes, and it is done later, only for a service that is enabled and has a new file to read."""
    scene.service("clamd", status)
    if changes:
        scene.set("configuration", "A", "setting", value="second")
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UNSUPERVISED)
    result = scene.signal()
    matters = changes and status == "enabled"
    assert [("clamd" in note, "restart" in note) for note in scene.notes] == [(True, True)] * matters
    assert _pending(scene) == ({"clamd": ["restart"]} if matters else {})
    assert (scene.carried_out(), result.services) == ([], {})
    assert "service clamd" in scene.file("/var/log/e-smith/events.log").read_text()


def test_services_that_are_not_supervised_are_one_message(scene: Scene) -> None:
    """However many services nothing supervises, one message names them; the log has each with its action."""
    scene.service("spamd")
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart", spamd = "hup" }\n')
    scene.set("configuration", "A", "setting", value="second")
    for service in ("clamd", "spamd"):
        scene.supervisor._seen[service] = ServiceStatus(Status.UNSUPERVISED)
    scene.signal()
    (note,) = scene.notes
    assert note.splitlines() == [
        "2 services are not supervised, so their actions are pending (esmith services): clamd, spamd",
        "  start their supervisor, runsvdir or svscan, or disable each, the first one so: "
        "config setprop clamd status disabled",
    ]
    assert _pending(scene) == {"clamd": ["restart"], "spamd": ["hup"]}
    log = scene.file("/var/log/e-smith/events.log").read_text()
    assert "service clamd: not supervised; restart is pending" in log
    assert "service spamd: not supervised; hup is pending" in log


def test_recover_leaves_a_service_that_is_not_supervised(scene: Scene) -> None:
    """esmith recover does not fail because of it; it is tried again, and the other services get their turn."""
    scene.service("spamd")
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart", spamd = "restart" }\n')
    scene.set("configuration", "A", "setting", value="second")
    expand_templates(scene.session(), ["/etc/t"])
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UNSUPERVISED)
    before = time.time()
    messages = _recover(scene)
    assert scene.carried_out() == ["spamd restart"]
    assert any("clamd" in line and "restart" in line for line in messages)
    assert "service spamd: restart" in messages
    with scene.store.snapshot() as snapshot:
        (pending,) = list_pending(snapshot).values()
        due = next_due(snapshot)
    assert pending.actions == ["restart"]
    assert before <= pending.tried <= time.time()
    assert due is not None
    assert due >= pending.tried + RETRY_SECONDS


@pytest.mark.parametrize(("seconds", "actions"), [(0, []), (3600, ["clamd restart"])])
def test_a_process_that_started_since_has_no_pending_action(scene: Scene, seconds: int, actions: list[str]) -> None:
    """A service that was started after the change has read the new file, e.g. when the machine was booted."""
    with scene.store.transaction(Author("tom", "", ["test"])) as transaction:
        add_pending(transaction, {"clamd": ["restart"]}, "test")
        row = PendingAction(["restart"], time.time() - 60, "test").encode()
        transaction.set_state(PENDING.name, "clamd", row)
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UP, 7, seconds)
    _recover(scene)
    assert scene.carried_out() == actions
    assert _pending(scene) == {}


@pytest.mark.parametrize("status", ["disabled", None])
def test_a_service_that_is_not_enabled_has_no_pending_action(scene: Scene, status: str | None) -> None:
    """A disabled service reads its files when it is started; one without a record is nobody's."""
    with scene.store.transaction(Author("tom", "", ["test"])) as transaction:
        add_pending(transaction, {"clamd": ["restart"]}, "test")
    if status:
        scene.service("clamd", status)
    else:
        scene.delete("configuration", "clamd")
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.DOWN)
    scene.signal()
    assert scene.carried_out() == []
    assert _pending(scene) == {}


def test_expand_template_leaves_actions_pending(scene: Scene) -> None:
    """expand-template adjusts no service, but what it changed counts in the next event."""
    scene.set("configuration", "A", "setting", value="second")
    expand_templates(scene.session(), ["/etc/t"])
    assert scene.carried_out() == []
    assert _pending(scene) == {"clamd": ["restart"]}
    scene.signal()
    assert scene.carried_out() == ["clamd restart"]


def test_the_pending_action_of_a_service_without_one_of_its_own_is_a_restart(scene: Scene) -> None:
    """Outside an event a template that only names the service asks for a restart, which is safe."""
    scene.trees.standard("/etc/t/template.toml", 'services = ["clamd"]\n')
    scene.set("configuration", "A", "setting", value="second")
    expand_templates(scene.session(), ["/etc/t"])
    assert _pending(scene) == {"clamd": ["restart"]}


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [("sighup", "restart", ["restart"]), ("restart", "sighup", ["restart"]), ("hup", "hup", ["hup"])],
)
def test_the_strongest_action_is_pending(scene: Scene, first: str, second: str, together: list[str]) -> None:
    """Of two pending actions of a service the strongest remains."""
    for action in (first, second):
        with scene.store.transaction(Author("tom", "", ["test"])) as transaction:
            add_pending(transaction, {"clamd": [action]}, "test")
    assert _pending(scene) == {"clamd": together}


def test_a_failed_event_leaves_pending_what_was_pending_before(scene: Scene) -> None:
    """When the files of an event are restored, the pending actions are those from before the event, no more."""
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "sighup" }\n')
    scene.set("configuration", "A", "setting", value="second")
    expand_templates(scene.session(), ["/etc/t"])
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart" }\n')
    scene.set("configuration", "A", "setting", value="third")
    scene.event("/etc/t\n", "clamd sighup\n", {"S50": "exit 1"})
    with pytest.raises(Exception, match="exit status 1"):
        scene.signal()
    assert look(scene.path / "etc/t") == ("file", b"second\n", 0o644)
    assert _pending(scene) == {"clamd": ["hup"]}
    assert scene.carried_out() == []


def test_a_nested_event_restarts_once(scene: Scene) -> None:
    """A service that an event signalled by an action has restarted is not restarted again by the outer one."""
    scene.set("configuration", "A", "setting", value="second")
    scene.event("/etc/t\n", "clamd sighup\n")
    with scene.store.transaction(Author("tom", "", ["test"])) as transaction:
        transaction.set_state(PENDING.name, "clamd", None)
    scene.signal()
    assert scene.carried_out() == ["clamd restart"]


def test_next_due(scene: Scene) -> None:
    """Nothing pending, nothing is due; a pending action is due again some time after it was last tried."""
    with scene.store.snapshot() as snapshot:
        assert next_due(snapshot) is None
    scene.set("configuration", "A", "setting", value="second")
    scene.supervisor.refuses = {"clamd"}
    before = time.time()
    with pytest.raises(SupervisorError):
        scene.signal()
    with scene.store.snapshot() as snapshot:
        due = next_due(snapshot)
    assert due is not None
    assert before + RETRY_SECONDS <= due <= time.time() + RETRY_SECONDS


def test_a_killed_event_leaves_actions_pending_for_the_services_of_its_files(root: Root) -> None:
    """After an event was killed its services are restarted once more, because they may have read the new files."""
    root.write("/etc/e-smith/templates/etc/t", "{{ qpsmtpd.DNSBL }}\n")
    root.write("/etc/e-smith/templates/etc/template.toml", 'services = { clamd = "restart" }\n')
    root.write("/etc/e-smith/events/try/templates2expand", "/etc/t\n")
    root.signal("try")
    root.write("/etc/e-smith/events/try/S50kill", "#!/bin/sh\nkill -9 $PPID\n", mode=0o755)
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    runit = FakeRunit(root.path, "clamd")
    try:
        root.run("signal-event", "try", code=None)
        assert runit.calls() == []
        answer = root.run("esmith", "recover", env=runit.environment)
        assert "was interrupted" in answer.out
        assert runit.calls() == ["restart clamd"]
        assert root.read("/etc/t") == "disabled\n"
        assert root.run("esmith", "recover", env=runit.environment).out == "nothing was left undone\n"
        assert runit.calls() == []
    finally:
        runit.close()


def test_status_and_services_show_pending_actions(root: Root) -> None:
    """esmith status and esmith services name the service, the pending actions, and the command they come from."""
    root.signal("email-update")
    directory = root.file("/service/clamd")
    directory.mkdir(parents=True)
    (directory / "run").write_text("#!/bin/sh\n")
    root.config("setprop", "clamav", "MaxFiles", "77")
    answer = root.signal("email-update")
    assert "not supervised; restart is pending" in answer.err
    for command in ("status", "services"):
        lines = root.esmith(command, *(["-v"] if command == "status" else []), code=None).out.splitlines()
        place = lines.index("service clamd: wanted up, is not supervised")
        assert lines[place + 1].startswith("  pending since ")
        assert lines[place + 1].endswith(": restart (by signal-event email-update)")
    data = json.loads(root.esmith("services", "--json").out)
    assert data["clamd"]["pending"]["actions"] == ["restart"]
    assert list(data) == ["clamd"]
    assert "spamd" in json.loads(root.esmith("services", "--all", "--json").out)


def test_a_service_whose_definition_is_broken_holds_up_no_other(scene: Scene) -> None:
    """Its action stays pending and is tried again after a while; those of the other services are carried out."""
    scene.service("spamd")
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart", spamd = "restart" }\n')
    scene.set("configuration", "A", "setting", value="second")
    expand_templates(scene.session(), ["/etc/t"])
    broken = scene.file("/etc/e-smith/services/clamd/service.toml")
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("x = [\n")
    with pytest.raises(ServiceError, match="clamd/service.toml"):
        _recover(scene)
    assert scene.carried_out() == ["spamd restart"]
    with scene.store.snapshot() as snapshot:
        (pending,) = list_pending(snapshot).values()
    assert (pending.actions, pending.tried > 0) == (["restart"], True)
