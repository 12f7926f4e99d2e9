"""A machine of its own for the cases: real qpsmtpd, spamd, dovecot and Postfix, supervised by runit."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.qpsmtpd.daemon import while_patient
from tests.system.machine import Machine

REPOSITORY = Path(__file__).parents[2]
needs_machine = pytest.mark.program(
    "qpsmtpd-forkserver",
    "Net::IP",
    "IO::Socket::SSL",
    "postconf",
    "spamd",
    "dovecot",
    "/usr/lib/dovecot/imap",
    "runsvdir",
    "sv",
    "openssl",
    "unshare",
)
#: What the host may lack. A directory that is prepared has root as its owner there, so no other is.
_PLACES = "dev etc root run service tmp var/tmp var/spool/taken"
_SETUP = """\
{python} -m esmith init --domain example.com --name mail --services runit /service
for service in clamd freshclam php-fpm; do config setprop $service status disabled; done
config setprop qpsmtpd Queue {queue} VirusScan disabled
peers=/etc/e-smith/templates-custom/var/service/qpsmtpd/config/peers/0
mkdir -p $peers
echo '# no need to wait a second for each client' >$peers/10check_earlytalker
signal-event bootstrap-console-save
signal-event email-update
{python} -m esmith init --services runit /service
"""


@contextmanager
def mail_machine(folder: Path, queue: str) -> Iterator[Machine]:
    """Make a machine with a mail server that runs, and end it.

    :param queue: ``postfix`` or ``qmail``.
    """
    prepared = folder / "prepared"
    for place in _PLACES.split():
        (prepared / place).mkdir(parents=True, exist_ok=True)
    (prepared / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (prepared / "etc/hosts").write_text("127.0.0.1 localhost mail.example.com mail\n")
    machine = Machine(prepared, folder / "work", [])
    try:
        script = folder / "work/setup"
        script.write_text(_SETUP.format(python=sys.executable, queue=queue))
        machine.run("sh", "-eu", str(script))
        machine.fork_commands()
        machine.start("runsvdir", "-P", "/service")
        for _ in while_patient():
            if machine.path(f"/service/{queue}").exists():
                break
        yield machine
    finally:
        machine.close()
        shutil.rmtree(folder, ignore_errors=True)
