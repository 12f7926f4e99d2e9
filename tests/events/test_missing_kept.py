"""What the engine kept of an install is gone: it is given up once, with the names of the files, and stops nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from esmith.apply.generations import list_generations
from esmith.errors import InstallError
from esmith.events.confirm import find_unconfirmed
from esmith.events.recover import find_interrupted, recover_all
from esmith.events.rollback import roll_back
from esmith.events.signal import signal_event
from tests.events.kit import Killed, Scene

PATHS = ("/etc/t", "/etc/new", "/etc/gone/x")


@pytest.fixture
def scene(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Give a root with an event that replaces two files and makes one."""
    monkeypatch.setattr("esmith.events.signal.wait_in_background", lambda _layout: None)
    scene.give_reader()
    scene.template("/etc/gone/x", "{{ A.value }}\n")
    scene.event("/etc/t\n/etc/gone/x\n", "clamd sighup\n")
    scene.signal()
    scene.template("/etc/new", "new\n")
    scene.event("\n".join(PATHS), "clamd sighup\n")
    scene.set("configuration", "A", "setting", value="second")
    scene.notes.clear()
    return scene


def interrupt(scene: Scene) -> Path:
    """Kill the event before its end; return the directory of its kept files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("esmith.events.installation.finish", _killed)
        patch.setattr("esmith.events.installation.Installation._restore", lambda *_: None)
        with pytest.raises(Killed):
            scene.signal()
    with scene.store.snapshot() as snapshot:
        (install, *_) = list_generations(snapshot)
    return scene.path / "var/lib/e-smith/generations" / str(install.number)


def _killed(*_arguments: object, **_named: object) -> None:
    raise Killed


def texts(scene: Scene) -> list[str | None]:
    """Return what the files hold; None for one that is not there."""
    places = [scene.path / path.lstrip("/") for path in PATHS]
    return [place.read_text() if place.exists() else None for place in places]


NEW = ["second\n", "new\n", "second\n"]


def assert_is_over(scene: Scene) -> None:
    """Assert that nothing is reported once more, and that events work."""
    scene.notes.clear()
    assert find_interrupted(scene.layout, scene.store) == (None, [])
    recover_all(scene.session())
    assert scene.notes == []
    scene.set("configuration", "A", "setting", value="third")
    scene.signal()
    assert texts(scene) == ["third\n", "new\n", "third\n"]


def test_all_kept_files_are_gone(scene: Scene) -> None:
    """Nothing is restored then, not even by removing what the event made; the services read what is there."""
    shutil.rmtree(interrupt(scene))
    scene.carried_out()
    recover_all(scene.session())
    message, hint = scene.notes[0].split("\n")
    assert message == "signal-event try is recorded as interrupted, but its old files are not kept any more"
    assert hint == f"  not restored: {', '.join(PATHS)}; signal its event to make them from the settings"
    assert texts(scene) == NEW
    assert scene.carried_out() == ["clamd restart"]
    assert_is_over(scene)


def test_a_kept_file_is_gone(scene: Scene) -> None:
    """The others are restored, and the one that cannot be is named."""
    kept = interrupt(scene)
    (kept / "0").unlink()
    recover_all(scene.session())
    assert scene.notes[0].startswith("not restored, because the old file or its directory is gone: /etc/t\n")
    assert scene.notes[1] == "signal-event try was interrupted; the old content of 2 files was restored"
    assert texts(scene) == ["second\n", None, "first\n"]
    assert_is_over(scene)


def test_the_directory_of_a_file_is_gone(scene: Scene) -> None:
    """A file whose directory was removed meanwhile can never be restored; it does not stop what follows."""
    interrupt(scene)
    shutil.rmtree(scene.path / "etc/gone")
    recover_all(scene.session())
    assert scene.notes[0].startswith("not restored, because the old file or its directory is gone: /etc/gone/x\n")
    assert texts(scene) == ["first\n", None, None]
    assert_is_over(scene)


def test_a_file_that_was_changed_since(scene: Scene) -> None:
    """What somebody wrote into a file after the event was killed is copied before the old file is restored."""
    interrupt(scene)
    scene.file("/etc/t").write_text("by hand\n")
    recover_all(scene.session())
    assert scene.notes[0].startswith(
        "/etc/t was changed since it was installed; a backup copy is /var/lib/e-smith/kept"
    )
    assert texts(scene) == ["first\n", None, "first\n"]
    assert scene.kept() == {"/etc/t": "by hand\n"}
    assert_is_over(scene)


@pytest.mark.parametrize("gone", ["0", "."])
def test_a_rollback_without_kept_files(scene: Scene, gone: str) -> None:
    """It is refused before anything is changed, and the message names what is missing."""
    scene.signal()
    with scene.store.snapshot() as snapshot:
        (install, *_) = list_generations(snapshot)
    kept = scene.path / "var/lib/e-smith/generations" / str(install.number)
    if gone == ".":
        shutil.rmtree(kept)
    else:
        (kept / gone).unlink()
    with pytest.raises(InstallError, match=f"generation {install.number} cannot be taken back") as caught:
        roll_back(scene.session())
    assert caught.value.place == (str(kept) if gone == "." else "/etc/t")
    assert "nothing was changed" in caught.value.hint
    assert texts(scene) == NEW
    with scene.store.snapshot() as snapshot:
        assert snapshot.prop("configuration", "A", "value") == "second"
    scene.notes.clear()
    assert_is_over(scene)


def test_an_unconfirmed_change_without_kept_files(scene: Scene) -> None:
    """At its deadline it stays, a message says so once, and no event is stopped by it."""
    signal_event(scene.session(), "try", confirm=0.0)
    shutil.rmtree(scene.path / "var/lib/e-smith/generations")
    scene.notes.clear()
    recover_all(scene.session())
    message, hint = scene.notes[0].split("\n")
    assert message == "signal-event try was not confirmed in time, but its old files are not kept any more"
    assert hint == "  nothing was rolled back; 'esmith history' and 'esmith undo' take its settings back"
    assert texts(scene) == NEW
    with scene.store.snapshot() as snapshot:
        assert find_unconfirmed(snapshot) is None
        assert snapshot.prop("configuration", "A", "value") == "second"
    assert_is_over(scene)


def test_what_could_not_be_restored_at_first(scene: Scene) -> None:
    """Where one file cannot be restored yet, what is to be known about the others is reported at once."""
    interrupt(scene)
    scene.file("/etc/t").write_text("by hand\n")
    (scene.path / "etc/new").unlink()
    (scene.path / "etc/new").mkdir()
    with pytest.raises(InstallError, match="cannot be written"):
        recover_all(scene.session())
    assert scene.notes[0].startswith("/etc/t was changed since it was installed")
    (scene.path / "etc/new").rmdir()
    scene.notes.clear()
    recover_all(scene.session())
    assert scene.notes[0] == "signal-event try was interrupted; the old content of 3 files was restored"
    assert_is_over(scene)


def test_history_names_the_change(scene: Scene) -> None:
    """What was rolled back because nobody confirmed it is named by the revision of the journal."""
    signal_event(scene.session(), "try", confirm=0.0)
    recover_all(scene.session())
    with scene.store.snapshot() as snapshot:
        (last, *_) = snapshot.revisions()
    assert last.author.command == ["esmith", "recover", "(signal-event try was not confirmed)"]
