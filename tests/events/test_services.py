"""Which services an event adjusts, and how."""

from __future__ import annotations

import pytest

from esmith.errors import EsmithError, ExitCode
from esmith.services.model import ServiceStatus, Status
from tests.apply.kit import look
from tests.events.kit import Scene


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """Give the root a service ``clamd`` and an event that adjusts it by ``sighup`` and writes two files."""
    scene.service("clamd")
    scene.template("/etc/a", "{{ A.value | default('') }}\n")
    scene.template("/etc/b", "{{ B.value | default('') }}\n")
    scene.event("/etc/a\n/etc/b\n", "clamd sighup\n")
    return scene


def _change(scene: Scene, *names: str) -> None:
    """Change the settings that the files are made of."""
    for name in names:
        with scene.store.snapshot() as snapshot:
            old = snapshot.prop("configuration", name, "value") or ""
        scene.set("configuration", name, "setting", value=f"{old}x")


def _says(scene: Scene, path: str, services: str) -> None:
    scene.trees.standard(f"{path}/template.toml", f"services = {services}\n")


#: The services that the two templates name, which files change, and the actions for clamd.
WHO_READS_WHAT = {
    "nothing changed": ('["clamd"]', '["clamd"]', "", []),
    "one changed": ('["clamd"]', '["clamd"]', "A", ["clamd hup"]),
    "both changed": ('["clamd"]', '["clamd"]', "AB", ["clamd hup"]),
    "read": ('["clamd"]', "[]", "A", ["clamd hup"]),
    "not read": ('["clamd"]', "[]", "B", []),
    "read by another": ('["clamd"]', '["spamd"]', "B", []),
    "own action": ('{ clamd = "restart" }', "[]", "A", ["clamd restart"]),
    "own action of the other": ('{ clamd = "restart" }', '["clamd"]', "B", ["clamd hup"]),
    "the stronger wins": ('{ clamd = "sigusr1" }', '{ clamd = "restart" }', "AB", ["clamd restart"]),
    "the stronger wins, first": ('{ clamd = "restart" }', '["clamd"]', "AB", ["clamd restart"]),
    "the event's own wins": ('{ clamd = "start" }', '["clamd"]', "AB", ["clamd hup"]),
    "nobody knows": (None, None, "A", ["clamd hup"]),
    "nobody knows, nothing changed": (None, None, "", ["clamd hup"]),
    "named by none of them": ("[]", "[]", "AB", ["clamd hup"]),
    "one unknown changed": (None, '["clamd"]', "A", ["clamd hup"]),
    "one unknown, the other changed": (None, "[]", "B", ["clamd hup"]),
    "one unknown, nothing changed": (None, '["clamd"]', "", []),
}


@pytest.mark.parametrize(("first", "second", "changed", "actions"), WHO_READS_WHAT.values(), ids=WHO_READS_WHAT.keys())
def test_a_service_is_adjusted_when_a_file_it_reads_changed(
    scene: Scene, first: str | None, second: str | None, changed: str, actions: list[str]
) -> None:
    """A service is adjusted once, by the strongest action of the files that changed; one that no file names, always."""
    for path, services in (("/etc/a", first), ("/etc/b", second)):
        if services is not None:
            _says(scene, path, services)
    scene.signal()
    scene.carried_out()
    _change(scene, *changed)
    result = scene.signal()
    assert scene.carried_out() == actions
    assert result.services == ({"clamd": [actions[0].split()[1]]} if actions else {})


@pytest.mark.parametrize("how", ["create", "replace", "mode", "remove"])
def test_every_kind_of_change_counts(scene: Scene, how: str) -> None:
    """A service is adjusted when a file it reads appears, changes, changes its mode, or goes away."""
    _says(scene, "/etc/b", "[]")
    metadata = 'services = ["clamd"]\n'
    scene.trees.standard("/etc/a/template.toml", metadata)
    if how != "create":
        scene.signal()
        scene.carried_out()
    if how == "replace":
        _change(scene, "A")
    elif how == "mode":
        scene.file("/etc/a").chmod(0o600)
    elif how == "remove":
        scene.trees.standard("/etc/a/template.toml", metadata + 'delete-when = "true"\n')
    scene.signal()
    assert scene.carried_out() == ["clamd hup"]
    scene.signal()
    assert scene.carried_out() == []


def test_restart_adjusts_without_a_change(scene: Scene) -> None:
    """With --restart every service of the event is adjusted by the event's own actions, whatever changed."""
    _says(scene, "/etc/a", '{ clamd = "restart" }')
    _says(scene, "/etc/b", "[]")
    scene.signal()
    scene.carried_out()
    assert scene.signal(restart=True).services == {"clamd": ["hup"]}


@pytest.mark.parametrize(
    ("status", "state", "actions"),
    [
        ("enabled", Status.UP, []),
        ("enabled", Status.DOWN, ["clamd start"]),
        ("disabled", Status.UP, ["clamd stop"]),
        ("disabled", Status.DOWN, []),
        ("anything", Status.UP, ["clamd stop"]),
    ],
)
def test_status_is_brought_about_without_a_change(scene: Scene, status: str, state: Status, actions: list[str]) -> None:
    """Even when no file changed a service is started or stopped as its status asks."""
    _says(scene, "/etc/a", '["clamd"]')
    scene.signal()
    scene.carried_out()
    scene.service("clamd", status)
    scene.supervisor._seen["clamd"] = ServiceStatus(state, 7 if state is Status.UP else None)
    scene.signal()
    assert scene.carried_out() == actions


def test_the_definition_names_the_record(scene: Scene) -> None:
    """The record that service.toml names says whether a service is to run, and its own is not looked at."""
    scene.service("virus", "disabled")
    definition = scene.file("/etc/e-smith/services/clamd/service.toml")
    definition.parent.mkdir(parents=True, exist_ok=True)
    definition.write_text('record = "virus"\n')
    scene.signal()
    assert scene.carried_out() == ["clamd stop"]
    scene.service("virus", "enabled")
    scene.signal()
    assert scene.carried_out() == ["clamd start"]


@pytest.mark.parametrize("reader", ["event", "template"])
def test_a_broken_definition_stops_the_event_before_a_file_changes(scene: Scene, reader: str) -> None:
    """A mistake in service.toml is found before anything is installed, whoever names the service."""
    if reader == "template":
        scene.event("/etc/a\n/etc/b\n")
        _says(scene, "/etc/a", '["clamd"]')
    definition = scene.file("/etc/e-smith/services-custom/clamd/service.toml")
    definition.parent.mkdir(parents=True, exist_ok=True)
    definition.write_text("[probe]\nprt = 25\n")
    with pytest.raises(EsmithError, match="unknown key 'prt'") as caught:
        scene.signal()
    assert caught.value.exit_code == ExitCode.SERVICE
    assert not scene.file("/etc/a").exists()


def test_another_services_definition_is_not_read(scene: Scene) -> None:
    """A mistake in the definition of a service that the event has nothing to do with does not stop it."""
    definition = scene.file("/etc/e-smith/services/spamd/service.toml")
    definition.parent.mkdir(parents=True, exist_ok=True)
    definition.write_text("[probe]\nprt = 25\n")
    scene.signal()
    assert scene.carried_out() == ["clamd hup"]


def test_a_service_without_a_record_is_skipped(scene: Scene) -> None:
    """A service that the configuration does not know is not touched; the log says so."""
    scene.delete("configuration", "clamd")
    scene.signal()
    assert scene.carried_out() == []
    assert "No conf db entry for service clamd" in scene.file("/var/log/e-smith/events.log").read_text()


def test_metadata_that_names_a_service_without_a_record_is_reported(scene: Scene) -> None:
    """A misspelt service in a template.toml is reported at each event, whether the file changes or not."""
    scene.signal()
    _says(scene, "/etc/a", '["clmd"]')
    for _ in range(2):
        scene.notes.clear()
        scene.signal()
        (note,) = [note for note in scene.notes if "clmd" in note]
        assert "/etc/a/template.toml: service clmd has no record in the configuration database" in note
        assert "config set clmd service status enabled" in note


def test_metadata_with_an_unknown_action_is_reported_before_the_file_changes(scene: Scene) -> None:
    """A misspelt service action of a file that does not change is a warning, with the nearest action."""
    scene.signal()
    _says(scene, "/etc/a", '{ clamd = "restrat" }')
    scene.notes.clear()
    scene.signal()
    (note,) = [note for note in scene.notes if "restrat" in note]
    assert "/etc/a/template.toml: service clamd: there is no service action 'restrat'" in note
    assert "the event fails when /etc/a changes" in note
    assert "did you mean 'restart'?" in note


def test_a_service_that_nothing_supervises_is_no_failure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that no supervisor knows, or that is not supervised now, does not fail the event."""
    scene.supervisor._seen["clamd"] = ServiceStatus(Status.UNSUPERVISED)
    assert scene.signal().services == {}
    monkeypatch.setattr("esmith.services.find.find_supervisor", lambda _layout, _service: None)
    assert scene.signal().services == {}


def test_services_are_adjusted_in_order_of_their_names(scene: Scene) -> None:
    """Each service of the event is adjusted, in the order of their names."""
    for name in ("zz", "aa"):
        scene.service(name)
    scene.event(services="zz restart\nclamd sighup\naa sigusr1\n")
    scene.signal()
    assert scene.carried_out() == ["aa usr1", "clamd hup", "zz restart"]


@pytest.mark.parametrize("where", ["event", "event directory", "metadata"])
def test_an_unknown_action_is_refused_before_anything_is_touched(scene: Scene, where: str) -> None:
    """A service action that is unknown, in the event or in a template.toml, stops the event before its first step."""
    actions = {"S01": 'touch "$ESMITH_ROOT/ran"'}
    if where == "event":
        scene.event(services="clamd restrat\n", actions=actions)
    elif where == "event directory":
        directory = scene.event(actions=actions) / "services2adjust"
        directory.unlink()
        directory.mkdir()
        (directory / "clamd").symlink_to("restrat")
    else:
        scene.event(actions=actions)
        _says(scene, "/etc/a", '{ clamd = "restrat" }')
    with pytest.raises(EsmithError, match="restrat") as caught:
        scene.signal()
    assert caught.value.exit_code in (ExitCode.USAGE, ExitCode.TEMPLATE)
    assert scene.carried_out() == []
    assert look(scene.path / "etc/a") is None
    if where != "metadata":
        assert not (scene.path / "ran").exists()


def test_an_unknown_action_names_the_nearest(scene: Scene) -> None:
    """The error for an unknown service action names the nearest one."""
    scene.event(services="clamd restrat\n")
    with pytest.raises(EsmithError, match="did you mean 'restart'"):
        scene.signal()


def test_a_service_that_is_not_of_the_event(scene: Scene) -> None:
    """A service that reads a changed file is adjusted although the event does not name it; no other one is."""
    scene.service("spamd")
    _says(scene, "/etc/a", '{ spamd = "restart" }')
    _says(scene, "/etc/b", '["clamd"]')
    scene.signal()
    scene.carried_out()
    _change(scene, "A")
    scene.signal()
    assert scene.carried_out() == ["spamd restart"]
    _change(scene, "B")
    scene.signal()
    assert scene.carried_out() == ["clamd hup"]
