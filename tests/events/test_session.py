"""The one path of files, as commands in a real run and in a rehearsal go it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.errors import CheckError
from esmith.events.expand import expand_templates
from esmith.events.session import Session
from esmith.events.signal import signal_event
from esmith.plan.plan import Plan
from tests.events.kit import Scene
from tests.events.test_log import logged

#: Each command as a Python caller runs it.
COMMANDS: dict[str, Callable[[Session], Plan]] = {
    "signal-event": lambda session: signal_event(session, "try").plan,
    "expand-template": lambda session: expand_templates(session, ["/etc/t"]),
}
command = pytest.mark.parametrize("run", COMMANDS.values(), ids=COMMANDS.keys())


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """Give the root an event that writes /etc/t, which a service reads, and runs an action."""
    scene.service("clamd")
    scene.template("/etc/t", "new\n")
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart" }\n')
    scene.event("/etc/t\n", actions={"S10": 'touch "$ESMITH_ROOT/acted"'})
    return scene


def _files(root: Path) -> dict[str, bytes]:
    # The lock of LMDB notes who reads.
    places = (place for place in root.rglob("*") if place.is_file() and place.name != "lock.mdb")
    return {str(place.relative_to(root)): place.read_bytes() for place in places}


@command
def test_a_rehearsal_changes_nothing(scene: Scene, run: Callable[[Session], Plan]) -> None:
    """A rehearsal shows what would change; nothing is written or logged, no action runs, no service is adjusted."""
    before = _files(scene.path)
    plan = run(scene.rehearsal())
    assert [output.path for output in plan.changed] == ["/etc/t"]
    assert _files(scene.path) == before
    assert scene.carried_out() == []


@command
def test_a_rehearsal_does_not_wait(scene: Scene, run: Callable[[Session], Plan]) -> None:
    """A rehearsal does not wait for an event that runs."""
    with scene.session().lock("an event"):
        assert run(scene.rehearsal()).changed
    assert scene.notes == []


@command
def test_both_runs_are_checked(scene: Scene, run: Callable[[Session], Plan]) -> None:
    """What a program refuses stops the rehearsal as it stops the real run, and neither touches the file."""
    check = '[check]\ncommand = ["/bin/false", "{file}"]\npackage = "coreutils"\n'
    scene.trees.standard("/etc/t/template.toml", check)
    scene.file("/etc/t").write_text("old\n")
    for session in (scene.rehearsal(), scene.session()):
        with pytest.raises(CheckError):
            run(session)
        assert scene.file("/etc/t").read_text() == "old\n"


@command
def test_what_was_done_is_logged(scene: Scene, run: Callable[[Session], Plan]) -> None:
    """The log has what changed, and where the file of somebody else is that was replaced."""
    scene.foreign("/etc/t", "mine\n")
    run(scene.session())
    entries = logged(scene.path)
    assert "/etc/t: replace" in entries
    assert any(entry.startswith("/etc/t was ") and "a backup copy is" in entry for entry in entries)


@command
@pytest.mark.parametrize(
    ("rehearses", "more"),
    [
        (False, "... and 5 more warnings, which are in the log: {log}"),
        (True, "... and 5 more warnings, 'expand-template --explain TEMPLATE' shows those of one template"),
    ],
    ids=["real run", "rehearsal"],
)
def test_many_warnings_are_cut(scene: Scene, run: Callable[[Session], Plan], rehearses: bool, more: str) -> None:
    """Ten warnings are shown, and where the others are; the log has all of them."""
    scene.trees.standard("/etc/t/template.toml", "[suspect-lines]\n'x' = 'is suspect'\n")
    scene.template("/etc/t", "".join(f"x{number}\n" for number in range(15)))
    run(scene.rehearsal() if rehearses else scene.session())
    assert len([note for note in scene.notes if "is suspect" in note]) == 10
    assert more.format(log=scene.file("/var/log/e-smith/events.log")) in scene.notes
    if not rehearses:
        assert len([entry for entry in logged(scene.path) if entry.startswith("WARNING: ")]) == 15
