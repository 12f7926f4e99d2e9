"""Changes that daemons do not survive, supervisors that refuse, and changes on probation."""

from __future__ import annotations

import signal
import time

import pytest

from tests.qpsmtpd.daemon import text_message
from tests.system.machine import needs_mail_system
from tests.system.mail import CONFIG, EICAR, MailSystem

pytestmark = needs_mail_system


def _mail_flows(mail: MailSystem) -> bool:
    """Return whether harmless mail is taken, and a virus refused."""
    return mail.send().taken and mail.send(message=text_message(f"{EICAR}\n")).code == 552


@pytest.mark.parametrize(
    ("settings", "service"),
    [
        pytest.param([("smtpd", "TCPPort", "465")], "qpsmtpd", id="port in use"),
        pytest.param([("clamav", "LocalSocket", "/proc/clamd.socket")], "clamd", id="unusable socket directory"),
    ],
)
def test_daemon_that_dies_of_its_new_files(
    mail: MailSystem, settings: list[tuple[str, str, str]], service: str
) -> None:
    """A configuration that kills its daemon is rolled back: files and mail as before; the command names the service."""
    files = ("/var/service/qpsmtpd/runenv", "/etc/clamd.conf", "/var/service/sqpsmtpd/runenv")
    before = {path: mail.path(path).read_text() for path in files}
    for record, name, value in settings:
        mail.change("configuration", record, **{name: value})
    answer = mail.signal(code=None)
    assert answer.code == 8, answer
    assert f"service {service}" in answer.err
    assert "restored" in answer.err
    assert {path: mail.path(path).read_text() for path in files} == before
    assert _mail_flows(mail)


@pytest.mark.parametrize(
    ("record", "name", "value", "restarted"),
    [
        ("qpsmtpd", "DNSBL", "enabled", set()),
        ("qpsmtpd", "RelayRequiresAuth", "disabled", set()),
        ("smtpd", "Instances", "30", {"qpsmtpd"}),
        ("php", "MemoryLimit", "48M", set()),
    ],
)
def test_only_what_reads_a_changed_file_is_restarted(
    mail: MailSystem, record: str, name: str, value: str, restarted: set[str]
) -> None:
    """What is read for each connection restarts nothing; a daemon's own file restarts it alone."""
    before = mail.pids()
    mail.set(record, **{name: value})
    after = mail.pids()
    assert {service for service in after if after[service] != before[service]} == restarted
    assert mail.send().taken


def test_event_without_a_change_touches_nothing(mail: MailSystem) -> None:
    """An event after which every file is as before restarts nothing."""
    before = mail.pids()
    mail.signal()
    assert mail.pids() == before


def test_supervisor_that_is_down(mail: MailSystem) -> None:
    """Without its supervisor the restart of a service is pending; status shows it, esmith recover carries it out."""
    before = mail.pid("clamd")
    _stop_supervisor(mail, "clamd")
    mail.change("configuration", "clamav", MaxFiles="900")
    answer = mail.machine.run("signal-event", "email-update", code=None)
    assert answer.code == 0, answer
    status = mail.esmith("status", "-v", code=None).out
    assert "clamd" in status
    assert "pending" in status
    assert mail.pid("clamd") in ("", before)
    _start_supervisor(mail, "clamd")
    mail.esmith("recover")
    mail.ready()
    assert "pending" not in mail.esmith("status", "-v", code=None).out
    assert _mail_flows(mail)


def test_supervisor_that_refuses(mail: MailSystem) -> None:
    """A restart that the supervisor refuses stays pending, and the next event carries it out."""
    before = mail.pid("clamd")
    broken = mail.path("/usr/local/bin/sv")
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("#!/bin/sh\necho 'sv is out of order'\nexit 1\n")
    broken.chmod(0o755)
    mail.change("configuration", "clamav", MaxFiles="800")
    try:
        answer = mail.machine.run("signal-event", "email-update", code=8)
    finally:
        broken.unlink()
    assert "sv is out of order" in answer.err
    assert "clamd" in mail.esmith("status", "-v", code=None).out
    assert mail.pid("clamd") == before
    mail.signal()
    assert mail.pid("clamd") != before
    assert "pending" not in mail.esmith("status", "-v", code=None).out


def test_change_that_nobody_confirms(mail: MailSystem) -> None:
    """With --confirm a change is rolled back at its deadline: settings, files, and what happens to mail."""
    refused = text_message(f"{EICAR}\n")
    mail.config("setprop", "qpsmtpd", "VirusScan", "disabled")
    mail.signal("--confirm", "2s", "email-update")
    assert mail.config("getprop", "qpsmtpd", "VirusScan").out == "disabled\n"
    mail.eventually(
        lambda: mail.config("getprop", "qpsmtpd", "VirusScan", code=None).code == 1, "the setting was restored"
    )
    mail.eventually(lambda: mail.send(message=refused).code == 552, "mail is refused as before")
    assert mail.send().taken


def test_change_that_is_confirmed(mail: MailSystem) -> None:
    """A change that is confirmed in time stays."""
    mail.change("configuration", "qpsmtpd", VirusScan="disabled")
    mail.signal("--confirm", "1h", "email-update")
    mail.esmith("confirm")
    mail.esmith("recover")
    assert mail.config("getprop", "qpsmtpd", "VirusScan").out == "disabled\n"
    assert mail.send(message=text_message(f"{EICAR}\n")).taken


def test_change_that_nobody_confirms_before_a_reboot(mail: MailSystem) -> None:
    """A deadline that passes while the machine is off is kept at the next boot: mail flows under the old settings."""
    mail.config("setprop", "clamav", "MaxFileSize", "1")
    mail.config("setprop", "qpsmtpd", "VirusScan", "disabled")
    mail.signal("--confirm", "12s", "email-update")
    mail.power_failure()
    assert not mail.accepts(25)
    assert mail.config("getprop", "clamav", "MaxFileSize").out == "1\n"
    mail.eventually(lambda: _is_rolled_back(mail), "the deadline passed")
    mail.boot()
    assert mail.config("getprop", "clamav", "MaxFileSize").out == "15M\n"
    assert "VirusScan" not in mail.path(f"{CONFIG}/peers/0").read_text()
    assert _mail_flows(mail)
    # The start of clamd has made up for its pending action.
    mail.esmith("recover")
    assert "pending" not in mail.esmith("status", "-v", code=None).out


def test_power_failure_loses_nothing(mail: MailSystem) -> None:
    """After every process was killed the machine comes up as it was, and nothing was left undone."""
    mail.power_failure()
    printed = mail.esmith("recover").out
    mail.boot()
    assert "nothing was left undone" in printed
    assert _mail_flows(mail)


def _is_rolled_back(mail: MailSystem) -> bool:
    # Twelve seconds of commands without a pause would be work for nothing.
    time.sleep(0.5)
    mail.esmith("recover")
    return mail.config("getprop", "clamav", "MaxFileSize").out == "15M\n"


def _stop_supervisor(mail: MailSystem, service: str) -> None:
    """End runsvdir, then the runsv of a service; the others go on."""
    for name, number in (("runsvdir", signal.SIGTERM), (f"runsv {service}", signal.SIGTERM)):
        for pid in mail.processes(name):
            mail.machine.kill(pid, number)
    mail.eventually(lambda: not mail.processes(f"runsv {service}"), "the supervisor is gone")


def _start_supervisor(mail: MailSystem, service: str) -> None:
    mail.machine.start("runsvdir", "-P", "/service")
    mail.eventually(lambda: bool(mail.processes(f"runsv {service}")), "the supervisor is back")
