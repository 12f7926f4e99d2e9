"""The reader of qmail's files does what qmail's programs do with files that no template writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.receivers.files import ALIAS, ASSIGN, CONTROL, Files, installed
from tests.receivers.qmail import End, Qmail

HOME = "/home/jack"
MAILBOX = End("mailbox", f"{HOME}/Maildir/")
AWAY = End("remote", "away.org via ")
JACK = "=jack:jack:5:5:/home/jack:::"


def _ends(
    instructions: str,
    recipient: str = "jack@here.org",
    assigned: str = JACK,
    modes: dict[str, int] | None = None,
) -> set[End]:
    texts = {ASSIGN: f"{assigned}\n.\n", f"{CONTROL}/locals": "here.org\n", f"{HOME}/.qmail": instructions}
    return Qmail(Files(texts, modes=modes or {})).deliver(recipient)


def _kinds(ends: set[End]) -> set[str]:
    return {end.kind for end in ends}


def test_a_program_that_refuses_stops_the_forwards_before_it() -> None:
    """qmail-local forwards after the last instruction: nothing is forwarded when a later program refuses."""
    ends = _ends("./Maildir/\n&one@away.org\n| bouncesaying 'Recipient unknown'\n")
    assert ends == {MAILBOX, End("bounce", "jack@here.org: Recipient unknown")}


def test_forwards_are_sent() -> None:
    """An address in .qmail gets the message, whatever stands after it."""
    assert _ends("&one@away.org\n./Maildir/\n") == {MAILBOX, End("remote", "away.org via ")}


def test_nothing_is_done_when_the_first_line_is_blank() -> None:
    """qmail-local stops at a blank first line: the message stays in the queue, and no copy is delivered."""
    assert _kinds(_ends("\n./Maildir/\n")) == {"later"}


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


def test_a_file_of_one_value_is_its_first_line() -> None:
    """What follows the first line of control/me and control/envnoathost is not read, and a # is a part of the value."""
    texts = {ASSIGN: f"{JACK}\n.\n", f"{CONTROL}/me": "mail.here.org \t\nother.org\n"}
    assert Qmail(Files(texts)).deliver("jack") == {MAILBOX}
    assert Qmail(Files({**texts, f"{CONTROL}/me": "#\nmail.here.org\n"})).deliver("jack@#") == {MAILBOX}


@pytest.mark.parametrize("sign", ["\f", "\v", "\x1e", "\x85", "\u2028"])
def test_only_a_newline_ends_a_line_of_a_list(sign: str) -> None:
    """What other programs take for the end of a line is a part of a name in a control file."""
    texts = {ASSIGN: f"{JACK}\n.\n", f"{CONTROL}/locals": f"x{sign}here.org\n"}
    assert _kinds(Qmail(Files(texts)).deliver("jack@here.org")) == {"remote"}


def test_the_disk_is_read_byte_for_byte(tmp_path: Path) -> None:
    """A carriage return before the newline belongs to the line, and permissions are those of the disk."""
    file = tmp_path / "var/qmail/control/locals"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"here.org\r\n")
    file.chmod(0o640)
    files = installed(tmp_path)
    assert files.lines(f"{CONTROL}/locals") == ["here.org\r"]
    assert files.mode(f"{CONTROL}/locals") == 0o640


def test_capitals_are_those_of_ascii() -> None:
    """qmail takes JACK for jack; a capital of another script stays another letter."""
    assigned = f"{JACK}\n=\u00fcnal:jack:5:5:/home/jack:::"
    assert _ends("./Maildir/\n", "JACK@HERE.org", assigned) == {MAILBOX}
    assert _ends("./Maildir/\n", "\u00fcnal@here.org", assigned) == {MAILBOX}
    assert _kinds(_ends("./Maildir/\n", "\u00dcnal@here.org", assigned)) == {"bounce"}


@pytest.mark.parametrize("name", ["man", "MAN", "man-x", "man-x-y"])
def test_a_unix_account_is_found_before_alias(name: str) -> None:
    """Without a line in users/assign qmail-getpw finds the account that owns its home; a line for all closes that."""
    texts = {f"{ALIAS}/.qmail-default": "&admin@away.org\n", f"{CONTROL}/locals": "localhost\n"}
    texts["/var/cache/man/.qmail-default"] = "./Maildir/\n"
    for lines, end in (("", End("mailbox", "/var/cache/man/Maildir/")), (f"+:alias:7:7:{ALIAS}:-::\n", AWAY)):
        qmail = Qmail(Files({**texts, ASSIGN: f"{lines}.\n"}), homes={"man": "/var/cache/man"})
        assert qmail.deliver(f"{name}@localhost") == {end}
        assert qmail.deliver("ghost-x@localhost") == {AWAY}


def test_how_qmail_getpw_divides_a_name() -> None:
    """The longest account before a hyphen counts, of at most 31 bytes; alias gets the rest, and its own extensions."""
    homes = {"a": "/a", "a-b": "/a-b", "x" * 31: "/x31", "y" * 32: "/y32"}
    qmail = Qmail(Files({ASSIGN: ".\n"}), homes=homes)
    found = {name: qmail.addressee(name) for name in ("a-b-c", "a-c", "a-", "x" * 31, "y" * 32, "alias-a", "-a")}
    parts = {name: (to.home, to.dash, to.extension) for name, to in found.items()}
    assert parts == {
        "a-b-c": ("/a-b", "-", "c"),
        "a-c": ("/a", "-", "c"),
        "a-": ("/a", "-", ""),
        "x" * 31: ("/x31", "", ""),
        "y" * 32: (ALIAS, "-", "y" * 32),
        "alias-a": (ALIAS, "-", "a"),
        "-a": (ALIAS, "-", "-a"),
    }


def test_without_alias_what_nobody_has_waits() -> None:
    """qmail-getpw finds no unix account alias: mail for an unknown name stays in the queue."""
    qmail = Qmail(Files({ASSIGN: ".\n", f"{CONTROL}/locals": "here.org\n"}), alias=False)
    assert _kinds(qmail.deliver("ghost@here.org")) == {"later"}


def test_a_loop_is_seen_by_its_bytes() -> None:
    """qmail-local compares Delivered-To byte for byte: a message that comes back with other capitals is delivered."""
    loop, once = f"{HOME}/.qmail-loop", f"{HOME}/.qmail-once"
    texts = {loop: "&jack-loop@here.org\n", once: "&jack-twice@here.org\n", f"{HOME}/.qmail-twice": "./Maildir/\n"}
    texts |= {ASSIGN: "+jack-:jack:5:5:/home/jack:-::\n.\n", f"{CONTROL}/locals": "here.org\n"}
    qmail = Qmail(Files(texts))
    assert qmail.deliver("jack-once@here.org", ("jack-Twice@here.org", "jack-twice@Here.org")) == {MAILBOX}
    assert _kinds(qmail.deliver("jack-once@here.org", ("jack-twice@here.org",))) == {"bounce"}
    assert qmail.deliver("jack-LOOP@here.org") == {End("bounce", "jack-loop@here.org: this message is looping")}


@pytest.mark.parametrize("code", [64, 65, 70, 76, 77, 78, 100, 112])
def test_a_code_that_refuses(code: int) -> None:
    """The message is sent back, and what follows is not done; the mailbox before it has its copy."""
    ends = _ends(f"./Mail/\n|exit {code}\n./Maildir/\n&one@away.org\n")
    assert _kinds(ends) == {"mailbox", "bounce"}
    assert End("mailbox", f"{HOME}/Mail/") in ends


@pytest.mark.parametrize("code", [1, 2, 66, 71, 75, 98, 101, 111, 127, 255])
def test_a_code_that_defers(code: int) -> None:
    """The message waits, and what follows is not done, nor are the forwards before it."""
    assert _kinds(_ends(f"&one@away.org\n| exit {code}\n./Maildir/\n")) == {"later"}


def test_the_code_that_ends_a_delivery() -> None:
    """After 99 nothing more is done, but for the forwards before it; after 0 everything is."""
    assert _ends("&one@away.org\n|exit 99\n./Maildir/\n") == {AWAY}
    assert _ends("&one@away.org\n|exit 0\n./Maildir/\n") == {AWAY, MAILBOX}
    assert _ends("|exit 99\n./Maildir/\n") == set()


@pytest.mark.parametrize(
    ("path", "mode", "kind"),
    [
        (HOME, 0o700, "mailbox"),
        (HOME, 0o770, "mailbox"),
        (HOME, 0o702, "later"),
        (HOME, 0o1755, "later"),
        (f"{HOME}/.qmail", 0o600, "mailbox"),
        (f"{HOME}/.qmail", 0o660, "mailbox"),
        (f"{HOME}/.qmail", 0o646, "later"),
        (f"{HOME}/.qmail", 0o744, "later"),
    ],
)
def test_who_else_may_write(path: str, mode: int, kind: str) -> None:
    """A home or a .qmail that others may write, a sticky home, a mailbox in a file that may only forward: it waits."""
    assert _kinds(_ends("./Maildir/\n", modes={path: mode})) == {kind}


@pytest.mark.parametrize(("instructions", "mode"), [("&one@away.org\n", 0o744), ("+list\none@away.org\n", 0o644)])
def test_a_file_that_may_only_forward(instructions: str, mode: int) -> None:
    """With the x bit, or after +list, a .qmail file forwards, and does nothing else."""
    modes = {f"{HOME}/.qmail": mode}
    assert _ends(instructions, modes=modes) == {AWAY}
    assert _kinds(_ends(f"{instructions}./Maildir/\n", modes=modes)) == {"later"}
    assert _kinds(_ends(f"{instructions}|exit 0\n", modes=modes)) == {"later"}


def test_an_empty_file_is_the_mailbox_whatever_its_mode() -> None:
    """An empty .qmail means what qmail-start was given, also when its x bit is set."""
    assert _ends("", modes={f"{HOME}/.qmail": 0o744}) == {MAILBOX}


@pytest.mark.parametrize(
    "line",
    [
        "=jack:jack:5:5:/home/jack:::text behind",
        "=jack:jack:5:5:/home/jack:::::",
        "*jack:jack:5:5:/home/jack:::",
        "=jack:jack:5x:none:/home/jack:::",
        "+:jack:5:5:/home/jack:::",
    ],
)
def test_what_qmail_newu_takes(line: str) -> None:
    """Text after the sixth colon, letters after a number, and another sign than = before a whole name are no fault."""
    assert _ends("./Maildir/\n", assigned=line) == {MAILBOX}


@pytest.mark.parametrize(
    "text",
    [
        f"{JACK}\n",
        JACK,
        "",
        f"{JACK}\n\n.\n",
        ":jack:5:5:/home/jack:::\n.\n",
        "=jack:jack:5:5:/home/jack::\n.\n",
        "jack\n.\n",
        "=jack\0:jack:5:5:/home/jack:::\n.\n",
    ],
)
def test_what_qmail_newu_refuses(text: str) -> None:
    """A file without a dot at its end, an empty line, no name, fewer than six colons, and a NUL are refused."""
    with pytest.raises(AssertionError, match="qmail-newu refuses"):
        Qmail(Files({ASSIGN: text}))


def test_the_assignment_ends_at_a_dot() -> None:
    """Any line that begins with a dot is the last that qmail-newu reads, with a newline or without."""
    for last in (".", ".\n", ".end\n\nnothing of this is read"):
        assert Qmail(Files({ASSIGN: f"{JACK}\n{last}"})).addressee("jack").home == HOME


@pytest.mark.parametrize("number", ["0", "none", ""])
def test_nothing_is_delivered_as_root(number: str) -> None:
    """A line with the number 0, or with none, is compiled, and qmail-lspawn keeps the mail in the queue."""
    assert _kinds(_ends("./Maildir/\n", assigned=f"=jack:jack:{number}:5:/home/jack:::")) == {"later"}
