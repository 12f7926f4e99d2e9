"""What ``.qmail`` files call where qmail is not installed: ours do what the manual pages of qmail's own say."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from tests.mailserver.kit import MAIL, PLUGINS, Box

PROGRAMS = ["bouncesaying", "condredirect", "except", "forward", "maildirmake"]
VARIABLES = {
    "SENDER": "someone@sender.org",
    "NEWSENDER": "someone@sender.org",
    "DTLINE": "Delivered-To: jack@localhost\n",
}


def _run(box: Box, name: str, *words: str, unset: str = "", mail: bytes = MAIL) -> tuple[int, str]:
    """Run a program with a mail on its standard input, as qmail-local does."""
    path = box.home / "mail"
    path.write_bytes(mail)
    variables = {key: value for key, value in VARIABLES.items() if key != unset}
    with path.open("rb") as file:
        done = subprocess.run(
            [PLUGINS / "qmail" / name, *words],
            stdin=file,
            env={"PATH": f"{box.home.parent}/bin:/usr/bin:/bin", **variables},
            cwd=box.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_wrong_call(box: Box, name: str) -> None:
    """Without what a program needs it exits with 100, and says how it is called."""
    code, text = _run(box, name)
    assert (code, text.split(maxsplit=2)[:2]) == (100, [f"{name}:", "usage:"])


#: What a program ends with, and what the three that call one end with then: condredirect, bouncesaying, except.
ANSWERS = [
    ("exit 0", 99, 100, 100),
    ("exit 111", 111, 111, 111),
    ("exit 1", 0, 0, 0),
    ("exit 99", 0, 0, 0),
    ("exit 100", 0, 0, 0),
    ("exit 200", 0, 0, 0),
    ("kill -9 $$", 111, 111, 111),
]


@pytest.mark.parametrize(("command", "redirected", "bounced", "reversed_"), ANSWERS)
def test_the_answer_of_a_program(box: Box, command: str, redirected: int, bounced: int, reversed_: int) -> None:
    """0 is yes, 111 and a crash are later, and everything else is no."""
    words = ("sh", "-c", f"cat >got; {command}")
    assert _run(box, "condredirect", "mary", *words)[0] == redirected
    assert [sent.recipients for sent in box.sent()] == ([["mary@localhost"]] if redirected == 99 else [])
    code, text = _run(box, "bouncesaying", "Not here", *words)
    assert (code, text == "Not here\n") == (bounced, bounced == 100)
    assert _run(box, "except", *words)[0] == reversed_
    assert (box.home / "got").read_bytes() == MAIL


@pytest.mark.parametrize("name", ["no-such-program", "./mail", "exit", "A=b"])
def test_a_program_that_is_not_there(box: Box, name: str) -> None:
    """It is no: what is a word of the shell is no program either."""
    assert _run(box, "condredirect", "mary", name, "0")[0] == 0
    assert _run(box, "bouncesaying", "Not here", name, "0")[0] == 0
    assert _run(box, "except", name, "0")[0] == 0
    assert box.sent() == []


def test_redirecting(box: Box) -> None:
    """The whole mail goes to the address, from the sender it came from, whatever the program read of it."""
    assert _run(box, "condredirect", "mary@away.org", "head", "-c", "3") == (99, "Fro")
    (sent,) = box.sent()
    assert (sent.sender, sent.recipients) == ("someone@sender.org", ["mary@away.org"])
    assert sent.mail == b"Delivered-To: jack@localhost\n" + MAIL
    (box.sent_folder / "fails").touch()
    assert _run(box, "condredirect", "mary", "true") == (111, "forward: sendmail ended with 75\n")


def test_a_pipe_is_not_redirected(box: Box) -> None:
    """What cannot be read again from its beginning is not sent on in part."""
    words = [str(PLUGINS / "qmail/condredirect"), "mary", "head", "-c", "3"]
    done = subprocess.run(
        words, input=MAIL, env={"PATH": "/usr/bin:/bin", **VARIABLES}, capture_output=True, check=False
    )
    assert done.returncode == 111
    assert box.sent() == []


def test_bouncing(box: Box) -> None:
    """Without a program every mail comes back, with the text."""
    assert _run(box, "bouncesaying", "-n \\0 %s") == (100, "-n \\0 %s\n")


@pytest.mark.parametrize("variable", ["NEWSENDER", "DTLINE"])
def test_forwarding_without_a_sender(box: Box, variable: str) -> None:
    """Outside of a delivery nothing is sent."""
    assert _run(box, "forward", "mary", unset=variable) == (100, f"forward: {variable} not set\n")
    assert box.sent() == []


ADDRESSES = {
    "mary": "mary@localhost",
    "Mary.Ann+x@away.org": "Mary.Ann+x@away.org",
    "-oQ/tmp": "-oQ/tmp@localhost",
    "a,b@away.org": '"a,b"@away.org',
    'a"\\b@away.org': '"a\\"\\\\b"@away.org',
    ".a@away.org": '".a"@away.org',
    "a..b@away.org": '"a..b"@away.org',
    "(x)<y>@away.org": '"(x)<y>"@away.org',
    "jörg@away.org": "jörg@away.org",
    "joe@[192.0.2.1]": "joe@[192.0.2.1]",
}


def test_addresses(box: Box) -> None:
    """An address is what the file says, and one address: what sendmail would read otherwise is quoted."""
    assert _run(box, "forward", *ADDRESSES) == (0, "")
    assert box.sent()[0].recipients == list(ADDRESSES.values())


def test_a_mail_that_cannot_be_read_is_not_sent(box: Box, tmp_path: Path) -> None:
    """sendmail is not called with what could be read."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" mary 0>"$1"', PLUGINS / "qmail/forward", tmp_path / "written"],
        env={"PATH": f"{box.home.parent}/bin:/usr/bin:/bin", **VARIABLES},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Bad file descriptor" in done.stderr) == (111, True)
    assert box.sent() == []


def test_making_a_maildir(box: Box) -> None:
    """It is its owner's alone; where something of the name is, nothing is made."""
    assert _run(box, "maildirmake", "./new box/") == (0, "")
    made = box.home / "new box"
    assert sorted(path.name for path in made.iterdir()) == ["cur", "new", "tmp"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (made, *made.iterdir())} == {0o700}
    assert _run(box, "maildirmake", "new box")[0] == 111
    (box.home / "empty").mkdir()
    assert _run(box, "maildirmake", "empty")[0] == 111
    assert list((box.home / "empty").iterdir()) == []


def test_an_imap_server_makes_the_rest_of_a_maildir(box: Box) -> None:
    """What an IMAP server made of the folder, which it saw before it was complete, is no fault."""
    mkdir = box.home.parent / "bin/mkdir"
    mkdir.parent.mkdir(exist_ok=True)
    mkdir.write_text('#!/bin/sh\n/bin/mkdir "$@" || exit\n[ -e new/tmp ] || exec /bin/mkdir new/tmp new/new new/cur\n')
    mkdir.chmod(0o755)
    assert _run(box, "maildirmake", "new") == (0, "")
    assert sorted(path.name for path in (box.home / "new").iterdir()) == ["cur", "new", "tmp"]


def test_spam_is_sorted(box: Box) -> None:
    """The lines of a user's .qmail and .qmail-junkmail put spam into .junkmail, and all else into the inbox."""
    headermatch = PLUGINS / "qmail/headermatch"
    box.write(f"| condredirect jack-junkmail {headermatch} 'X-Spam-Status: Yes'\n./Maildir/\n")
    box.write(
        "| [ -d ./Maildir/.junkmail/ ] || maildirmake ./Maildir/.junkmail/\n./Maildir/.junkmail/\n", ".qmail-junkmail"
    )
    assert box.deliver() == (0, "")
    assert len(box.mails()) == 1
    assert box.deliver(mail=b"X-Spam-Status: Yes, score=9\n" + MAIL) == (0, "")
    assert len(box.mails()) == 1
    assert box.sent()[0].recipients == ["jack-junkmail@localhost"]
    for count in (1, 2):
        assert box.deliver("junkmail", box.sent()[0].mail) == (0, "")
        assert len(box.mails("Maildir/.junkmail")) == count
