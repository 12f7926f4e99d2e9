"""A name server that knows no name, so that nobody at a machine waits for an answer: ``python3 names.py ADDRESS``.

Without any, Net::DNS asks again for two minutes (qpsmtpd's dkim plugin). To each question the answer is NXDOMAIN
(RFC 1035, 4.1.1: response code 3).
"""

from __future__ import annotations

import socket
import sys

_HEADER = 12


def answer(question: bytes) -> bytes:
    """Return the answer to a question: its number, the flags, and the question again; "" to what is no question."""
    if len(question) < _HEADER or question[2] & 0x80:
        return b""
    # A response; recursion as asked, and available; no such name. One question, no record.
    flags = bytes((0x80 | question[2] & 0x79, 0x83))
    end = _HEADER
    while end < len(question) and question[end]:
        end += 1 + question[end]
    return question[:2] + flags + b"\0\1" + b"\0" * 6 + question[_HEADER : end + 5]


def main(address: str) -> None:
    """Answer until the end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 53))
        while True:
            question, client = sock.recvfrom(4096)
            if text := answer(question):
                sock.sendto(text, client)


if __name__ == "__main__":
    main(sys.argv[1])
