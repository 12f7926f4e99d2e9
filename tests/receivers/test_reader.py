"""The reader of qmail's files does what qmail-local and qmail-newu do with files that no template writes."""

from __future__ import annotations

from tests.receivers.files import ASSIGN, CONTROL, Files
from tests.receivers.qmail import End, Qmail

HOME = "/home/jack"
MAILBOX = End("mailbox", f"{HOME}/Maildir/")


def _ends(
    instructions: str, recipient: str = "jack@here.org", assigned: str = "=jack:jack:5:5:/home/jack:::"
) -> set[End]:
    texts = {ASSIGN: f"{assigned}\n.\n", f"{CONTROL}/locals": "here.org\n", f"{HOME}/.qmail": instructions}
    return Qmail(Files(texts)).deliver(recipient)


def test_a_program_that_refuses_stops_the_forwards_before_it() -> None:
    """qmail-local forwards after the last instruction: nothing is forwarded when a later program refuses."""
    ends = _ends("./Maildir/\n&one@away.org\n| bouncesaying 'Recipient unknown'\n")
    assert ends == {MAILBOX, End("bounce", "jack@here.org: Recipient unknown")}


def test_forwards_are_sent() -> None:
    """An address in .qmail gets the message, whatever stands after it."""
    assert _ends("&one@away.org\n./Maildir/\n") == {MAILBOX, End("remote", "away.org via ")}


def test_nothing_is_done_when_the_first_line_is_blank() -> None:
    """qmail-local stops at a blank first line: the message stays in the queue, and no copy is delivered."""
    assert {end.kind for end in _ends("\n./Maildir/\n")} == {"later"}


def test_a_line_with_a_plus_is_no_address() -> None:
    """A line that begins with + is an option of qmail-local (+list), and no address."""
    assert _ends("./Maildir/\n+other\n") == {MAILBOX}


def test_only_a_newline_ends_a_line() -> None:
    """A form feed is a part of the line: what follows it is no instruction of its own."""
    assert _ends("# old\f./Mail/\n./Maildir/\n") == {MAILBOX}


def test_a_wildcard_that_ends_in_a_capital_matches_nothing() -> None:
    """qmail-newu keeps the last letter of a + line as written, so a capital there is never found."""
    small, large = "+jackx:jack:5:5:/home/jack:::", "+jackX:jack:5:5:/home/jack:::"
    for line, user in ((small, "jack"), (large, None)):
        qmail = Qmail(Files({ASSIGN: f"{line}\n.\n"}))
        found = qmail.assigned("jackxtom")
        assert (found.user if found else None) == user


def test_without_locals_and_envnoathost_the_host_itself_is_meant() -> None:
    """qmail-send takes control/me for the local domain, and for an address without one."""
    texts = {ASSIGN: "=jack:jack:5:5:/home/jack:::\n.\n", f"{CONTROL}/me": "mail.here.org\n"}
    qmail = Qmail(Files(texts))
    assert qmail.deliver("jack") == qmail.deliver("jack@mail.here.org") == {MAILBOX}
