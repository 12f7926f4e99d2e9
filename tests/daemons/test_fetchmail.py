"""The real fetchmail empties a mailbox of the test by the generated file: to whom it passes the mail on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Root
from tests.daemons.collected import Talk, collect, listening, mailbox

__all__ = ["listening"]

pytestmark = pytest.mark.program("fetchmail")

#: The address in the envelope header of each mail, and to whom it goes.
GOALS = {
    "tom@example.com": "tom@example.com",
    "Tom-x@TEST.com": "Tom-x@TEST.com",
    "u123@localhost": "u123@example.com",  # the provider's own server
    "friend@elsewhere.net": "postmaster@example.com",
    "joe@sub.test.com": "joe@sub.test.com",
}


class _Smtp:
    """A server that takes every mail and notes the recipients."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    def talk(self, file: Any) -> None:
        """Speak SMTP with a client."""
        file.write(b"220 ready\r\n")
        while line := file.readline().decode():
            if line.startswith("RCPT TO:<"):
                self.recipients.append(line.removeprefix("RCPT TO:<").split(">")[0])
            file.write(b"354 go on\r\n" if line.startswith("DATA") else b"250 ok\r\n")
            while line.startswith("DATA") and file.readline() != b".\r\n":
                pass
            if line.startswith("DATA"):
                file.write(b"250 ok\r\n")


def test_every_mail_goes_to_an_address_that_is_served(
    office: Root, tmp_path: Path, listening: Callable[[str, Talk], int]
) -> None:
    """A name at the provider's server is one of the primary domain, a strange address is for postmaster."""
    smtp = _Smtp()
    mails = [f"Delivered-To: {address}\r\nSubject: x\r\n\r\nhello\r\n".encode() for address in GOALS]
    done = collect(office, tmp_path, listening("127.0.0.1", mailbox(mails)), listening("127.0.0.200", smtp.talk))
    assert done.returncode == 0, done.stderr
    assert smtp.recipients == list(GOALS.values())
