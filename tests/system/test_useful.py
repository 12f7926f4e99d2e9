"""Services that are up and of no use: found by their questions, shown with the cure, and when they stop an event."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.machine import needs_mail_system
from tests.system.mail import CONFIG, MailSystem

pytestmark = needs_mail_system

PUT_OFF = """\
use Qpsmtpd::Constants;
sub hook_rcpt { return (DENYSOFT, 'come back tomorrow') }
1;
"""


def _useless(mail: MailSystem, service: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(mail.esmith("services", "--json").out)
    useless: list[dict[str, Any]] = found[service].get("useless", [])
    return useless


def test_a_healthy_server_has_no_complaint(mail: MailSystem) -> None:
    """The questions find nothing where all is well, send no mail, and are asked by status as well."""
    assert "of no use" not in mail.esmith("services").out
    assert "of no use" not in mail.esmith("status", "-v", code=None).out
    assert "EHLO esmith-services.localhost" in mail.log()
    assert mail.queued() == []


@pytest.fixture
def without_signatures(mail: MailSystem) -> Iterator[MailSystem]:
    """A scanner that was started without signatures; they come back."""
    place, aside = mail.path("/var/clamav"), mail.path("/var/tmp/signatures")
    aside.mkdir()
    files = [path for path in place.iterdir() if path.is_file()]
    for path in files:
        path.rename(aside / path.name)
    mail.machine.run("sv", "-w", "30", "restart", "/service/clamd")
    yield mail
    for path in files:
        (aside / path.name).rename(path)
    aside.rmdir()
    mail.machine.run("sv", "-w", "30", "restart", "/service/clamd")
    mail.ready()


def test_a_scanner_without_signatures(without_signatures: MailSystem) -> None:
    """clamd that waits for signatures is up for its supervisor; it is shown as useless, why, and with the cure."""
    mail = without_signatures
    mail.eventually(lambda: bool(_useless(mail, "clamd")), "clamd is found to be of no use", "clamd")
    (found,) = _useless(mail, "clamd")
    assert found["means"] == "no virus is found, because there are no signatures"
    assert found["found"] == "there are no signatures in /var/clamav; freshclam loads them"
    lines = mail.esmith("services").out.splitlines()
    at = lines.index(f"  of no use: {found['means']}: {found['found']}")
    assert lines[at + 1 : at + 3] == ["  to cure it:", "    freshclam --config-file=/etc/freshclam.conf"]


def test_an_event_does_not_fail_for_what_was_useless_before(without_signatures: MailSystem) -> None:
    """A scanner that has no signatures before an event and after it is no reason to restore files."""
    mail = without_signatures
    mail.change("configuration", "clamav", MaxFiles="901")
    answer = mail.machine.run("signal-event", "email-update", code=None)
    assert (answer.code, answer.err) == (0, "")
    assert "MaxFiles 901" in mail.path("/etc/clamd.conf").read_text()


@pytest.fixture
def put_off(mail: MailSystem) -> Iterator[Path]:
    """A plugin of qpsmtpd that puts off every receiver; nothing names it yet."""
    plugin = mail.path("/usr/share/e-smith/qpsmtpd/plugins/put_off")
    plugin.write_text("#!perl -w\nsub register { }\n1;\n")
    yield plugin
    plugin.write_text("#!perl -w\nsub register { }\n1;\n")
    mail.forget()
    plugin.unlink()


def test_an_event_that_makes_mail_bounce_is_taken_back(mail: MailSystem, put_off: Path) -> None:
    """New files with which qpsmtpd is up and answers 450 fail the event: the old ones are back, its log is shown."""
    put_off.write_text(f"#!perl -w\n{PUT_OFF}")
    mail.path("/etc/e-smith/services-custom/qpsmtpd").mkdir(parents=True)
    custom = mail.path("/etc/e-smith/services-custom/qpsmtpd/service.toml")
    custom.write_text("[probe]\nwithin = 1\n")
    mail.custom(f"{CONFIG}/peers/local/36own", "put_off\n")
    try:
        answer = mail.machine.run("signal-event", "email-update", code=None)
        assert answer.code == 8, answer
        assert (
            "service qpsmtpd: it is up and was of use before, but is not any more: it takes no mail: port 25"
            in answer.err
        )
        assert "'450 come back tomorrow'" in answer.err
        assert "put_off" not in mail.path(f"{CONFIG}/peers/local").read_text()
        assert mail.send().taken
    finally:
        custom.unlink()


def test_a_server_that_puts_all_mail_off_is_shown_and_stops_nothing(mail: MailSystem, put_off: Path) -> None:
    """Where qpsmtpd answers 450 already, a further event does its work, and services shows what is wrong."""
    mail.custom(f"{CONFIG}/peers/local/36own", "put_off\n")
    mail.signal()
    put_off.write_text(f"#!perl -w\n{PUT_OFF}")
    (found,) = _useless(mail, "qpsmtpd")
    assert found["means"] == "it takes no mail"
    assert found["found"] == "port 25: to 'RCPT TO:<postmaster>' it answers '450 come back tomorrow'"
    mail.change("configuration", "smtpd", Instances="31")
    assert mail.machine.run("signal-event", "email-update", code=None).code == 0
    assert "INSTANCES=31" in mail.path("/var/service/qpsmtpd/runenv").read_text()


@pytest.mark.root("spamd becomes another user only then")
def test_bayes_files_of_root(mail: MailSystem) -> None:
    """Files that sa-learn made as root are found, with the command that gives them to spamd."""
    place = mail.path("/var/spool/spamd/.spamassassin")
    place.mkdir(exist_ok=True)
    files = [place / "bayes_toks", place / "bayes_seen"]
    for path in files:
        path.touch(mode=0o600)
    try:
        (found,) = _useless(mail, "spamd")
        assert found["means"] == "what was learnt is not used"
        assert "/var/spool/spamd/.spamassassin/bayes_seen may not be read" in found["found"]
        (command,) = found["commands"]
        mail.machine.run(*command.split())
        assert _useless(mail, "spamd") == []
    finally:
        for path in files:
            path.unlink()


def test_nothing_to_collect(mail: MailSystem) -> None:
    """fetchmail that is enabled and has nothing to collect is shown, although cron starts it."""
    mail.set("fetchmail", status="enabled")
    if os.geteuid() == 0:
        assert [found["means"] for found in _useless(mail, "fetchmail")] == ["nothing is collected"]
    mail.set(
        "fetchmail",
        Method="multidrop",
        SecondaryMailServer="pop.example.net",
        SecondaryMailAccount="office",
        SecondaryMailPassword="secret",
    )
    assert _useless(mail, "fetchmail") == []


def test_an_event_after_which_a_daemon_cannot_start(mail: MailSystem) -> None:
    """New files for which a run script waits fail the event, although the service is up; the old ones come back."""
    before = mail.path("/etc/clamd.conf").read_text()
    mail.path("/var/tmp/file").write_text("no directory\n")
    mail.change("configuration", "clamav", DatabaseDirectory="/var/tmp/file/signatures")
    answer = mail.machine.run("signal-event", "clamav-update", code=None)
    assert answer.code == 8, answer
    assert "service clamd: it is up and was of use before, but is not any more" in answer.err
    assert "the directory /var/tmp/file/signatures cannot be made" in answer.err
    assert mail.path("/etc/clamd.conf").read_text() == before
    mail.ready()
