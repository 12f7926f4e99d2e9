"""Unix accounts that are no accounts of the office, on a machine where daemons own their homes."""

from __future__ import annotations

import pytest

from tests.content.desk import Desk
from tests.receivers.agreement import DAEMONS
from tests.receivers.files import ASSIGN, TEMPLATES, Files, planned
from tests.receivers.qmail import End, Qmail

NAMES = [form for name in DAEMONS for form in (name, f"{name}@localhost", f"{name.upper()}-x@localhost")]
ADMIN = End("mailbox", "/home/e-smith/Maildir/")


def _files(desk: Desk, commands: str = "") -> Files:
    with desk.trial(commands) as trial:
        return planned(trial.plan(*TEMPLATES))


@pytest.mark.parametrize("name", NAMES)
def test_a_daemon_gets_no_mail(desk: Desk, name: str) -> None:
    """What a program here sends to a daemon's account comes back at once, or goes to who gets unknown mail."""
    (end,) = Qmail(_files(desk), homes=DAEMONS).deliver(name)
    assert end.kind == "bounce"
    qmail = Qmail(_files(desk, "config set EmailUnknownUser admin"), homes=DAEMONS)
    assert qmail.deliver(name) == qmail.deliver("admin@localhost") >= {ADMIN}


def test_without_the_line_it_would(desk: Desk) -> None:
    """It is the last line of users/assign that keeps mail from there, where the reader knows such accounts."""
    files = _files(desk)
    number = files.lines(ASSIGN).index("+:alias:7790:2107:/var/qmail/alias:-::")
    ends = Qmail(files.without(ASSIGN, number), homes=DAEMONS).deliver("man@localhost")
    assert ends == {End("mailbox", "/var/cache/man/Maildir/")}


def test_an_account_of_that_name_gets_its_mail(desk: Desk) -> None:
    """A user or a pseudonym of the office that is called as a daemon is found before."""
    files = _files(desk, "db accounts set man user Uid 6001\ndb accounts set postgres pseudonym Account tom")
    qmail = Qmail(files, homes=DAEMONS)
    assert End("mailbox", "/home/e-smith/files/users/man/Maildir/") in qmail.deliver("man@localhost")
    assert {end.kind for end in qmail.deliver("man@localhost")} == {"mailbox"}
    assert qmail.deliver("postgres-x@localhost") == qmail.deliver("tom@localhost")


def test_the_cure_can_be_pasted(desk: Desk) -> None:
    """The command that makes an account has the name as one word, whatever it is."""
    with desk.trial("db accounts set 'x|reboot' user") as trial:
        warnings = trial.plan(*TEMPLATES).warnings
    (warning,) = (text for text in warnings if "user x|reboot" in text)
    assert "signal-event user-create 'x|reboot'" in warning
