"""bare_newlines: what a message holds never becomes a second message."""

from __future__ import annotations

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import Daemon, needs_qpsmtpd

pytestmark = needs_qpsmtpd

LOCAL, OUTSIDE = "127.0.5.1", "127.0.2.2"
HEADER = b"From: a@sender.org\r\nDate: Sun, 29 Nov 2026 15:00:00 +0000\r\nSubject: first\r\n\r\n"
SECOND = b"MAIL FROM:<boss@sender.org>\r\nRCPT TO:<tom@example.com>\r\nDATA\r\n" + HEADER + b"second\r\n.\r\n"


def _send(daemon: Daemon, source: str, message: bytes) -> int:
    """Send a message and what comes after it at once, and return the code of the answer."""
    with daemon.client(source) as smtp:
        smtp.connect("127.0.0.1", daemon.port)
        smtp.ehlo()
        for line in (b"MAIL FROM:<a@sender.org>", b"RCPT TO:<tom@example.com>", b"DATA"):
            smtp.send(line + b"\r\n")
            assert smtp.getreply()[0] < 400
        smtp.send(HEADER + message)
        return smtp.getreply()[0]


def _serve(serve: Serve) -> Daemon:
    return serve("bare_newlines", "relay", "rcpt_ok", files={"rcpthosts": ["example.com"]})


@pytest.mark.parametrize("end", [b"\n.\r\n", b"\n.\n", b"\r\n.\n"])
def test_no_second_message_comes_out_of_one(serve: Serve, end: bytes) -> None:
    """After a dot beside a line end that is none the connection ends, and nothing is queued."""
    daemon = _serve(serve)
    assert _send(daemon, OUTSIDE, b"body" + end + SECOND) == 421
    assert not daemon.queued()


def test_the_first_line_of_a_message_may_be_the_dot(serve: Serve) -> None:
    """How the message before ended has nothing to do with it."""
    daemon = _serve(serve)
    with daemon.client(OUTSIDE) as smtp:
        smtp.connect("127.0.0.1", daemon.port)
        smtp.ehlo()
        for text in (b"a\nb\r\n.\r\n", b".\r\n"):
            for line in (b"MAIL FROM:<a@sender.org>", b"RCPT TO:<tom@example.com>", b"DATA"):
                smtp.send(line + b"\r\n")
                assert smtp.getreply()[0] < 400
            smtp.send(text)
            assert smtp.getreply()[0] == 250
    assert len(daemon.queued()) == 2


@pytest.mark.parametrize("body", [b"one\ntwo\r\n.\r\n", b"one\n..\r\n\r\n.\r\n"])
def test_other_bare_newlines_are_taken(serve: Serve, body: bytes) -> None:
    """A line that ends with LF alone is a line, where the message ends as it should."""
    daemon = _serve(serve)
    assert _send(daemon, OUTSIDE, body) == 250
    assert len(daemon.queued()) == 1


def test_local_programs_may_end_lines_so(serve: Serve) -> None:
    """A program of a client that may relay, which ends all its lines with LF, is left alone."""
    daemon = _serve(serve)
    assert _send(daemon, LOCAL, b"one\ntwo\n.\r\n") == 250
    assert len(daemon.queued()) == 1
