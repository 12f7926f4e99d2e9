"""The three mails of a trial. Each has a word in its subject by which it is found again."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass

#: What every spam filter takes for spam, and every virus scanner for a virus. They stand here in parts: a scanner must
#: take neither this file nor a copy of it for what it is about.
_SPAM = ("XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL", "*C.34X")
_VIRUS = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE", b"!$H+H*")
_BOUNDARY = "trial-of-mail"


@dataclass(frozen=True)
class Letter:
    """A mail.

    :param word: the word in its subject, which no other mail has.
    :param text: all of it, with line ends of LF.
    """

    word: str
    text: str


def plain_letter(receiver: str, sender: str) -> Letter:
    """Return a mail that nobody minds."""
    return _letter(receiver, sender, "text/plain; charset=us-ascii", "This is a trial of mail.\n")


def spam_letter(receiver: str, sender: str) -> Letter:
    """Return a mail that SpamAssassin takes for spam (GTUBE)."""
    return _letter(receiver, sender, "text/plain; charset=us-ascii", "".join(_SPAM) + "\n")


def virus_letter(receiver: str, sender: str) -> Letter:
    """Return a mail with the file by which virus scanners are tested (EICAR); it does no harm."""
    lines = [
        f"--{_BOUNDARY}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "A trial of the virus scanner is attached.",
        f"--{_BOUNDARY}",
        'Content-Type: application/octet-stream; name="trial.com"',
        "Content-Transfer-Encoding: base64",
        'Content-Disposition: attachment; filename="trial.com"',
        "",
        base64.b64encode(b"".join(_VIRUS)).decode(),
        f"--{_BOUNDARY}--",
        "",
    ]
    return _letter(receiver, sender, f'multipart/mixed; boundary="{_BOUNDARY}"', "\n".join(lines))


def _letter(receiver: str, sender: str, kind: str, body: str) -> Letter:
    word = f"trial-{os.urandom(8).hex()}"
    # In English whatever the locale, as RFC 5322 wants it.
    date = time.strftime("%d {} %Y %H:%M:%S +0000", time.gmtime()).format(_MONTHS[time.gmtime().tm_mon - 1])
    lines = [
        f"From: {sender}",
        f"To: {receiver}",
        f"Subject: {word}",
        f"Date: {date}",
        f"Message-ID: <{word}@{sender.partition('@')[2]}>",
        "MIME-Version: 1.0",
        f"Content-Type: {kind}",
        "",
        body,
    ]
    return Letter(word, "\n".join(lines))


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
