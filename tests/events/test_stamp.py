"""An event that finds everything as it was ends there, and only then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.events.expand import expand_templates
from esmith.events.stamp import read_stamp, stamp_of, stamps_of, unchanged
from esmith.layout import Layout
from esmith.services.model import ServiceStatus, Status
from tests.events.kit import FakeRunit, Scene

WORDS = ["signal-event", "try"]
ACTION = "#!/bin/sh\necho ran >>$ESMITH_ROOT/ran\n"
#: What makes a file look young or not is in steps of the clock of the file system.
TICK_SECONDS = 0.02


@pytest.fixture
def quiet(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Give a root where what is younger than a second counts, with an event that has nothing to do."""
    for module in ("esmith.plan.seen", "esmith.events.stamp_lines"):
        monkeypatch.setattr(f"{module}.TRUSTED_AGE_NS", -(10**18))
    scene.template("/etc/t", "{{ A.value | default('') }}{{ read('/etc/flag') | default('') }}\n")
    scene.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart" }\n')
    scene.set("configuration", "A", "setting", value="first")
    scene.service("clamd")
    scene.event("/etc/t\n", "clamd sighup\n")
    _settle(scene)
    return scene


def _settle(scene: Scene) -> None:
    """Signal the event until it has nothing to do any more."""
    for _ in range(3):
        time.sleep(TICK_SECONDS)
        scene.signal()
    time.sleep(TICK_SECONDS)
    scene.notes.clear()


def _holds(scene: Scene) -> bool:
    return unchanged(Layout(str(scene.path)), WORDS) is not None


def test_a_run_without_work_leaves_a_stamp(quiet: Scene) -> None:
    """The stamp says how many files the event is about, and it is for nobody else to read."""
    assert unchanged(quiet.layout, WORDS) == 1
    assert Path(stamps_of(quiet.layout)).stat().st_mode & 0o777 == 0o700
    assert not unchanged(quiet.layout, ["signal-event", "other"])


def test_nothing_is_written_where_nothing_changed(quiet: Scene) -> None:
    """A run that finds the same again writes neither the databases nor the stamp."""
    files = [Path(quiet.layout.database, "data.mdb"), Path(stamp_of(quiet.layout, WORDS))]
    before = [file.stat() for file in files]
    quiet.signal()
    assert [file.stat().st_mtime_ns for file in files] == [one.st_mtime_ns for one in before]
    assert [file.stat().st_ino for file in files] == [one.st_ino for one in before]


def _setting(scene: Scene) -> None:
    scene.set("configuration", "B", "setting", value="other")


def _edited(scene: Scene) -> None:
    scene.file("/etc/t").write_text("by hand\n")


def _new_fragment(scene: Scene) -> None:
    scene.trees.custom("/etc/t/20b", "more\n")


def _new_file(scene: Scene) -> None:
    scene.file("/etc/flag").write_text("flag")


def _new_action(scene: Scene) -> None:
    scene.event(actions={"S01new": "echo"})


def _new_service(scene: Scene) -> None:
    directory = scene.file("/etc/e-smith/services-custom/clamd/service.toml")
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.write_text('record = "clamav"\n')


def _service_directory(scene: Scene) -> None:
    scene.file("/var/service/clamd/run").parent.mkdir(parents=True, exist_ok=True)
    scene.file("/var/service/clamd/run").write_text("#!/bin/sh\n")


def _other_mode(scene: Scene) -> None:
    scene.file("/etc/e-smith/templates/etc/t/10a").chmod(0o600)


CHANGES: dict[str, Callable[[Scene], object]] = {
    "a setting": _setting,
    "a file edited by hand": _edited,
    "a file made again with the same content": lambda scene: _replaced(scene.file("/etc/t")),
    "a file removed": lambda scene: scene.file("/etc/t").unlink(),
    "the mode of a file": lambda scene: scene.file("/etc/t").chmod(0o600),
    "a fragment": lambda scene: scene.file("/etc/e-smith/templates/etc/t/10a").write_text("new\n"),
    "the mode of a fragment": _other_mode,
    "a fragment removed": lambda scene: scene.file("/etc/e-smith/templates/etc/t/10a").unlink(),
    "a new fragment": _new_fragment,
    "a file that a fragment looked for": _new_file,
    "a new action": _new_action,
    "a definition of a service": _new_service,
    "a service directory": _service_directory,
    "the accounts": lambda scene: scene.file("/etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n"),
    "the directory of the state": lambda scene: os.chmod(scene.layout.state, 0o777),
    "the directory of the databases": lambda scene: os.chmod(scene.layout.database, 0o770),
}


def _replaced(place: Path) -> None:
    content = place.read_bytes()
    place.unlink()
    place.write_bytes(content)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changes_shows(quiet: Scene, change: Callable[[Scene], object]) -> None:
    """After a change of anything that an event depends on it runs."""
    assert _holds(quiet)
    change(quiet)
    assert not _holds(quiet)


def _aimed_elsewhere(scene: Scene) -> None:
    scene.file("/etc/link").unlink()
    scene.file("/etc/link").symlink_to("flag")


LINK_CHANGES: dict[str, Callable[[Scene], object]] = {
    "the file that it names": _edited,
    "that file made again": lambda scene: _replaced(scene.file("/etc/t")),
    "another file named": _aimed_elsewhere,
    "the link removed": lambda scene: scene.file("/etc/link").unlink(),
}


@pytest.mark.parametrize("change", LINK_CHANGES.values(), ids=LINK_CHANGES.keys())
def test_a_generated_link_that_a_template_looks_at(quiet: Scene, change: Callable[[Scene], object]) -> None:
    """It is compared once, and so is the generated file that it names; a change of either shows."""
    quiet.template("/etc/link", "t")
    quiet.trees.standard("/etc/link/template.toml", 'kind = "symlink"\nskip-when = "exists(\'/etc/link\')"\n')
    quiet.event("/etc/t\n/etc/link\n", "clamd sighup\n")
    _settle(quiet)
    assert _holds(quiet)
    _, lines = read_stamp(stamp_of(quiet.layout, WORDS))
    places = [line.split(" ", 2)[2] for line in lines[2:]]
    assert [places.count(str(quiet.file(path))) for path in ("/etc/t", "/etc/link")] == [1, 1]
    change(quiet)
    assert not _holds(quiet)


@pytest.mark.parametrize("content", [b"", b"x", b"00000000\n", b"\xff\xfe", None])
def test_a_damaged_stamp_counts_for_nothing(quiet: Scene, content: bytes | None) -> None:
    """A stamp that is empty, cut off or something else holds nothing up, and the next run leaves a new one."""
    place = Path(stamp_of(quiet.layout, WORDS))
    place.write_bytes(place.read_bytes()[:-3] if content is None else content)
    assert not _holds(quiet)
    quiet.signal()
    assert _holds(quiet)


def test_each_byte_of_a_stamp_counts(quiet: Scene) -> None:
    """A stamp in which any byte is another one does not hold."""
    place = Path(stamp_of(quiet.layout, WORDS))
    whole = place.read_bytes()
    for number in range(0, len(whole), max(1, len(whole) // 100)):
        place.write_bytes(whole[:number] + bytes([whole[number] ^ 1]) + whole[number + 1 :])
        assert not _holds(quiet)


@pytest.mark.root("only root may give files away")
def test_a_stamp_of_somebody_else_counts_for_nothing(quiet: Scene) -> None:
    """Who may write the stamp could have every event do nothing."""
    os.chown(stamp_of(quiet.layout, WORDS), 12345, 12345)
    assert not _holds(quiet)


def test_a_stamp_of_another_root_counts_for_nothing(quiet: Scene, tmp_path: Path) -> None:
    """A copy of a root has other files, though they may look the same."""
    other = tmp_path / "other"
    quiet.path.rename(other)
    assert unchanged(Layout(str(other)), WORDS) is None


def test_a_run_that_had_something_to_say_leaves_none(quiet: Scene) -> None:
    """A warning is shown by each event until its cause is gone."""
    quiet.template("/etc/t", "{{ warn('look') }}\n")
    _settle(quiet)
    assert not _holds(quiet)


def test_chance_leaves_none(quiet: Scene) -> None:
    """What comes out differently each time has to be made each time."""
    quiet.template("/etc/t", "{{ ['a', 'a'] | random }}\n")
    for _ in range(3):
        time.sleep(TICK_SECONDS)
        expand_templates(quiet.session(), ["/etc/t"])
    assert unchanged(quiet.layout, ["expand-template", "/etc/t"]) is None


@pytest.mark.program("Text::Template")
def test_perl_leaves_none(quiet: Scene) -> None:
    """A Perl fragment may read anything, so it is expanded by each event."""
    quiet.template("/etc/t", "{ $ENV{PATH} ? 'a' : 'b' }\n")
    _settle(quiet)
    assert not _holds(quiet)


def test_what_changed_this_moment_leaves_none(scene: Scene) -> None:
    """A second change within the same tick of the clock would not show, so nothing that young is relied on."""
    scene.template("/etc/t", "text\n")
    scene.event("/etc/t\n")
    scene.signal()
    scene.signal()
    assert not _holds(scene)


def test_expand_template_leaves_its_own(quiet: Scene) -> None:
    """expand-template ends at once as well; an event is not done by that."""
    _setting(quiet)
    for _ in range(2):
        time.sleep(TICK_SECONDS)
        expand_templates(quiet.session(), ["/etc/t"])
    assert unchanged(quiet.layout, ["expand-template", "/etc/t"]) == 1
    assert not _holds(quiet)


def test_an_action_runs_in_each_event(quiet: Scene) -> None:
    """Nobody knows what an action looks at that does not say so."""
    quiet.event(actions={"S01act": ACTION})
    _settle(quiet)
    assert not _holds(quiet)


def _declare(scene: Scene, text: str) -> None:
    """Have the event an action that says what it looks at."""
    scene.event(actions={"S01act": ACTION})
    place = scene.file("/etc/e-smith/events/actions/act")
    place.write_text(ACTION)
    place.chmod(0o755)
    scene.file("/etc/e-smith/events/actions/act.toml").write_text(text)


@pytest.mark.parametrize("path", ["/etc/looked", "/etc/lo*ed"])
def test_an_action_that_says_what_it_looks_at(quiet: Scene, path: str) -> None:
    """While that is as it was, there is nothing for it to do; a file that comes, changes or goes is a reason to run."""
    _declare(quiet, f'looks-at = ["{path}"]\n')
    _settle(quiet)
    assert _holds(quiet)
    place = quiet.file("/etc/looked")
    for change in (lambda: place.write_text("new"), lambda: place.write_text("other"), place.unlink):
        change()
        assert not _holds(quiet)
        _settle(quiet)
        assert _holds(quiet)


def test_what_an_action_makes_is_looked_at(quiet: Scene) -> None:
    """What somebody removed that an action makes is made again, though the action itself looks at nothing else."""
    _declare(quiet, 'makes = ["/ran"]\nfrom = ["/etc/t"]\nlooks-at = []\n')
    _settle(quiet)
    assert _holds(quiet)
    quiet.file("/ran").unlink()
    assert not _holds(quiet)


def test_a_declaration_has_to_say_something(quiet: Scene) -> None:
    """A file that names nothing at all is an error, with the keys."""
    _declare(quiet, "looks-at = []\n")
    with pytest.raises(Exception, match="must name something"):
        quiet.signal()


def test_a_service_that_is_not_as_its_status_asks(quiet: Scene) -> None:
    """An enabled service that ended is started by the next event."""
    quiet.service("clamd")
    runit = FakeRunit(quiet.path, "clamd")
    try:
        quiet.supervisor._seen["clamd"] = ServiceStatus(Status.UP, runit.PID)
        _settle(quiet)
        assert _holds(quiet)
        status = quiet.path / "service/clamd/supervise/status"
        status.write_bytes(status.read_bytes()[:12] + b"\0\0\0\0\0d\0\0")
        assert not _holds(quiet)
    finally:
        runit.close()
    assert not _holds(quiet)
