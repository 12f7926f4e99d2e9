"""Talking to a daemon line by line, to see whether its answers are those of one that is of use."""

from __future__ import annotations

import re
import socket
import ssl
import time

from esmith.expressions import expression
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: A line of SMTP, POP3 or FTP after which another one belongs to the same answer (RFC 5321).
_CONTINUES = expression(rb"[0-9]{3}-")
#: What an answer may have before it counts as wrong.
_LINE_BYTES = 2000
_LINES = 100
#: How much of an answer a message shows, in characters.
_SHOWN = 160


class Peer:
    """A daemon that is talked to.

    :param address: a TCP port of 127.0.0.1, or the path of a unix socket.
    :param encrypted: whether TLS comes first. Which certificate it is does not matter.
    :param seconds: how long the whole dialogue may take.
    :raises OSError: when it does not take the connection.
    """

    def __init__(self, address: int | str, *, encrypted: bool, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._rest = b""
        if isinstance(address, int):
            self._socket = socket.create_connection(("127.0.0.1", address), timeout=seconds)
        else:
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.settimeout(seconds)
                self._socket.connect(address)
            except OSError:
                self._socket.close()
                raise
        if encrypted:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            try:
                self._socket = context.wrap_socket(self._socket)
            except OSError:
                self._socket.close()
                raise

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def complaint(self, exchanges: Sequence[tuple[str, str]]) -> str:
        """Send what is to be sent in turn, and return what is wrong with the answers; "" when nothing is.

        :param exchanges: what is sent, with its line end, and the expression that the last line of its answer has to
            match at its beginning. Where nothing is sent, the daemon has the word.
        """
        for sent, expected in exchanges:
            asked = f"to '{printable(sent.strip())}'" if sent else "at first"
            try:
                self._send(sent)
                answer = self._answer()
            except TimeoutError:
                return f"{asked} it answers nothing in time"
            except OSError as error:
                return f"{asked} it answers nothing: {error.strerror or error}"
            if not answer:
                return f"{asked} it answers nothing and ends the connection"
            if not re.match(expected, answer):
                return f"{asked} it answers '{printable(answer)[:_SHOWN]}'"
        return ""

    def _send(self, text: str) -> None:
        if text:
            self._limit()
            self._socket.sendall(text.encode())

    def _answer(self) -> str:
        """Return the last line of an answer, without its end; "" when the connection has ended."""
        for _ in range(_LINES):
            line = self._line()
            if not _CONTINUES.match(line):
                break
        return line.decode("utf-8", "replace").rstrip("\r\n\0")

    def _line(self) -> bytes:
        while b"\n" not in self._rest and len(self._rest) < _LINE_BYTES:
            self._limit()
            data = self._socket.recv(_LINE_BYTES)
            if not data:
                break
            self._rest += data
        line, end, self._rest = self._rest.partition(b"\n")
        return line + end

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
