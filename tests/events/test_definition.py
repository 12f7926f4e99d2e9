"""What an event is: the directory that says which templates, which services, which actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.errors import EsmithError, ExitCode, UsageError
from esmith.events.definition import Event, load_event
from esmith.fragments.tree import TemplateTree
from tests.events.kit import Scene

TEMPLATES = ("/etc/a", "/etc/b", "/etc/c.conf", "/var/peers/0", "/var/peers/local", "/var/one")


@pytest.fixture
def scene(scene: Scene) -> Scene:
    """Give the root some templates and the event ``try``."""
    for path in TEMPLATES:
        scene.template(path, "text\n")
    scene.event()
    return scene


def _load(scene: Scene, name: str = "try") -> Event:
    return load_event(scene.layout, name, TemplateTree(scene.layout))


def _error(scene: Scene, name: str = "try") -> EsmithError:
    with pytest.raises(EsmithError) as caught:
        _load(scene, name)
    return caught.value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("# only a comment\n\n   \n", []),
        ("/etc/a\n", ["/etc/a"]),
        ("  /etc/b  \n# x\n/etc/a", ["/etc/b", "/etc/a"]),
        ("/etc/*\n", ["/etc/a", "/etc/b", "/etc/c.conf"]),
        ("/etc/?\n", ["/etc/a", "/etc/b"]),
        ("/etc/[b-c]*\n", ["/etc/b", "/etc/c.conf"]),
        ("/v?r/peers/*\n", ["/var/peers/0", "/var/peers/local"]),
        ("/var/*\n", ["/var/one"]),
        ("/etc/\u00fc\n", ["/etc/\u00fc"]),
    ],
)
def test_templates_in_a_file(scene: Scene, text: str, found: list[str]) -> None:
    """``templates2expand`` is one path a line, with comments; a pattern stands for the templates it matches."""
    scene.event(text)
    assert _load(scene).templates == found


def test_a_pattern_leaves_custom_directories_alone(scene: Scene) -> None:
    """A pattern looks at the shipped templates only: a custom directory that is a store of links is not an output."""
    scene.trees.custom("/etc/plugins/10a", "x\n")
    scene.trees.custom("/etc/a/20x", "x\n")
    scene.event("/etc/*\n")
    assert _load(scene).templates == ["/etc/a", "/etc/b", "/etc/c.conf"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("/etc/a\netc/b\n", 2, "'etc/b' is not an absolute path"),
        ("\n\n/etc/x*\n", 3, "/etc/x* matches no template"),
        ("\xff\n", 1, "is not an absolute path"),
    ],
    ids=["relative", "no match", "no text"],
)
def test_a_wrong_line_is_named(scene: Scene, text: str, line: int, message: str) -> None:
    """A line that is not a path, or matches nothing, is an error with file and line."""
    directory = scene.event()
    (directory / "templates2expand").write_bytes(text.encode("latin-1"))
    error = _error(scene)
    place = str(directory / "templates2expand")
    assert error.place == (f"{place}:{line}" if line else place)
    assert message in error.message
    assert error.exit_code == ExitCode.TEMPLATE


def test_templates_in_a_directory_of_markers(scene: Scene) -> None:
    """``templates2expand`` as a directory has a marker file for each path, as upstream; leftovers are none."""
    directory = scene.event()
    markers = directory / "templates2expand"
    for name in ("etc/b", "etc/a", "etc/a~", "var/peers/0", "etc/b.rpmnew"):
        (markers / name).parent.mkdir(parents=True, exist_ok=True)
        (markers / name).write_text("ignored\n")
    (markers / "var/one").symlink_to("../etc/a")
    (markers / "var/null").symlink_to("/dev/null")
    (markers / "var/gone").symlink_to("nowhere")
    assert _load(scene).templates == ["/etc/a", "/etc/b", "/var/one", "/var/peers/0"]


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_templates_by_a_link_to_another_event(scene: Scene, tmp_path: Path, kind: str) -> None:
    """``templates2expand`` and the directories in it may be links to those of another event."""
    other = tmp_path / "other"
    if kind == "file":
        other.write_text("/etc/a\n/var/one\n")
    else:
        (tmp_path / "files").mkdir()
        (tmp_path / "files/a").write_text("")
        (other / "var").mkdir(parents=True)
        (other / "var/one").write_text("")
        (other / "etc").symlink_to(tmp_path / "files")
    (scene.event() / "templates2expand").symlink_to(other)
    assert sorted(_load(scene).templates) == ["/etc/a", "/var/one"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("# nothing\n\n", {}),
        ("clamd\n", {"clamd": ["start"]}),
        ("clamd restart\n  qmail\tsighup \n", {"clamd": ["restart"], "qmail": ["sighup"]}),
        ("clamd sigusr1 sighup\n", {"clamd": ["sigusr1", "sighup"]}),
        ("clamd sighup\nclamd restart\n", {"clamd": ["sighup", "restart"]}),
    ],
)
def test_services_in_a_file(scene: Scene, text: str, found: dict[str, list[str]]) -> None:
    """``services2adjust`` is one service a line with its actions, ``start`` when it has none."""
    scene.event(services=text)
    assert _load(scene).services == found


def test_services_in_a_directory(scene: Scene) -> None:
    """``services2adjust`` as a directory has, a service, a link to its action or a file of actions, as upstream."""
    services = scene.event() / "services2adjust"
    services.mkdir()
    (services / "clamd").symlink_to("restart")
    (services / "dovecot").symlink_to("enable -now")
    (services / "qmail").write_text("sighup\nsigusr1 and more\n\n# comment\n")
    (services / "empty").write_text("")
    (services / "spamd~").write_text("restart\n")
    (services / "directory").mkdir()
    assert _load(scene).services == {
        "clamd": ["restart"],
        "dovecot": ["enable -now"],
        "qmail": ["sighup", "sigusr1"],
        "empty": ["start"],
    }


def test_a_contrib_beside_a_list(scene: Scene) -> None:
    """A directory may hold a LIST beside the markers: both count, a path once, and all actions of a service."""
    directory = scene.event()
    templates, services = directory / "templates2expand", directory / "services2adjust"
    (templates / "etc").mkdir(parents=True)
    (templates / "LIST").write_text("/var/peers/*\n/etc/b\n")
    for name in ("a", "b", "LIST"):
        (templates / "etc" / name).write_text("")
    services.mkdir()
    (services / "LIST").write_text("clamd sighup\nqmail\n")
    (services / "clamd").symlink_to("restart")
    (services / "foo").write_text("sigusr1\n")
    event = _load(scene)
    assert event.templates == ["/var/peers/0", "/var/peers/local", "/etc/b", "/etc/LIST", "/etc/a"]
    assert event.services == {"clamd": ["sighup", "restart"], "qmail": ["start"], "foo": ["sigusr1"]}


def test_a_wrong_line_of_a_list_in_a_directory(scene: Scene) -> None:
    """An error in the LIST of a directory names that file."""
    place = scene.event() / "templates2expand"
    place.mkdir()
    (place / "LIST").write_text("etc/a\n")
    assert _error(scene).place == f"{place}/LIST:1"


def test_actions(scene: Scene) -> None:
    """Executable files are actions, hidden ones too; others are skipped by name; leftovers and directories are none."""
    directory = scene.event(actions={"S10a": "", "K99": "", ".hidden": "", "S20b~": "", "S20b.rpmsave": "", "S30": ""})
    (directory / "README").write_text("not executable\n")
    (directory / "S40gone").symlink_to("nowhere")
    (directory / "S50link").symlink_to("S10a")
    (directory / "S60directory").mkdir()
    (directory / "S30").chmod(0o644)
    event = _load(scene)
    assert event.actions == [".hidden", "K99", "S10a", "S50link"]
    assert event.skipped == ["README", "S30", "S40gone"]
    assert event.dangling == ["S40gone"]


@pytest.mark.parametrize(
    "name", ["nosuch", "", ".", "..", "../try", "try/", "try/S10", ".hidden", "actions", "x" * 5000]
)
def test_no_such_event(scene: Scene, name: str) -> None:
    """A name that is not an event's is a usage error, whatever directory it might lead to."""
    for directory in (".hidden", "actions", "other"):
        (scene.event().parent / directory).mkdir()
    error = _error(scene, name)
    assert isinstance(error, UsageError)
    assert repr(name) in error.message


def test_no_such_event_names_the_nearest(scene: Scene) -> None:
    """The error for an unknown event names the nearest one, or all there are."""
    for name in ("email-update", "console-save"):
        (scene.event().parent / name).mkdir()
    assert _error(scene, "email-updates").hint == "did you mean 'email-update'?"
    hint = _error(scene, "qqqq").hint
    assert "console-save, email-update, try" in hint
