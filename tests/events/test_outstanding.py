"""What events would still change, with the settings that are the cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from esmith.events.outstanding import find_outstanding
from esmith.events.signal import signal_event
from tests.events.kit import Scene, make_event

T = "/etc/t"


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Give a root in which every event was signalled, and the times of its files are trusted."""
    monkeypatch.setattr("esmith.plan.seen.TRUSTED_AGE_NS", -(10**18))
    made = Scene(tmp_path / "root", monkeypatch)
    with closing(made.store):
        made.template(T, "{{ A.value }}\n")
        made.template("/etc/list", "{% for one in records('people:user') %}{{ one.key }}\n{% endfor %}")
        make_event(made.path, "t-update", templates=f"{T}\n")
        make_event(made.path, "all-update", templates=f"{T}\n/etc/list\n")
        made.set("configuration", "A", "setting", value="1", note="")
        made.set("people", "a", "user")
        signal_event(made.session(), "all-update")
        yield made


def waiting(scene: Scene) -> list[tuple[str, list[str], list[str], list[str]]]:
    """Return what waits: the event, files because of settings, other files and new ones, and the settings."""
    return [
        (
            one.event,
            [file.path for file in one.by_settings],
            [file.path for file in [*one.otherwise, *one.never_made]],
            [" ".join(filter(None, cell)) for cell in one.settings],
        )
        for one in find_outstanding(scene.layout, scene.store).waiting
    ]


def test_settings(scene: Scene) -> None:
    """The settings that a file reads are named, with as few events as can be, until they are as before or effective."""
    assert waiting(scene) == []
    scene.set("configuration", "A", "setting", value="2", note="read by nothing")
    assert waiting(scene) == [("all-update", [T], [], ["configuration A value"])]
    scene.set("people", "b", "user")
    assert waiting(scene) == [("all-update", ["/etc/list", T], [], ["configuration A value", "people b"])]
    scene.set("configuration", "A", "setting", value="1")
    assert waiting(scene) == [("all-update", ["/etc/list"], [], ["people b"])]
    signal_event(scene.session(), "all-update")
    assert waiting(scene) == []


def test_accounts(scene: Scene) -> None:
    """An event that has to be run for a unix account is named for the files it makes as well, another one not."""
    make_event(scene.path, "user-create", templates="/etc/list\n")
    scene.template("/etc/list", "{% for one in records('accounts') %}{{ one.key }}\n{% endfor %}")
    signal_event(scene.session(), "all-update")
    scene.set("accounts", "mary", "user")
    scene.set("accounts", "pat", "pseudonym", Account="mary")
    scene.set("accounts", "no one", "user")

    def commands() -> tuple[list[str], list[str]]:
        found = find_outstanding(scene.layout, scene.store)
        return [one.command for one in found.missing], [one.command for one in found.waiting]

    assert commands() == (["signal-event user-create mary"], ["signal-event user-create mary"])
    scene.set("configuration", "A", "setting", value="2")
    assert commands() == (["signal-event user-create mary"], ["signal-event all-update"])
    for name in ("crew", "b", "c", "d"):
        scene.set("accounts", name, "group")
    scene.file("/etc").mkdir(exist_ok=True)
    scene.file("/etc/passwd").write_text("mary:x:5001:5001::/home/e-smith/files/users/mary:/bin/false\n")
    scene.file("/etc/group").write_text("crew:x:5002:\n")
    assert commands()[0] == [f"signal-event group-create {name}" for name in ("b", "c", "d")]
    scene.set("accounts", "e", "group")
    assert commands()[0] == ["signal-event bootstrap-console-save"]


def test_a_file_that_was_edited(scene: Scene) -> None:
    """What somebody edited waits for no event; when a setting it reads is another one, it does."""
    scene.file(T).write_text("mine\n")
    assert waiting(scene) == []
    scene.set("configuration", "A", "setting", value="2")
    assert waiting(scene) == [("all-update", [T], [], ["configuration A value"])]


def test_a_mode(scene: Scene) -> None:
    """A file with another mode waits for an event, also in a home, where it is replaced then."""
    scene.file(T).chmod(0o666)
    assert waiting(scene) == [("all-update", [], [T], [])]


def test_fragments(scene: Scene) -> None:
    """A fragment that no event has used, and a template without a file, are not put down to settings."""
    scene.trees.custom(f"{T}/90mine", "mine\n")
    assert waiting(scene) == [("all-update", [], [T], [])]
    scene.template("/etc/new", "new\n")
    make_event(scene.path, "new", templates="/etc/new\n")
    assert waiting(scene) == [("all-update", [], [T], []), ("new", [], ["/etc/new"], [])]


def test_a_broken_fragment_hides_nothing(scene: Scene) -> None:
    """A broken fragment is listed with its place; what else would change is still found."""
    scene.trees.custom("/etc/list/90broken", "{{ nosuch.x }}\n")
    scene.set("configuration", "A", "setting", value="2")
    found = find_outstanding(scene.layout, scene.store)
    assert [(fault.subject, fault.stops) for fault in found.faults] == [("/etc/list", True)]
    assert [file.path for one in found.waiting for file in one.by_settings] == [T]
