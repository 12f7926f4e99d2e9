"""virus/pattern_filter: attachments that begin like a program."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.qpsmtpd.conftest import Serve
from tests.qpsmtpd.daemon import needs_qpsmtpd, text_message

pytestmark = needs_qpsmtpd

LINE = "virus/pattern_filter check patterns"
PROGRAM = b64encode(b"MZ\x90\0\3\0\0\0" + b"program" * 20).decode()
MULTIPART = 'multipart/mixed; boundary="b"'
HEAD = "--b\nContent-Type: text/plain\n\nHello\n--b\n"


def _with_attachment(content: str, encoding: str = "base64", name: str = "harmless.txt") -> str:
    header = f"Content-Type: application/octet-stream; name={name}\nContent-Transfer-Encoding: {encoding}\n"
    return text_message(f"{HEAD}{header}\n{content}\n--b--\n", content=MULTIPART)


FORWARDED = f"{HEAD}Content-Type: message/rfc822\n\n{_with_attachment(PROGRAM)}--b--\n"
FOLDED = f"{HEAD}Content-Transfer-Encoding:\n base64\n\n{PROGRAM}\n--b--\n"
TALK = f"{HEAD}Content-Type: text/plain\n\n{PROGRAM}\n--b--\n"
SECOND_LINE = "QUJD" * 19 + "\n" + PROGRAM


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(_with_attachment(PROGRAM), 552, id="attachment"),
        pytest.param(_with_attachment(PROGRAM, "BASE64 "), 552, id="encoding in capitals"),
        pytest.param(_with_attachment("T\n V\nq*QAA\nMAA" + PROGRAM[9:]), 552, id="broken into short lines"),
        pytest.param(_with_attachment("\n\n" + PROGRAM), 552, id="after blank lines"),
        pytest.param(text_message(FORWARDED, content=MULTIPART), 552, id="in a forwarded message"),
        pytest.param(text_message(FOLDED, content=MULTIPART), 552, id="folded header"),
        pytest.param(
            text_message(PROGRAM, {"Content-Transfer-Encoding": "base64"}, "application/x-msdownload"),
            552,
            id="nothing but the program",
        ),
        pytest.param(_with_attachment(b64encode(b"%PDF-1.4 " * 20).decode()), 250, id="other attachment"),
        pytest.param(_with_attachment(SECOND_LINE), 250, id="not at the beginning"),
        pytest.param(_with_attachment(PROGRAM, "7bit"), 250, id="not encoded"),
        pytest.param(text_message(TALK, content=MULTIPART), 250, id="somebody writing about it"),
        pytest.param(text_message(f"Content-Transfer-Encoding: base64\nis a header\n--x\n\n{PROGRAM}"), 250, id="text"),
        pytest.param(text_message(""), 250, id="no body"),
    ],
)
def test_refuses_what_begins_like_a_pattern(serve: Serve, message: str, code: int) -> None:
    """A part in base64 whose contents begin with a pattern is refused, and nothing else."""
    daemon = serve(LINE, files={"signatures_patterns": ["TVqQAAMAA", "R0lGODlhaAA7A"]})
    sent = daemon.send(message=message)
    assert sent.code == code
    assert ("TVqQAAMAA" in sent.text) is (code == 552)


def test_local_clients_are_checked_too(serve: Serve) -> None:
    """It makes no difference who sends."""
    daemon = serve(LINE, files={"signatures_patterns": ["TVqQAAMAA"]})
    assert daemon.send(message=_with_attachment(PROGRAM), source="127.0.5.1").code == 552


def test_lines_that_are_no_base64_are_left_out(serve: Serve) -> None:
    """A pattern that can never be found is named in the log, and the others are still looked for."""
    daemon = serve(LINE, files={"signatures_patterns": ["T*", "TVqQAAMAA"]})
    assert daemon.send().taken
    assert daemon.send(message=_with_attachment(PROGRAM)).code == 552
    daemon.wait_for_log("'T*' is no base64")


def test_no_patterns_refuse_nothing(serve: Serve) -> None:
    """Without the file every attachment is taken."""
    assert serve(LINE).send(message=_with_attachment(PROGRAM)).taken


def test_unreadable_patterns_defer_mail(serve: Serve) -> None:
    """If the patterns cannot be read, here for being a directory, the message is asked for again later."""
    daemon = serve(LINE)
    (daemon.config / "signatures_patterns").mkdir()
    assert daemon.send().code == 452
    daemon.wait_for_log("signatures_patterns cannot be read")
