"""What is declared of an action: when it runs, once, and what a wrong declaration does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from esmith.errors import ServiceError, TemplateError
from esmith.events.derived import STALE, Derivation, Stale, forget_stale, list_stale, load_derivations
from esmith.events.errors import ActionError
from esmith.events.expand import expand_templates
from esmith.events.recover import RETRY_SECONDS, next_due, recover_all
from esmith.events.rollback import roll_back
from esmith.events.signal import signal_event
from esmith.store.model import Change
from esmith.store.protocol import Transaction
from tests.apply.kit import AUTHOR
from tests.events.kit import Scene


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """Give the root a file /etc/t, of which an action makes /etc/t.made, and a service that reads it."""
    scene.service("reader")
    scene.template("/etc/t", "{{ A.value }}\n")
    scene.trees.standard("/etc/t/template.toml", 'services = { reader = "restart" }\n')
    directory = scene.event("/etc/t\n", "reader restart\n").parent
    _write_action(
        scene, 'sed s/^/made:/ "$ESMITH_ROOT/etc/t" >"$ESMITH_ROOT/etc/t.made"; echo made >>"$ESMITH_ROOT/order"'
    )
    _declare(scene, 'makes = ["/etc/t.made"]\nfrom = ["/etc/t"]\n')
    (directory / "try/S30make").symlink_to("../actions/make")
    scene.set("configuration", "A", "setting", value="first")
    scene.signal()
    assert _made(scene) == "made:first\n"
    (scene.path / "order").unlink()
    scene.set("configuration", "A", "setting", value="second")
    return scene


def _write_action(scene: Scene, script: str) -> None:
    place = scene.file("/etc/e-smith/events/actions/make")
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"#!/bin/sh\n{script}\n")
    place.chmod(0o755)


def _declare(scene: Scene, text: str) -> None:
    scene.file("/etc/e-smith/events/actions/make.toml").write_text(text)


def _made(scene: Scene) -> str:
    return scene.file("/etc/t.made").read_text()


def _stale(scene: Scene) -> list[str]:
    with scene.store.snapshot() as snapshot:
        return list(list_stale(snapshot))


def test_a_service_after_it_fails(scene: Scene) -> None:
    """When a service does not start with the new files, what it reads is made again before it is started once more."""
    scene.supervisor.breaks.add("reader")
    with pytest.raises(ServiceError):
        scene.signal()
    assert scene.file("/etc/t").read_text() == "first\n"
    assert _made(scene) == "made:first\n"
    assert scene.order() == ["made", "[reader restart]", "made", "[reader start]"]
    assert _stale(scene) == []


def test_it_is_made_once(scene: Scene) -> None:
    """The action that an event runs anyway is not run a second time, and one without a reason is not run at all."""
    scene.signal()
    assert scene.order().count("made") == 1
    scene.file("/etc/e-smith/events/try/S30make").unlink()
    scene.signal()
    assert scene.order().count("made") == 1
    scene.set("configuration", "A", "setting", value="third")
    scene.signal()
    assert _made(scene) == "made:third\n"
    assert scene.order()[-2:] == ["made", "[reader restart]"]


def test_what_was_made_is_durable(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is recorded that something is not stale any more, it is synced, with its directory."""
    synced: list[str] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def forgetting(transaction: Transaction, actions: Iterable[str]) -> None:
        synced.append("recorded")
        forget_stale(transaction, actions)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr("esmith.events.derive.forget_stale", forgetting)
    scene.signal()
    last = synced[: synced.index("recorded")][-2:]
    assert last == [str(scene.file("/etc/t.made")), str(scene.file("/etc"))]


def test_an_action_that_only_bears_the_name(scene: Scene) -> None:
    """An action of an event with another content does not count: the declared one runs after it."""
    place = scene.file("/etc/e-smith/events/try/S30make")
    place.unlink()
    place.write_text("#!/bin/sh\nexit 0\n")
    place.chmod(0o755)
    scene.signal()
    assert _made(scene) == "made:second\n"


def test_a_retry_after_a_while(scene: Scene) -> None:
    """What could not be made again is tried by "esmith watch" after a while, as pending actions are."""
    _write_action(scene, "exit 1")
    with pytest.raises(ActionError):
        scene.signal()
    with scene.store.snapshot() as snapshot:
        stale = list_stale(snapshot)["make"]
        assert next_due(snapshot) == stale.tried + RETRY_SECONDS
    messages: list[str] = []
    with pytest.raises(ActionError, match="could not be made again"):
        recover_all(scene.session(messages))
    assert messages[0].startswith("/etc/t.made: could not be made again; remove the cause and run: esmith recover")
    _write_action(scene, "exit 0")
    recover_all(scene.session(messages))
    assert _stale(scene) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("makes = 3\nfrom = ['/etc/t']\n", "makes must be a list of strings"),
        ("makes = ['/etc/t.made']\nform = ['/etc/t']\n", "did you mean 'from'?"),
        ("makes = ['/etc/t.made']\n", "must name something"),
        ("from = ['/etc/t']\n", "must name something"),
        ("makes = ['/etc']\nfrom = ['/etc/t']\n", "'/etc' is a directory"),
        ("makes = ['/etc/new/']\nfrom = ['/etc/t']\n", "name the files in it, e.g. /etc/new/*"),
        ("makes = ['t.made']\nfrom = ['/etc/t']\n", "is not an absolute path"),
        ("makes = ['/../etc/passwd']\nfrom = ['/etc/t']\n", "is not an absolute path"),
        ("makes = [\n", "cannot be read"),
        ("looks-at = ['/x']\nwhen = 'configuration A x'\n", "when must be a database, a key, a property and its value"),
        ("makes = ['/etc/t.made']\nfrom = ['/etc/t']\nwhen = 'configuration A x y'\n", "when is not for an action"),
    ],
)
def test_a_wrong_declaration(scene: Scene, text: str, shown: str) -> None:
    """A declaration that is written wrongly ends an event before any file is touched; restoring goes on."""
    _declare(scene, text)
    with pytest.raises(TemplateError, match="make.toml") as caught:
        scene.signal()
    assert shown in str(caught.value)
    assert scene.file("/etc/t").read_text() == "first\n"
    _declare(scene, 'makes = ["/etc/t.made"]\nfrom = ["/etc/t"]\n')
    broken = f'printf \'%s\' "{text}" >"$ESMITH_ROOT/etc/e-smith/events/actions/make.toml"; exit 1'
    place = scene.file("/etc/e-smith/events/try/S50break")
    place.write_text(f"#!/bin/sh\n{broken}\n")
    place.chmod(0o755)
    with pytest.raises(ActionError):
        scene.signal()
    assert scene.file("/etc/t").read_text() == "first\n"
    assert any("make.toml" in note for note in scene.notes)


def test_a_rollback_reports_a_wrong_declaration_once(scene: Scene) -> None:
    """A rollback goes on with what is declared rightly, and says once what is not."""
    scene.signal()
    _declare(scene, "makes = 3\n")
    messages: list[str] = []
    roll_back(scene.session(messages))
    assert scene.file("/etc/t").read_text() == "first\n"
    assert len([text for text in messages if "make.toml" in text]) == 1


def test_a_declaration_without_its_action(scene: Scene) -> None:
    """When a contrib is removed and leaves its declaration, events go on, and nothing is stale."""
    scene.file("/etc/e-smith/events/try/S30make").unlink()
    scene.file("/etc/e-smith/events/actions/make").unlink()
    scene.signal()
    assert scene.file("/etc/t").read_text() == "second\n"
    assert _stale(scene) == []


def test_an_action_that_has_work_by_a_setting(scene: Scene) -> None:
    """It is started only while the property has the value; another action that bears its name is started always."""
    _declare(scene, 'looks-at = ["/etc/t.made"]\nwhen = "configuration B Makes yes"\n')
    scene.set("configuration", "B", "setting", Makes="no")
    assert scene.signal().actions == []
    assert "made" not in scene.order()
    scene.set("configuration", "B", "setting", Makes="yes")
    assert scene.signal().actions == ["S30make"]
    assert scene.order().count("made") == 1
    scene.set("configuration", "B", "setting", Makes="no")
    place = scene.file("/etc/e-smith/events/try/S30make")
    place.unlink()
    place.write_text("#!/bin/sh\nexit 0\n")
    place.chmod(0o755)
    assert scene.signal().actions == ["S30make"]


@pytest.mark.parametrize("name", ["make", "make.toml"])
def test_what_others_may_write_is_not_run(scene: Scene, name: str) -> None:
    """An action or a declaration that others may write stops expand-template, too; nothing of it runs."""
    scene.file(f"/etc/e-smith/events/actions/{name}").chmod(0o777)
    scene.layout.trust.renew()
    faults: list[Exception] = []
    assert load_derivations(scene.layout, faults.append) == []
    assert "may write" in str(faults[0]) or "write" in str(faults[0])
    with pytest.raises(type(faults[0])):
        expand_templates(scene.session(), ["/etc/t"])
    assert scene.file("/etc/t").read_text() == "first\n"
    assert scene.order() == []


def test_what_a_declaration_matches() -> None:
    """A pattern stands for names of one directory; a setting for all that is below it."""
    one = Derivation("x", ("/m",), ("/etc/*/map", "/etc/own"), ("configuration qmail", "domains"))
    paths = ("/etc/a/map", "/etc/own", "/etc/a/b/map", "/etc/map", "/etc/owner")
    assert [path for path in paths if one.follows(path)] == ["/etc/a/map", "/etc/own"]
    assert one.reads(Change("configuration", "qmail", "status", None, "v"))
    assert one.reads(Change("domains", "a.example", "", None, "v"))
    assert not one.reads(Change("configuration", "qmailx", "status", None, "v"))
    assert not one.reads(Change("accounts", "qmail", "status", None, "v"))


def test_a_rehearsal_runs_nothing(scene: Scene) -> None:
    """With --dry-run nothing is made and nothing is noted as stale."""
    signal_event(scene.rehearsal(), "try")
    assert scene.order() == []
    assert _stale(scene) == []
    assert Path(scene.file("/etc/t.made")).read_text() == "made:first\n"


def test_an_action_that_may_not_be_run(scene: Scene) -> None:
    """A declared action that is there and not executable ends what needs it, and is named; nothing is left stale."""
    scene.file("/etc/e-smith/events/actions/make").chmod(0o644)
    with pytest.raises(ActionError, match="not executable") as caught:
        expand_templates(scene.session(), ["/etc/t"])
    assert caught.value.place == str(scene.file("/etc/e-smith/events/actions/make"))
    assert scene.file("/etc/t").read_text() == "first\n"


def test_an_action_that_does_not_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An action that has to make something again has a time limit, and is ended with what it started."""
    monkeypatch.setattr("esmith.events.derive._TIME_LIMIT", 0.2)
    _write_action(scene, "sleep 1000 & wait")
    with pytest.raises(ActionError, match=r"did not end within 0\.2 s"):
        expand_templates(scene.session(), ["/etc/t"])
    assert any("could not be made again" in note for note in scene.notes)
    assert scene.file("/etc/t").read_text() == "first\n"


def test_what_somebody_else_made(scene: Scene) -> None:
    """What a declared action would make is removed when its sources are gone, and kept as a backup copy."""
    scene.file("/etc/t").unlink()
    scene.file("/etc/t.made").write_text("by hand\n")
    with scene.store.transaction(AUTHOR) as transaction:
        STALE.put(transaction, "make", Stale(["/etc/t.made"], "signal-event try", 1e9))
    recover_all(scene.session())
    assert not scene.file("/etc/t.made").exists()
    assert scene.kept() == {"/etc/t.made": "by hand\n"}


def test_recovering_says_what_it_made(scene: Scene) -> None:
    """What was stale and is made again is named."""
    with scene.store.transaction(AUTHOR) as transaction:
        STALE.put(transaction, "make", Stale(["/etc/t.made"], "signal-event try", 1e9))
    messages: list[str] = []
    recover_all(scene.session(messages))
    assert messages == ["/etc/t.made: made again"]
