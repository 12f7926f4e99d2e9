"""The trial of mail and the removal on a machine of its own, with the real qpsmtpd, spamd, Postfix and dovecot."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

import pytest

from tests.mailserver.machine import mail_machine, needs_machine
from tests.qpsmtpd.dns import FakeDNS
from tests.system.machine import Machine, machine_trouble

_TRIAL = r"""mail: in by SMTP after [\d.]+ s, read by IMAP after [\d.]+ s
spam: marked, and in the folder junkmail
virus: not tried, nothing scans mail; to change that: config setprop clamd status enabled
"""
#: What a trial must leave as it was.
_STATE = (
    "db accounts show; cat /etc/passwd /etc/group; ls /home/e-smith/files/users; find /home/e-smith/Maildir -type f"
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return a machine with a mail server that runs."""
    if trouble := machine_trouble():
        if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1":
            pytest.fail(trouble)
        pytest.skip(trouble)
    with mail_machine(tmp_path_factory.mktemp("machine"), "postfix") as made:
        # Without a name server, qpsmtpd's plugins and spamd wait for a minute.
        dns = FakeDNS((made.listen(("127.0.0.1", 53), "SOCK_DGRAM"), made.listen(("127.0.0.1", 53))))
        try:
            # The host that runs the tests may have much to do.
            made.run("config", "setprop", "qpsmtpd", "MaxLoad", "1000")
            made.run("signal-event", "email-update")
            # The real commands from here on: what the tests' server forks outlives its service, and keeps its log open.
            made.run(sys.executable, "-m", "esmith", "init")
            made.run("pkill", "-f", "fork_server.py")
            made.run("sv", "restart", "/service/esmith-watch")
            yield made
        finally:
            dns.close()


@needs_machine
@pytest.mark.program("pgrep", "pkill")
@pytest.mark.root("users are made on the machine")
def test_the_trial_and_the_removal(machine: Machine) -> None:
    """The trial sees a mail arrive and a spam sorted, and leaves nothing; the removal ends the daemons."""
    before = machine.run("sh", "-c", _STATE).out
    answer = machine.run("esmith", "trial-mail")
    assert re.fullmatch(_TRIAL, answer.out), answer.out
    assert machine.run("sh", "-c", _STATE).out == before
    # Without the filter the spam arrives as any mail.
    machine.run("sv", "down", "/service/spamd")
    failed = machine.run("esmith", "trial-mail", code=8).out
    assert "FAILED: a spam is not marked as spam" in failed
    assert "qpsmtpd: " in failed
    assert machine.run("sh", "-c", _STATE).out == before
    machine.run("esmith", "remove")
    assert not [name for name in ("qpsmtpd", "dovecot", "master") if machine.run("pgrep", "-x", name, code=None).out]
    # Debian's package of runit may have a service of its own in the same folder.
    lines = machine.run("pgrep", "-ax", "runsv", code=None).out.splitlines()
    supervised = [line.split()[-1] for line in lines if "<defunct>" not in line]
    assert not [name for name in supervised if not machine.path(f"/etc/sv/{name}").exists()]
    assert not machine.path("/var/service/qpsmtpd").exists()
    assert not machine.path("/sbin/e-smith").exists()
    assert machine.path("/home/e-smith/db/data.mdb").exists()
