"""What fetchmail hands on, which comes from this machine and was written outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import Root
from tests.daemons.collected import Talk, collect, listening, mailbox
from tests.qpsmtpd.daemon import Daemon, needs_qpsmtpd

pytestmark = [needs_qpsmtpd, pytest.mark.program("fetchmail")]

__all__ = ["listening"]

#: Where fetchmail hands mail on, and from where.
FETCHED, HERE = "127.0.0.200", "127.0.0.1"
FROM_OUTSIDE = "From: a@sender.org\r\nDate: Sun, 29 Nov 2026 12:00:00 +0000\r\n"


@pytest.fixture
def qpsmtpd(shared: Daemon) -> Daemon:
    """Return a running daemon with a list for everybody that refuses one sender and judges clients, and a local one."""
    refusing = ("relay", "helo policy strict reject 1", "badmailfrom", "rcpt_ok", "queue/qmail-queue")
    shared.write("peers/0", *refusing)
    shared.write("peers/local", "relay", "rcpt_ok", "queue/qmail-queue")
    (shared.config / "peers/127.0.0.1").symlink_to("local")
    shared.write("relayclients", "127.0.0.")
    shared.write("badmailfrom", "@spam.example")
    return shared


def test_it_is_not_sent_on(qpsmtpd: Daemon) -> None:
    """Mail from this machine may go anywhere; what comes in at the address of fetchmail, only to our domains."""
    both = ["tom@example.com", "friend@elsewhere.net"]
    assert qpsmtpd.send(recipients=both, source=HERE, helo="localhost").refused == {}
    sent = qpsmtpd.send(recipients=both, source=HERE, helo="localhost", at=FETCHED)
    assert {to: code for to, (code, _) in sent.refused.items()} == {"friend@elsewhere.net": 550}
    assert sent.taken
    assert [sorted(mail.recipients) for mail in qpsmtpd.queued()] == [sorted(both), ["tom@example.com"]]


def test_it_is_looked_at_as_mail_from_outside(qpsmtpd: Daemon) -> None:
    """The plugins for mail from outside look at it, but for those that judge the client."""
    assert qpsmtpd.send("x@spam.example", source=HERE, helo="localhost").taken
    assert qpsmtpd.send("x@spam.example", source=HERE, helo="localhost", at=FETCHED).code == 550
    assert qpsmtpd.send(helo="winpc").text.startswith("HELO")
    assert qpsmtpd.send(source=HERE, helo="winpc", at=FETCHED).taken


def test_by_fetchmail(
    qpsmtpd: Daemon,
    office: Root,
    tmp_path: Path,
    listening: Callable[[str, Talk], int],
) -> None:
    """The real fetchmail brings mail for our names; for a name of elsewhere below our domain postmaster gets it."""
    goals = ("tom@example.com", "victim@sub.test.com", "friend@elsewhere.net")
    mails = [f"Delivered-To: {address}\r\n{FROM_OUTSIDE}\r\nhello\r\n".encode() for address in goals]
    collect(office, tmp_path, listening(HERE, mailbox(mails)), qpsmtpd.port)
    assert [mail.recipients for mail in qpsmtpd.queued()] == [
        ["tom@example.com"],
        ["postmaster@example.com"],
        ["postmaster@example.com"],
    ], qpsmtpd.log()
