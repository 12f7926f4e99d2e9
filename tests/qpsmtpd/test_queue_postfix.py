"""The plugin queue/postfix: what sendmail of Postfix gets, and what the client hears of how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import Daemon, needs_qpsmtpd, text_message

pytestmark = needs_qpsmtpd

#: Stands in for sendmail: keeps its arguments, its environment and the message, and ends as the test wants.
SENDMAIL = """\
#!/usr/bin/perl
use JSON::PP;
binmode STDIN;
my $message = do { local $/; <STDIN> };
open my $file, '>', '%(folder)s/given.new' or die;
print $file encode_json({ arguments => \\@ARGV, environment => { %%ENV }, message => $message });
close $file;
rename '%(folder)s/given.new', '%(folder)s/given' or die;
print "not for the client\\n";
%(end)s
"""
USUAL = ["-G", "-i", "-f", "someone@sender.org", "--"]


class Sendmail:
    """A qpsmtpd that hands mail to a program in the place of sendmail."""

    def __init__(self, folder: Path, serve: Serve) -> None:
        self._folder = folder
        self._serve = serve

    def end(self, how: str = "exit 0;") -> Daemon:
        """Start, with a sendmail that ends in some way."""
        program = self._folder / "sendmail"
        program.write_text(SENDMAIL % {"folder": self._folder, "end": how})
        program.chmod(0o755)
        return self._serve(f"queue/postfix {program}")

    def given(self) -> dict[str, Any]:
        """Return what it got."""
        found: dict[str, Any] = json.loads((self._folder / "given").read_text())
        return found


@pytest.fixture
def sendmail(tmp_path: Path, serve: Serve) -> Sendmail:
    """Return a sendmail that keeps what it gets."""
    return Sendmail(tmp_path, serve)


def test_what_it_gets(sendmail: Sendmail) -> None:
    """The sender and all recipients are arguments, the message is as it came, and nothing else leaks."""
    daemon = sendmail.end()
    body = "Hello\n.\nFrom here\n\n" + "x" * 3000 + "\n"
    sent = daemon.send(recipients=["tom@example.com", "mary-ann-x@test.com"], message=text_message(body))
    assert sent.taken
    assert "not for the client" not in sent.text
    given = sendmail.given()
    assert given["arguments"] == [*USUAL, "tom@example.com", "mary-ann-x@test.com"]
    assert given["environment"].keys() <= {"PATH", "PWD", "SHLVL", "_"}
    head, _, content = given["message"].partition("\n\n")
    assert head.startswith(("Return-Path: ", "Received: "))
    assert content == body
    assert daemon.queued() == []


def test_a_bounce_has_no_sender(sendmail: Sendmail) -> None:
    """Mail from <> is from nobody, so that it is never bounced again."""
    assert sendmail.end().send(sender="").taken
    assert sendmail.given()["arguments"][:4] == ["-G", "-i", "-f", ""]


@pytest.mark.parametrize(
    ("recipient", "argument"),
    [
        ('"tom-a,root"@example.com', '"tom-a,root"@example.com'),
        ('"tom..x"@example.com', '"tom..x"@example.com'),
        ('"a\\"b\\\\c"@example.com', '"a\\"b\\\\c"@example.com'),
        ("-tom@example.com", "-tom@example.com"),
        ("tom@[203.0.113.5]", "tom@[203.0.113.5]"),
        ("postmaster", "postmaster@localhost"),
    ],
)
def test_each_recipient_is_one_address(sendmail: Sendmail, recipient: str, argument: str) -> None:
    """What sendmail could take for two addresses, or for an option, stands in quotes or behind the options."""
    daemon = sendmail.end()
    assert daemon.send(recipients=[recipient], source="127.0.5.1").taken, daemon.log()
    assert sendmail.given()["arguments"] == [*USUAL, argument]


@pytest.mark.parametrize("end", ["exit 75;", "exit 1;", "exit 127;", "exit 69;", "kill 9, $$; sleep 9;"])
def test_no_failure_is_success(sendmail: Sendmail, end: str) -> None:
    """Mail that sendmail has not queued is never accepted: the client tries again."""
    sent = sendmail.end(end).send()
    assert (sent.stage, sent.code) == ("data", 452)


def test_a_program_that_reads_nothing(tmp_path: Path, serve: Serve) -> None:
    """One that ends before it has read the message does not end the daemon, and the mail is not accepted."""
    program = tmp_path / "sendmail"
    program.write_text("#!/bin/sh\nexit 75\n")
    program.chmod(0o755)
    daemon = serve(f"queue/postfix {program}")
    sent = daemon.send(message=text_message("x" * 300000 + "\n"))
    assert (sent.stage, sent.code) == ("data", 452)
    assert "fail, sendmail ended with 75" in daemon.log()


def test_a_program_that_is_missing(tmp_path: Path, serve: Serve) -> None:
    """Without sendmail the client is to try again later, and the log names the program."""
    daemon = serve(f"queue/postfix {tmp_path}/none")
    assert daemon.send().code == 452
    assert f"cannot run {tmp_path}/none" in daemon.log()
