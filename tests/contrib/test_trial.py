"""The verdict of ``esmith contrib check``: what the events do that the contrib touches, and why."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from esmith.errors import ExitCode
from tests.commands import Root

pytestmark = pytest.mark.program("Text::Template")

DIES = "{ die 'no luck'; }\n"


@pytest.fixture
def contrib(tmp_path: Path) -> Path:
    """Return the folder of a contrib that has one fragment that works."""
    folder = tmp_path / "contrib"
    _write(folder, "templates/etc/clamd.conf/80x", "# x\n")
    return folder


def _write(folder: Path, name: str, text: str, mode: int = 0o644) -> Path:
    path = folder / "root/etc/e-smith" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def _events(root: Root, folder: Path, *options: str) -> dict[str, dict[str, Any]]:
    answer = root.esmith("contrib", "check", "--json", *options, str(folder), code=None)
    return {one["event"]: one for one in json.loads(answer.out)["events"]}


def _lines(root: Root, folder: Path, *options: str, code: int = ExitCode.TEMPLATE) -> list[str]:
    return root.esmith("contrib", "check", *options, str(folder), code=code).out.splitlines()


def test_only_a_rehearsal_sees_what_running_shows(office: Root, contrib: Path) -> None:
    """A fragment that dies works as far as reading it shows; a rehearsal says which file stays, and why."""
    _write(contrib, "templates/etc/clamd.conf/80x", DIES)
    (line,) = _lines(office, contrib, code=ExitCode.OK)
    assert line.startswith("works, as far as reading it shows")
    lines = _lines(office, contrib, "--rehearse")
    assert lines[0] == "works, except:"
    place = "/etc/e-smith/templates/etc/clamd.conf/80x:1"
    events = "bootstrap-console-save, clamav-update, console-save, email-update"
    assert f"  /etc/clamd.conf stays as it is in {events}: {place}: no luck (for /etc/clamd.conf)" in lines


def test_a_rehearsal_has_the_new_files_checked(office: Root, contrib: Path) -> None:
    """A line that the program refuses which reads the file would stop the event."""
    office.config("setprop", "qpsmtpd", "status", "enabled")
    _write(contrib, "templates/var/service/qpsmtpd/config/goodrcptto/80x", "not an address\n")
    assert _events(office, contrib)["email-update"]["exit_code"] == ExitCode.OK
    expected = _events(office, contrib, "--rehearse")["email-update"]["exit_code"]
    (office.path / "etc/e-smith/templates/var/service/qpsmtpd/config/goodrcptto/80x").write_text("not an address\n")
    assert office.signal("email-update", code=None).code == expected


def test_a_migration_that_fails_is_named_with_its_events(office: Root, contrib: Path) -> None:
    """The events whose first action is initialize-databases would end with 11, with Strict be stopped; others not."""
    _write(contrib, "db/configuration/migrate/10x", "{ my $x = ; }\n")
    lines = [line for line in _lines(office, contrib) if "initialize-default-databases fails in " in line]
    assert any("in console-save: /etc/e-smith/db/configuration/migrate/10x:1: " in line for line in lines)
    assert _events(office, contrib)["console-save"]["exit_code"] == ExitCode.PARTIAL
    assert _events(office, contrib)["email-update"]["exit_code"] == ExitCode.OK
    office.config("setprop", "esmith", "Strict", "enabled")
    (line,) = (line for line in _lines(office, contrib) if line.startswith("would stop "))
    assert "post-upgrade" in line and "console-save" in line and "email-update" not in line
    assert "(exit code 7) because initialize-databases fails: /etc/e-smith/db/configuration/migrate/10x:1: " in line


def test_a_rehearsal_runs_migrations_on_a_copy(office: Root, contrib: Path) -> None:
    """A migrate fragment is run, and what it stores is read by fragments; the real databases stay as they are."""
    _write(contrib, "db/configuration/migrate/10x", "{ $DB->set_prop('clamav', 'Mine', 'stored'); }\n")
    _write(contrib, "templates/etc/clamd.conf/80x", '{ die "$clamav{Mine}\\n" }\n')
    revision = office.esmith("history", "--limit", "1").out
    assert any("80x:1: stored (for" in line for line in _lines(office, contrib, "--rehearse"))
    assert office.esmith("history", "--limit", "1").out == revision
    assert office.config("getprop", "clamav", "Mine", code=None).out == ""


def test_an_action_that_fails_is_named_with_its_event(office: Root, contrib: Path) -> None:
    """The event would end with 11, and the line says which file does not compile."""
    _write(contrib, "events/actions/mine", "#!/bin/sh\nfi\n", 0o755)
    place = contrib / "root/etc/e-smith/events/email-update/S40mine"
    place.parent.mkdir(parents=True)
    os.symlink("../actions/mine", place)
    lines = _lines(office, contrib)
    found = [line for line in lines if line.startswith("  /etc/e-smith/events/email-update/S40mine fails in")]
    assert len(found) == 1 and "in email-update: /etc/e-smith/events/actions/mine:2: does not compile" in found[0]


def test_an_action_that_replaces_a_shipped_one_stops_the_event(office: Root, contrib: Path) -> None:
    """It counts as the shipped one, whose failure stops the event."""
    _write(contrib, "events/email-update/S30qmail-newu", "#!/bin/sh\nfi\n", 0o755)
    found = _events(office, contrib)["email-update"]
    assert found["exit_code"] == ExitCode.ACTION
    assert "/etc/e-smith/events/email-update/S30qmail-newu:2: does not compile" in found["reason"]


def test_strict_stops_everything(office: Root, contrib: Path) -> None:
    """With Strict of esmith a fault of the contrib stops the event, as it would."""
    _write(contrib, "templates/etc/clamd.conf/80x", "{ my $x = ; }\n")
    assert _events(office, contrib)["email-update"]["exit_code"] == ExitCode.PARTIAL
    office.config("setprop", "esmith", "Strict", "enabled")
    assert _events(office, contrib)["email-update"]["exit_code"] == ExitCode.TEMPLATE


def test_a_fault_in_a_template_inside_another_one_is_that_ones(office: Root, contrib: Path) -> None:
    """A fragment that expands a template with a fault inside its own fails with it."""
    _write(
        contrib,
        "templates/etc/clamd.conf/80x",
        "{ esmith::templates::processTemplate({ TEMPLATE_PATH => '/etc/in/er' }) }\n",
    )
    _write(contrib, "templates/etc/in/er/10x", "{ my $x = ; }\n")
    found = _events(office, contrib)["email-update"]
    assert "/etc/e-smith/templates/etc/in/er/10x" in found["left"]["/etc/clamd.conf"]


def test_what_is_so_without_the_contrib_is_not_its_fault(office: Root, contrib: Path) -> None:
    """An event that another contrib's fragment leaves in part is marked, and the verdict is that of this one."""
    office.write("/etc/e-smith/templates/etc/clamd.conf/81other", DIES)
    found = _events(office, contrib, "--rehearse")["email-update"]
    assert (found["exit_code"], found["before"]) == (ExitCode.PARTIAL, True)
    assert _lines(office, contrib, "--rehearse", code=ExitCode.OK) == ["works"]


def test_nothing_is_left_behind(office: Root, contrib: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy of the root is removed, also when something would not work, and no file of the root is changed."""
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setenv("TMPDIR", str(copies))
    _write(contrib, "templates/etc/clamd.conf/80x", DIES)
    before = office.snapshot("/etc", "/var", "/home/e-smith/files")
    _lines(office, contrib, "--rehearse")
    assert list(copies.iterdir()) == []
    assert office.snapshot("/etc", "/var", "/home/e-smith/files") == before


@pytest.mark.parametrize("option", ["--json", "--rehearse"])
def test_a_link_to_a_file_of_the_contrib_is_followed(office: Root, contrib: Path, option: str) -> None:
    """A fragment may be a link to a file that the contrib brings elsewhere, and to a shipped template-begin."""
    target = contrib / "root/usr/share/mine/part"
    target.parent.mkdir(parents=True)
    target.write_text("# part\n")
    fragments = contrib / "root/etc/e-smith/templates/etc/clamd.conf"
    os.symlink("/usr/share/mine/part", fragments / "81part")
    os.symlink("/etc/e-smith/templates-default/template-begin-shell", fragments / "82begin")
    office.esmith("contrib", "check", option, str(contrib))


def test_a_linked_directory_of_the_root_stays_as_it_is(office: Root, contrib: Path) -> None:
    """Where the templates of the root lie elsewhere, the contrib is tried with them, and nothing is written there."""
    templates = office.file("/etc/e-smith/templates")
    elsewhere = templates.rename(office.path / "elsewhere")
    templates.symlink_to(elsewhere)
    clamd = elsewhere / "etc/clamd.conf"
    clamd.rename(office.path / "clamd")
    clamd.symlink_to(office.path / "clamd")
    _write(contrib, "templates/etc/clamd.conf/80x", "{ my $x = ; }\n")
    before = office.snapshot("/elsewhere", "/clamd")
    assert _events(office, contrib)["email-update"]["left"].keys() == {"/etc/clamd.conf"}
    assert office.snapshot("/elsewhere", "/clamd") == before
