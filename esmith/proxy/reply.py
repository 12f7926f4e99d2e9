"""What an SMTP server answers: a code and one or several lines (RFC 5321)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE_BYTES = 500
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
#: The code of RFC 3463 before the words of an answer.
_ENHANCED = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![^\s])")


@dataclass(frozen=True)
class Reply:
    """One answer.

    :param code: of three digits.
    :param text: its lines without the code, separated by newlines.
    """

    code: int
    text: bytes

    @property
    def is_success(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.code < 300

    @property
    def is_refusal(self) -> bool:
        """Whether it refused, for now (4xx) or for good (5xx)."""
        return 400 <= self.code < 600

    def wire(self) -> bytes:
        """Return the answer as it goes to a client, without the last line end."""
        lines = [_CONTROL.sub(b"?", line)[:_LINE_BYTES] for line in self.text.split(b"\n")]
        code = b"%d" % self.code
        return b"\r\n".join([*(code + b"-" + line for line in lines[:-1]), code + b" " + lines[-1]])

    @property
    def codes(self) -> str:
        """Its codes without its words."""
        enhanced = _ENHANCED.match(self.text)
        return f"{self.code} {enhanced[0].decode()}" if enhanced else str(self.code)

    def __str__(self) -> str:
        return f"{self.code} {self.text.decode('utf-8', 'replace').replace(chr(10), ' / ')}"


def later(reason: str) -> Reply:
    """Return the answer that has the client try again later: something failed that is not about the mail."""
    return Reply(451, b"4.4.0 smtp-auth-proxy: " + " ".join(reason.split()).encode("ascii", "replace"))


#: The answer to a mail for which there is no memory now; the connection ends with it (RFC 5321, 3.8).
NO_MEMORY = Reply(421, b"4.3.1 the mails of all clients together take too much memory, try again later")
#: The answer to a mail that is longer than is allowed.
TOO_LONG = Reply(552, b"5.3.4 the mail is longer than is allowed")
