"""The main job: change a setting, signal an event, and the real files follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.events.kit import FakeRunit, look_at_files

CONFIG = "/var/service/qpsmtpd/config"
QUEUE = "/var/qmail/control/queuelifetime"
LOCAL_CF = "/etc/mail/spamassassin/local.cf"


def _files(root: Root) -> dict[str, tuple[bytes, int, int, int]]:
    """Return every file of the root but the databases, the log, the lock, and what is kept only to be faster.

    Of templates that are younger than a second nothing is kept, so the event after the first may be the one that does.
    """
    besides = ("/home/e-smith/db/", "/var/log/e-smith/", "/var/lib/e-smith/event.lock", "/var/lib/e-smith/code/")
    return look_at_files(root, besides=besides)


def _active(root: Root, path: str, plugin: str) -> list[str]:
    return [line for line in root.lines(path) if re.match(rf"{plugin}\b", line)]


@pytest.fixture
def runit(office: Root) -> Iterator[FakeRunit]:
    """Make three services of the office look supervised; their pending actions from before are done."""
    runit = FakeRunit(office.path, "qmail", "qpsmtpd", "clamd")
    yield runit
    runit.close()


def test_block_lists(office: Root) -> None:
    """Two properties and one event: outside clients meet dnsbl and rhsbl, local ones do not, one zone a line."""
    assert _active(office, f"{CONFIG}/peers/0", "dnsbl") == []
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled")
    office.signal("email-update")
    for plugin in ("dnsbl", "rhsbl"):
        assert len(_active(office, f"{CONFIG}/peers/0", plugin)) == 1
        assert _active(office, f"{CONFIG}/peers/local", plugin) == []
    zones = [line for line in office.lines(f"{CONFIG}/dnsbl_zones") if not line.startswith("#")]
    assert zones == office.config("getprop", "qpsmtpd", "RBLList").out.strip().split(",")
    assert len(zones) > 1
    office.config("setprop", "qpsmtpd", "DNSBL", "disabled", "RHSBL", "disabled")
    office.signal("email-update")
    assert _active(office, f"{CONFIG}/peers/0", "dnsbl") + _active(office, f"{CONFIG}/peers/0", "rhsbl") == []


def test_a_second_event_rewrites_nothing(office: Root) -> None:
    """A second email-update leaves every file of the root as it is: content, mode, inode and time."""
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled")
    office.signal("email-update")
    before = _files(office)
    assert len(before) > 100
    office.signal("email-update")
    assert _files(office) == before


def test_an_override_and_its_removal(root: Root) -> None:
    """A custom file gives exactly its text; without it the shipped text is back."""
    override = root.custom(QUEUE, "172800\n")
    root.expand(QUEUE)
    assert root.read(QUEUE) == "172800\n"
    override.unlink()
    root.expand(QUEUE)
    assert root.read(QUEUE) == "604800\n"


def test_a_fragment_between_its_neighbours(root: Root) -> None:
    """A fragment dropped into templates-custom stands between the shipped ones its name is between."""
    root.custom(f"{LOCAL_CF}/20localscores", "score LOCAL_RULE 4.2\n")
    root.expand(LOCAL_CF)
    text = root.read(LOCAL_CF)
    before, own, after = (text.index(part) for part in ("skip_rbl_checks", "score LOCAL_RULE 4.2\n", "use_bayes "))
    assert before < own < after
    names = re.findall(r"^  (\S+) +templates", root.expand("--explain", LOCAL_CF).out, re.MULTILINE)
    place = names.index("20localscores")
    assert names[place - 1].startswith("20bayes")
    assert names[place + 1] == "20use_bayes"


def test_a_zero_length_fragment_masks(root: Root) -> None:
    """A zero-length custom fragment takes the shipped one of its name away; without it, it is back."""
    root.expand(LOCAL_CF)
    with_it = root.read(LOCAL_CF)
    mask = root.custom(f"{LOCAL_CF}/10skip_rbl_checks", "")
    root.expand(LOCAL_CF)
    lines = [line for line in with_it.splitlines() if "skip_rbl_checks" in line]
    assert lines
    assert root.read(LOCAL_CF) == "".join(line for line in with_it.splitlines(True) if line.strip() not in lines)
    mask.unlink()
    root.expand(LOCAL_CF)
    assert root.read(LOCAL_CF) == with_it


def test_a_symlinked_fragment(root: Root, tmp_path: Path) -> None:
    """A custom fragment may be a link, and what it leads to is expanded."""
    (tmp_path / "scores").write_text("score {{ SystemName | upper }} 1\n")
    place = root.file(f"/etc/e-smith/templates-custom{LOCAL_CF}/20localscores")
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "scores")
    root.expand(LOCAL_CF)
    assert "score MAIL 1\n" in root.read(LOCAL_CF)


BROKEN = {
    "syntax": "fine\n{% if %}\n",
    "missing value": "fine\n{{ qpsmtpd.Nosuch }}\n",
    "Perl": "fine\n{ $OUT = nosuch(); }\n",
}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=name, marks=pytest.mark.program("Text::Template") if name == "Perl" else ())
        for name, text in BROKEN.items()
    ],
)
def test_a_broken_fragment_stops_everything(office: Root, runit: FakeRunit, text: str) -> None:
    """A broken fragment: exit 4, file and line named, no file changed, no service adjusted, no later action run."""
    office.run("signal-event", "email-update", env=runit.environment)
    runit.calls()
    office.config("setprop", "qpsmtpd", "LogLevel", "7")
    office.config("setprop", "qmail", "ConcurrencyLocal", "7")
    place = office.custom("/etc/php.ini/05broken", "")
    place.write_text(text)
    events = office.path / "etc/e-smith/events/email-update"
    for name in ("S04early", "S06late", "S95late"):
        (events / name).write_text(f'#!/bin/sh\ntouch "$ESMITH_ROOT/{name}"\n')
        (events / name).chmod(0o755)
    before = _files(office)
    answer = office.run("signal-event", "email-update", code=ExitCode.TEMPLATE, env=runit.environment)
    assert f"{place}:2: " in answer.err
    assert "/etc/php.ini" in answer.err
    assert runit.calls() == []
    assert _files(office).pop("/S04early")
    assert {path: found for path, found in _files(office).items() if path != "/S04early"} == before
    place.unlink()
    office.run("signal-event", "email-update", env=runit.environment)
    assert sorted(runit.calls()) == ["hup qpsmtpd", "restart qmail"]


def test_services_follow_their_files(office: Root, runit: FakeRunit) -> None:
    """A service is adjusted only when a file it reads has changed."""
    office.run("signal-event", "email-update", env=runit.environment)
    runit.calls()
    office.run("signal-event", "email-update", env=runit.environment)
    assert runit.calls() == []
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    office.run("signal-event", "email-update", env=runit.environment)
    assert runit.calls() == []
    office.config("setprop", "qpsmtpd", "LogLevel", "7")
    office.run("signal-event", "email-update", env=runit.environment)
    assert runit.calls() == ["hup qpsmtpd"]
    office.run("signal-event", "--restart", "email-update", env=runit.environment)
    assert "hup qmail" in runit.calls()


def test_what_events_leave_is_what_expanding_everything_gives(office: Root) -> None:
    """After settings have come and gone, expanding every template again changes nothing that the events left."""
    for words in (
        ["setprop", "qpsmtpd", "DNSBL", "enabled", "URIBL", "enabled", "LogLevel", "7"],
        ["set", "SystemName", "post"],
        ["setprop", "clamav", "MaxFileSize", "20M"],
        ["setprop", "qpsmtpd", "DNSBL", "disabled"],
        ["delprop", "qmail", "MaxMessageSize"],
    ):
        office.config(*words)
        office.signal("email-update")
    office.db("accounts", "delete", "jack")
    office.db("accounts", "set", "info", "pseudonym", "Account", "tom")
    office.signal("email-update")
    left = _files(office)
    templates = re.findall(r"^(/\S+): ", office.signal("--dry-run", "--restart", "email-update").out, re.MULTILINE)
    assert templates == []
    paths = [path for path in left if f"/etc/e-smith/templates{path}" in left or _is_directory(office, path)]
    assert len(paths) > 30
    office.expand(*paths)
    assert _files(office) == left


def _is_directory(root: Root, path: str) -> bool:
    return root.file(f"/etc/e-smith/templates{path}").is_dir()


def test_deleting_a_user(office: Root) -> None:
    """A user whose type is set to user-deleted is gone from goodrcptto and assign after user-delete."""
    goodrcptto, assign = f"{CONFIG}/goodrcptto", "/var/qmail/users/assign"
    office.signal("email-update")
    assert "tom@example.com" in office.lines(goodrcptto)
    assert "tom@test.com" in office.lines(goodrcptto)
    assert any(line.startswith("=tom:") for line in office.lines(assign))
    others = [line for line in office.lines(goodrcptto) if not line.startswith("tom@")]
    office.db("accounts", "settype", "tom", "user-deleted")
    office.signal("user-delete", "tom")
    assert office.lines(goodrcptto) == others
    assert not any(line[1:].startswith(("tom:", "tom-")) for line in office.lines(assign))
    assert any(line.startswith("=jack:") for line in office.lines(assign))
    office.db("accounts", "delete", "tom")
    before = _files(office)
    office.signal("email-update")
    assert _files(office).keys() == before.keys()
    assert office.lines(goodrcptto) == others
