"""The host stays as it is while the page's absolute paths are used on a machine of its own."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from tests.page.conftest import Opener, on_a_machine
from tests.page.stage import MachineStage

#: What the page's commands write to, and the directories they would make those in.
PATHS = shlex.split("""
/ /dev/nul /etc /etc/passwd /etc/group /etc/shadow /etc/e-smith /etc/mail /etc/mail/spamassassin /etc/spamassassin
/etc/spamassassin/local.cf /etc/clamd.conf /etc/freshclam.conf /etc/php.ini /etc/httpd /etc/dovecot
/etc/fetchmail /etc/init.d/qmail /etc/sysconfig /home /home/e-smith /home/httpd /root/ContaLearn.sh
/sbin/e-smith /service /usr/sbin /usr/sbin/useradd /usr/bin/yum /var /var/lib /var/lib/e-smith
/var/log/e-smith /var/qmail /var/service /var/spool/spamd
""")


def _look() -> dict[str, tuple[int, ...] | None]:
    found: dict[str, tuple[int, ...] | None] = {}
    for path in PATHS:
        try:
            status = os.lstat(path)
        except OSError:
            found[path] = None
        else:
            found[path] = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_mode, status.st_size)
    return found


@on_a_machine
def test_the_host_is_untouched(open_stage: Opener) -> None:
    """Commands of the page that write, make accounts and reboot, started for real, leave no trace on the host."""
    before = _look()
    stage = open_stage("machine", forked=False)
    assert isinstance(stage, MachineStage)
    for command in (
        'test -z "${ESMITH_ROOT+set}"',
        "mkdir -p /etc/e-smith/templates-custom/var/qmail/control",
        "echo 172800 > /etc/e-smith/templates-custom/var/qmail/control/queuelifetime",
        "expand-template /var/qmail/control/queuelifetime",
        "config setprop clamav MaxFileSize 20M",
        "signal-event email-update",
        "echo text > /service/qpsmtpd/config/disclaimer",
        "touch /root/ContaLearn.sh /usr/sbin/probe /var/spool/spamd/probe",
        "echo text > /dev/nul",
        "useradd -M probe",
        "/sbin/shutdown -r now",
        "/sbin/reboot",
    ):
        outcome = stage.run(command)
        assert outcome.code == 0, f"{command}: {outcome.err}"
    assert stage.path("/var/qmail/control/queuelifetime").read_text() == "172800\n"
    assert "MaxFileSize 20M" in stage.path("/etc/clamd.conf").read_text()
    assert stage.take(stage.log) == ["shutdown -r now", "reboot"]
    assert _look() == before
    assert "probe" not in Path("/etc/passwd").read_text()


@on_a_machine
def test_a_machine_ends_with_its_shell(open_stage: Opener) -> None:
    """When its shell ends, no process of a machine is left and nothing is mounted."""
    stage = open_stage("machine")
    assert isinstance(stage, MachineStage)
    assert stage.run("sleep 600 & sleep 601 &").code == 0
    inside = [pid for pid in os.listdir("/proc") if pid.isdigit() and _root_of(pid) == _root_of(stage.pid)]
    assert len(inside) >= 3
    stage.close()
    assert [pid for pid in inside if Path(f"/proc/{pid}").exists()] == []
    assert str(stage.work) not in Path("/proc/self/mountinfo").read_text()


def _root_of(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""
