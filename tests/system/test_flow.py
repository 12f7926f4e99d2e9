"""Mail through the running system, as installed."""

from __future__ import annotations

import smtplib
import ssl

from tests.system.machine import needs_mail_system
from tests.system.mail import EICAR, LOCAL, SERVER, MailSystem

pytestmark = needs_mail_system


def test_mail_flows_as_installed(mail: MailSystem) -> None:
    """The shipped settings take mail for the office only, checked by every daemon, which understands every line."""
    sent = mail.send(recipients=["tom@example.com", "nobody@example.com", "friend@elsewhere.net"])
    assert sent.taken, mail.log()
    assert {to: code for to, (code, _) in sent.refused.items()} == {
        "nobody@example.com": 550,
        "friend@elsewhere.net": 550,
    }
    assert mail.only().recipients == ["tom@example.com"]
    assert mail.only().message["X-Spam-Checker-Version"] or mail.only().message["X-Spam-Status"]
    assert mail.only().message["X-Virus-Checked"]
    assert mail.send(source=LOCAL).taken
    log = mail.log()
    assert "peers: using peers/0" in log
    assert "peers: using peers/192.168.1" in log
    wrong = ("FATAL", "Bad arguments", "nrecognized")
    assert [line for line in log.splitlines() if any(word in line for word in wrong)] == []


def test_encrypted_ports(mail: MailSystem) -> None:
    """Mail is taken over TLS, from the first byte at port 465 and after STARTTLS at port 25."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with mail.client() as smtp:
        smtp.connect(SERVER, 25)
        smtp.starttls(context=trusting)
        smtp.sendmail("someone@sender.org", "tom@example.com", "From: a@sender.org\nDate: now\n\nHello\n")

    class Encrypted(smtplib.SMTP):
        def _get_socket(self, host: str, port: int, _timeout: float) -> ssl.SSLSocket:
            return trusting.wrap_socket(mail.connect((host, port), LOCAL))

    with Encrypted(SERVER, 465, "pc50.example.com") as smtp:
        smtp.sendmail("someone@sender.org", "tom@example.com", "From: a@sender.org\nDate: now\n\nHello\n")
    assert len(mail.queued()) == 2


def test_daemons_are_supervised(mail: MailSystem) -> None:
    """A daemon that is killed is started again, and works as before."""
    before = mail.pid("clamd")
    mail.machine.kill(int(before))
    mail.eventually(lambda: mail.pid("clamd") not in ("", before), "clamd has another pid", "clamd")
    mail.ready()
    assert mail.send(message=f"From: a@sender.org\nDate: now\n\n{EICAR}\n").code == 552
