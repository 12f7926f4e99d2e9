"""``esmith status`` begins with what is pending or wrong, with the cure, and changes nothing."""

from __future__ import annotations

import json
import re

import pytest

from esmith.cli import colour
from esmith.cli.status import summary_lines
from esmith.errors import ExitCode
from tests.commands import Root
from tests.events.kit import look_at_files

CLAMD = "/etc/clamd.conf"


@pytest.fixture
def settled(office: Root) -> Root:
    """Return an office in which nothing is pending."""
    office.signal("bootstrap-console-save", code=None)
    return office


def findings(root: Root) -> list[tuple[str, str, str]]:
    """Return the findings: kind, message and command."""
    data = json.loads(root.esmith("status", "--json", code=ExitCode.PENDING).out)
    return [(one["kind"], one["message"], one["command"]) for one in data["findings"]]


def test_nothing_is_pending(settled: Root) -> None:
    """One line says so, with exit code 0, and no file is another one afterwards."""
    # When the data file was verified, and who reads it, is noted by whatever reads it.
    notes = ("/home/e-smith/db/data.verified", "/home/e-smith/db/lock.mdb")
    before = look_at_files(settled, besides=notes)
    assert settled.esmith("status").out == "nothing is pending\n"
    assert look_at_files(settled, besides=notes) == before


def test_what_waits_for_an_event(settled: Root) -> None:
    """Settings that no event made effective and edited files have a line each; with -v all of it is named below."""
    settled.config("setprop", "clamav", "MaxFiles", "77")
    settled.file("/var/qmail/control/concurrencylocal").write_text("a\nb\n")
    setting = f"configuration clamav MaxFiles would change 1 file ({CLAMD})"
    lines = settled.esmith("status", "-v", code=ExitCode.PENDING).out.splitlines()
    assert lines[0] == "2 findings:"
    assert lines[2] == f"  settings: {setting}: signal-event email-update"
    start = lines.index("signal-event email-update would change:")
    assert lines[start + 1 :] == [f"  {CLAMD}", "  because of these settings:", "    configuration clamav MaxFiles"]
    assert any(line.startswith("database accounts: ") for line in lines)
    data = json.loads(settled.esmith("status", "--check", "--json", code=ExitCode.PENDING).out)
    assert [one["path"] for one in data["refused"]] == ["/var/qmail/control/concurrencylocal"]
    assert [one["kind"] for one in data["findings"]] == ["refused", "file", "settings"]


def test_what_only_an_event_with_actions_makes(settled: Root) -> None:
    """A new domain without its record and a user without an account wait, until exactly what is named has been run."""
    settled.config("set", "DomainName", "example.net")
    settled.db("accounts", "set", "mary", "user", "FirstName", "M")
    settled.db("accounts", "set", "crew", "group", "Members", "mary")
    settled.signal("email-update")
    assert "example.net" not in settled.lines("/var/qmail/control/rcpthosts")
    found = findings(settled)
    assert [one for one in found if one[0] == "account"] == [
        ("account", "user mary has no unix account, so it gets no mail", "signal-event user-create mary"),
        ("account", "group crew has no unix group", "signal-event group-create crew"),
    ]
    (first,) = [one for one in found if one[0] == "defaults"]
    assert "(domains example.net)" in first[1]
    for command in dict.fromkeys(command for *_, command in found):
        settled.signal(*command.split()[1:])
    assert settled.esmith("status").out == "nothing is pending\n"
    assert "example.net" in settled.lines("/var/qmail/control/rcpthosts")
    assert "\n=mary:mary:" in settled.read("/var/qmail/users/assign")
    assert "\nmary:x:" in settled.read("/etc/passwd")
    assert "\ncrew:x:" in settled.read("/etc/group")


def test_a_broken_schema_file_is_a_finding(office: Root) -> None:
    """A schema file that cannot be read is one finding, and the others are still shown."""
    office.write("/etc/e-smith/db/configuration/clamav.toml", "[properties\n")
    office.file(CLAMD).write_text("mine\n")
    found = findings(office)
    assert {kind for kind, *_ in found} >= {"broken", "file"}
    assert "db/configuration/clamav.toml" in next(message for kind, message, _ in found if kind == "broken")


def test_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing pending is green, something wrong red, something that only waits yellow; without colours it is plain."""
    waits = {"kind": "settings", "message": "m", "command": "signal-event x"}
    wrong = {"kind": "broken", "message": "m", "command": ""}
    assert summary_lines([waits]) == ["1 finding:", "  settings: m: signal-event x"]
    monkeypatch.setattr(colour._Chosen, "when", "always")
    monkeypatch.setattr("esmith.cli.output._painter", None)
    firsts = [colour.painted(summary_lines(found)[0]) for found in ([], [waits], [waits, wrong])]
    assert firsts == ["\x1b[32mnothing is pending\x1b[0m", "\x1b[33m1 finding:\x1b[0m", "\x1b[1;31m2 findings:\x1b[0m"]


def test_an_event_that_was_refused(office: Root) -> None:
    """An event that a check refused is named with the time and the file, until the file that waits is another one."""
    lifetime = "/var/qmail/control/queuelifetime"

    def refused() -> list[tuple[str, str]]:
        found = json.loads(office.esmith("status", "--json", code=None).out)
        lines = [one["message"] for one in found["findings"] if one["kind"] == "refused"]
        assert len(lines) == len(found["outstanding"]["refused_before"])
        return [(one["command"], one["path"]) for one in found["outstanding"]["refused_before"]]

    office.custom(lifetime, "some hours\n")
    assert refused() == []
    office.signal("--dry-run", "email-update", code=10)
    assert refused() == []
    office.signal("email-update", code=10)
    assert refused() == [("signal-event email-update", lifetime)]
    shown = office.esmith("status", code=13).out
    assert re.search(rf"refused: signal-event email-update at 20.*, because of {lifetime}: it is not as", shown)
    assert 'refused_before": []' in office.esmith("status", "--check", "--json", code=13).out
    office.custom(lifetime, "7000\n")
    assert refused() == []
    office.custom(lifetime, "some hours\n")
    assert refused() == [("signal-event email-update", lifetime)]
