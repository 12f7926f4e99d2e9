"""``headermatch``, by which users' ``.qmail`` files sort spam: what it finds, and how it answers condredirect(1)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "plugins/qmail/headermatch"
SPAM = "X-Spam-Status: Yes"


def _match(mail: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(PROGRAM), *words], input=mail, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    ("mail", "code"),
    [
        (b"From: a\nX-Spam-Status: Yes, score=9\nTo: b\n\nhello\n", 0),
        (b"x-spam-status: YES\n\n", 0),
        (b"From: a\r\nX-Spam-Status: Yes\r\n\r\nhello\r\n", 0),
        (b"\xff\xfe: \0\nX-Spam-Status: Yes\n\n", 0),
        (b"From: " + b"x" * 300_000 + b"\nX-Spam-Status: Yes\n\n", 0),
        (b"X-Spam-Status: Yes", 0),
        (b"From: a\nX-Spam-Status: No\n\nX-Spam-Status: Yes\n", 1),
        (b"From: a\r\nX-Spam-Status: No\r\n\r\nX-Spam-Status: Yes\r\n", 1),
        (b"Subject: X-Spam-Status: Yes\n\n", 1),
        (b"X-Spam-Status: Y\n\n", 1),
        (b"\nX-Spam-Status: Yes\n", 1),
        (b"", 1),
    ],
)
def test_what_it_finds(mail: bytes, code: int) -> None:
    """A field of the header that begins with the text, whatever its case; what stands in the body does not count."""
    answer = _match(mail, SPAM)
    assert (answer.returncode, answer.stdout, answer.stderr) == (code, b"", b"")


@pytest.mark.parametrize("text", ['X-A: "\\n', "X-A: $(touch x)", "X-A: .*", "X-A: \\", "X-A: 'b' & c", "X-Ä: é"])
def test_the_text_is_no_pattern_and_no_code(text: str, tmp_path: Path) -> None:
    """The text stands for itself."""
    assert _match(f"{text} and more\n\n".encode(), text).returncode == 0
    assert _match(b"X-A: other\n\n", text).returncode == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[], [""]])
def test_a_call_without_a_text(words: list[str]) -> None:
    """It matches nothing, and does not say that it does."""
    assert _match(b"From: a\n\n", *words).returncode == 100


def test_a_large_mail_is_not_read(tmp_path: Path) -> None:
    """It ends with the header: the rest is not read, but for what awk reads at once (in Debian 13 256 KiB)."""
    mail = tmp_path / "mail"
    mail.write_bytes(b"From: a\n\n" + b"x" * 79 * 100_000)
    with mail.open("rb") as file:
        subprocess.run([str(PROGRAM), SPAM], stdin=file, check=False, timeout=60)
        assert file.seek(0, 1) < 300_000
