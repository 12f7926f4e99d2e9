"""What ``esmith init`` says after an upgrade, and what notices that it was not run."""

from __future__ import annotations

import json

import pytest

from tests.commands import Answer, Root
from tests.overrides.kit import all_files, forget_bases, found, ship_older, states

#: The lines of its report where nothing changed.
_READY = 3
_CLAMD = "templates/etc/clamd.conf"
_SCHEMA = "db/configuration/clamav.toml"


def init(root: Root, *words: str) -> Answer:
    """Run ``esmith init`` of a root, as its own command: it begins sooner than a new Python."""
    return root.esmith("init", *words)


def _make_older(root: Root) -> None:
    """Have a root be of an older version, in which a thing of each kind was another one, not there, or still there."""
    ship_older(root, f"{_CLAMD}/MaxFiles", "# older\nMaxFiles {{ clamav.MaxFiles }}\n")
    ship_older(root, f"{_CLAMD}/Debug", None)
    ship_older(root, f"{_CLAMD}/Gone", "LogClean no\n")
    text = root.read(f"/etc/e-smith/{_SCHEMA}")
    older = text.replace('default = "15M"', 'default = "10M"').replace("[properties.MaxFiles]", "[properties.Files]")
    ship_older(root, _SCHEMA, older.replace('help = "Use', 'help = "Please use'))
    ship_older(root, "db/configuration/olderservice.toml", '[properties.Old]\ntype = "text"\n')
    ship_older(root, "events/old-event/services2adjust/LIST", "clamd restart\n")


def test_an_upgrade_reports_what_changed(root: Root) -> None:
    """Fragments, settings and events are reported, changed, new or gone, and the overrides that are touched."""
    _make_older(root)
    root.custom("/etc/clamd.conf/MaxFiles", "MaxFiles 3000\n")
    root.custom("/etc/clamd.conf/Debug", "Debug yes\n")
    root.custom("/etc/clamd.conf/Gone", "LogClean yes\n")
    root.custom("/etc/clamd.conf/MaxThreads", "MaxThreads 5\n")
    root.custom("/etc/clamd.conf/LogTime", "")
    forget_bases(root)
    data = json.loads(init(root, "--json").out)
    assert data["upgrade"] == {
        "fragment": {"changed": [f"{_CLAMD}/MaxFiles"], "new": [f"{_CLAMD}/Debug"], "removed": [f"{_CLAMD}/Gone"]},
        "setting": {
            "changed": ["configuration clamav MaxFileSize"],
            "new": ["configuration clamav MaxFiles"],
            "removed": ["configuration clamav Files", "configuration olderservice Old"],
        },
        "event": {"changed": [], "new": [], "removed": ["old-event"]},
        "file": {"changed": [], "new": [], "removed": []},
    }
    outdated = ["Debug", "Gone", "MaxFiles"]
    custom = "/etc/e-smith/templates-custom/etc/clamd.conf"
    assert [one["path"] for one in data["outdated"]] == [f"{custom}/{name}" for name in outdated]
    assert states(root) == {
        **{f"/etc/clamd.conf/{name}": "outdated" for name in outdated},
        "/etc/clamd.conf/MaxThreads": "replaces",
        "/etc/clamd.conf/LogTime": "masks",
    }
    # It was recorded for the first time: nobody knows whether they were made from still older ones.
    assert found(root)["/etc/clamd.conf/MaxFiles"].base.probable


def test_a_short_report(root: Root) -> None:
    """A short list is shown, a longer one only counted; where nothing changed, and at first, nothing is printed."""
    assert len(init(root).out.splitlines()) == _READY
    _make_older(root)
    root.custom("/etc/clamd.conf/MaxFiles", "MaxFiles 3000\n")
    lines = init(root).out.splitlines()[_READY - 1 : -1]
    assert lines == [
        "the upgrade changed the shipped files: 1 fragment changed, 1 new, 1 removed; 1 setting changed, 1 new, "
        "2 removed; 1 event removed",
        f"  fragment changed: {_CLAMD}/MaxFiles",
        f"  fragment new: {_CLAMD}/Debug",
        f"  fragment removed: {_CLAMD}/Gone",
        "  setting changed: configuration clamav MaxFileSize",
        "  setting new: configuration clamav MaxFiles",
        "  setting removed: configuration clamav Files",
        "  setting removed: configuration olderservice Old",
        "  event removed: old-event",
        "1 override is outdated; to look at it: esmith overrides --outdated",
        "  /etc/e-smith/templates-custom/etc/clamd.conf/MaxFiles: the shipped one has changed since it was made",
    ]
    for number in range(20):
        ship_older(root, f"{_CLAMD}/Gone{number}", "x\n")
    shown = init(root).out.splitlines()
    assert "the upgrade changed the shipped files: 20 fragments removed" in shown
    assert not any("Gone1" in line for line in shown) and "  to list them: esmith init --verbose" in shown
    shown = init(root, "--verbose").out.splitlines()
    assert "the last upgrade changed the shipped files: 20 fragments removed" in shown
    assert f"  fragment removed: {_CLAMD}/Gone19" in shown


def test_an_edited_shipped_file_is_no_change_of_the_upgrade(root: Root) -> None:
    """A shipped file that was edited by hand is restored, and the shipped files are the same as before."""
    root.write(f"/etc/e-smith/{_CLAMD}/MaxFiles", "by hand\n")
    assert "changed" not in init(root).out


def test_custom_files_before_the_first_install(root: Root) -> None:
    """Overrides that were copied to a machine before the first init are not outdated by it."""
    root.custom("/etc/clamd.conf/MaxFiles", "MaxFiles 3000\n")
    forget_bases(root)
    for name in ("/etc/e-smith/templates", "/var/lib/e-smith/shipped"):
        root.file(name).rename(root.file(name).with_name("away"))
    assert "outdated" not in init(root).out
    one = found(root)["/etc/clamd.conf/MaxFiles"]
    assert (one.state, one.base.probable) == ("replaces", True)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (None, "an earlier version"),
        (["0.0.9", "mark", "digest"], "version 0.0.9"),
        (["0.1.0", "mark", "digest"], "another build of version 0.1.0"),
    ],
)
def test_a_missing_init_is_noticed(root: Root, lines: list[str] | None, named: str) -> None:
    """A command says so on stderr when the shipped files are of another version, and does its work."""
    noted = root.file("/var/lib/e-smith/version")
    if lines is None:
        noted.unlink()
    else:
        noted.write_text("\n".join(lines) + "\n")
    answer = root.esmith("history", "--limit", "1")
    assert named in answer.err
    assert "to bring them up to date: esmith init" in answer.err
    assert root.config("getprop", "clamav", "MaxFiles").err == ""
    if "build" not in named:
        assert named in root.expand("/var/qmail/control/me").err
        root.write("/etc/e-smith/events/small-update/templates2expand/LIST", "/var/qmail/control/me\n")
        assert named in root.signal("--dry-run", "small-update").err
    assert init(root).err == ""
    assert root.esmith("history", "--limit", "1").err == ""


def test_an_installation_of_the_same_is_no_reason(root: Root) -> None:
    """A package that was only installed again is another file with the same shipped files: nothing is printed."""
    noted = root.file("/var/lib/e-smith/version")
    version, _, digest = noted.read_text().splitlines()
    noted.write_text(f"{version}\nanother mark\n{digest}\n")
    assert root.esmith("history", "--limit", "1").err == ""


def test_a_root_without_shipped_files_is_no_reason(root: Root) -> None:
    """Where the shipped files were taken away, as by esmith remove, nothing is to be brought up to date."""
    root.file("/var/lib/e-smith/version").write_text("0.0.9\nmark\ndigest\n")
    root.file("/var/lib/e-smith/shipped").unlink()
    assert root.esmith("history", "--limit", "1").err == ""


def test_a_second_init_writes_nothing_new(root: Root) -> None:
    """Where nothing changed the recorded bases and the version stay as they are."""
    init(root)
    names = ("/bases/", "/lib/e-smith/version")
    before = {path: mark for path, mark in all_files(root).items() if any(name in path for name in names)}
    init(root)
    assert before and before == {path: mark for path, mark in all_files(root).items() if path in before}
