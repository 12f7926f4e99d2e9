"""Addresses that come back to this machine are seen as such, and names that mean an account are not refused."""

from __future__ import annotations

import pytest

from tests.content.desk import Desk
from tests.receivers.agreement import disagreements
from tests.receivers.files import HOMES, TEMPLATES, Files, planned
from tests.receivers.office import Office

FORWARD = "db accounts setprop tom EmailForward forward ForwardAddress"
#: Settings after which mail of tom would go round, or be sent back.
AWAY = {
    "our literal": f"{FORWARD} tom@[203.0.113.5]",
    "nobody at our literal": f"{FORWARD} ghost@[203.0.113.5]",
    "our own name": f"{FORWARD} jack@mail.example.com",
    "a host of ours": f"db hosts set www.example.com host HostType Self\n{FORWARD} jack@www.example.com",
    "a domain in capitals": f"db domains set Second.org domain\n{FORWARD} tom@second.org",
    "nobody there": f"db domains set Second.org domain\n{FORWARD} ghost@second.org",
    "a pseudonym in capitals": f"db accounts set Tommy pseudonym Account tom\n{FORWARD} tommy@example.com",
    "a final dot": f"{FORWARD} jack@example.com.",
}
#: Settings after which it has to arrive.
HERE = {
    "First.Last": f"db accounts set First.Last pseudonym Account jack\n{FORWARD} first.last@example.com",
    "capitals of a user": f"db accounts set Mary user Uid 6001\n{FORWARD} mary",
    "another server": f"{FORWARD} friend@elsewhere.net",
}


def _files(desk: Desk, commands: str) -> Files:
    with desk.trial(commands) as trial:
        files = planned(trial.plan(*TEMPLATES))
        assert disagreements(files, Office(trial.transaction)) == []
    return files


@pytest.mark.parametrize("commands", AWAY.values(), ids=AWAY)
def test_what_comes_back_is_left_out(desk: Desk, commands: str) -> None:
    """A forward that would come back, or bounce, is not written; the mail is kept."""
    lines = _files(desk, commands).lines(f"{HOMES}/tom/.qmail")
    assert [line for line in lines if line.startswith("&")] == []
    assert "./Maildir/" in lines


@pytest.mark.parametrize("commands", HERE.values(), ids=HERE)
def test_what_arrives_is_written(desk: Desk, commands: str) -> None:
    """A forward to an account, whatever its capitals, is written as it is given."""
    assert f"&{commands.split()[-1]}" in _files(desk, commands).lines(f"{HOMES}/tom/.qmail")


@pytest.mark.parametrize(
    "commands",
    [
        "config set EmailUnknownUser admin\ndb accounts setprop group1 Members group1@example.com,tom",
        "db accounts setprop group1 Members group1@[203.0.113.5],tom",
        "config set EmailUnknownUser admin\ndb accounts set ga group Members gb@example.com\n"
        "db accounts set gb group Members ga@example.com",
        "db domains set y.org domain EmailTo alias-group1\ndb accounts delete group1",
        "db domains set y.org domain EmailTo alias-new\ndb accounts set new group Members tom",
        "db accounts set tom-junkmail user Uid 7010",
        "db domains set localhost domain EmailTo tom\nconfig set EmailUnknownUser admin",
        "db domains set Foo.org domain MailServer 10.0.0.9\ndb domains set foo.org. domain",
        "db domains set Second.org domain\ndb accounts setprop group1 Visible internal\n"
        "db accounts set group1@second.org pseudonym Account tom",
        "db domains set x.org domain MailServer mail.example.com.\ndb domains set z.org domain MailServer 0.0.0.0",
        "db accounts set x@ pseudonym Account tom\ndb accounts set @test.com pseudonym Account tom",
        "config setprop qmail DoubleBounceTo ghost@[203.0.113.5]",
        "config setprop qmail DoubleBounceTo admin@mail.example.com",
    ],
)
def test_the_files_agree(desk: Desk, commands: str) -> None:
    """Groups of themselves, aliases that come and go, names that qmail uses itself: all files agree."""
    _files(desk, commands)
