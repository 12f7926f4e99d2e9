"""A rehearsal goes on with what initialize-databases would write, and stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from esmith.events.signal import signal_event
from tests.commands import Root
from tests.events.kit import Scene, make_event
from tests.store.stores import contents

INITIALIZES = "exec esmith initialize-databases"
RECORD = 'type = "service"\n[properties.word]\nforce = "written"\n[properties.Key]\ntype = "secret"\ngenerate = 20\n'


def write(scene: Scene, name: str, text: str) -> None:
    """Write a file of the schema of the database configuration."""
    place = scene.file(f"/etc/e-smith/db/configuration/{name}")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Give a root with a forced value that is not written yet, and a template that reads it."""
    made = Scene(tmp_path / "root", monkeypatch)
    with closing(made.store):
        made.template("/etc/t", "{{ A.word }}\n")
        write(made, "A.toml", RECORD)
        made.set("configuration", "A", "service", word="mine")
        yield made


def rehearsed(scene: Scene, script: str) -> list[str | None]:
    """Return what a rehearsal makes of the file, and its messages."""
    make_event(scene.path, "try", templates="/etc/t\n", actions={"S00first": script})
    scene.notes.clear()
    before = contents(scene.store)
    result = signal_event(scene.rehearsal(), "try")
    assert contents(scene.store) == before
    assert result.actions == ["S00first"]
    (output,) = result.plan.outputs
    content = output.rendering.content
    assert content is not None
    return [content.decode(), *scene.notes]


def test_what_follows_is_shown_with_what_it_would_write(scene: Scene) -> None:
    """The files are those that the event would make, and a line says why; with another action none is foreseen."""
    assert rehearsed(scene, "exit 0") == ["mine\n"]
    says = "S00first would write 2 settings; what follows is shown with that"
    assert rehearsed(scene, INITIALIZES) == ["written\n", says]
    write(scene, "migrate/10x", "{ die; }\n")
    assert rehearsed(scene, INITIALIZES) == [
        "written\n",
        says,
        "S00first would run migrate fragments; what they would change is not shown",
    ]


def test_a_secret_that_would_be_made_is_not_shown(root: Root) -> None:
    """The diff of a file with a secret that the action would generate names the file only."""
    root.write("/etc/e-smith/db/configuration/A.toml", RECORD)
    root.custom("/etc/t/10a", "{{ A.Key }} and more\n")
    make_event(root.path, "try", templates="/etc/t\n", actions={"S00first": INITIALIZES})
    answer = root.signal("--dry-run", "--diff", "try")
    assert "/etc/t" in answer.out
    assert "more" not in answer.out
    assert "S00first would write 3 settings" in answer.err
