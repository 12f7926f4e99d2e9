"""The bytes between the proxy and the provider: one command, one answer (RFC 5321, 4.2)."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl

_ANSWER_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_BLOCK_BYTES = 1 << 12
#: Longer lines and answers are none; without a limit a server could fill the memory.
_LINE_BYTES = 1 << 13
_ANSWER_BYTES = 1 << 16


class Connection(smtplib.SMTP):
    """One connection, on which nothing is sent while something was received that was not asked for.

    An answer that nobody asked for would be taken for the answer to the next command. smtplib does not look for one,
    takes the last code of an answer with several, and a line that the end of the connection cut.

    :param helo: how to introduce itself.
    :param timeout: how long to wait for one answer, in seconds.
    """

    def __init__(self, helo: str, timeout: float) -> None:
        super().__init__(local_hostname=helo, timeout=timeout)
        self._received = bytearray()

    def ask(self, command: bytes) -> tuple[int, bytes]:
        """Send a command and return the code and the text of the answer.

        :raises OSError: when the connection broke, something was received before, or the answer is none of SMTP.
        """
        self._expect_silence()
        self.send(command + b"\r\n")
        return self.getreply()

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command of smtplib's.

        :raises OSError: as :meth:`ask`.
        """
        self._expect_silence()
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        """Return the code and the text of the next answer.

        :raises OSError: when the connection broke, or the answer is none of SMTP.
        """
        code, lines, size = b"", [], 0
        while True:
            line = self._line()
            size += len(line)
            found = _ANSWER_LINE.fullmatch(line)
            if found is None or size > _ANSWER_BYTES or code not in (b"", found[1]):
                raise ConnectionError("its answer is none of SMTP")
            code = found[1]
            lines.append((found[3] or b"").strip())
            if found[2] != b"-":
                return int(code), b"\n".join(lines)

    def encrypt(self, context: ssl.SSLContext, name: str) -> None:
        """Encrypt the connection.

        :param name: of the server.
        :raises OSError: when something was received that is not encrypted, which anybody could have put there (RFC
            3207), or the server does not show who it is.
        """
        self._expect_silence()
        assert self.sock is not None
        self.sock = context.wrap_socket(self.sock, server_hostname=name)

    def unread(self) -> bytes:
        """Return what was received and is not read, without waiting.

        :raises OSError: when the connection broke; not when the server has closed it.
        """
        sock = self._socket()
        before = sock.gettimeout()
        sock.setblocking(False)
        try:
            self._received += sock.recv(_BLOCK_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        finally:
            sock.settimeout(before)
        return bytes(self._received)

    def _expect_silence(self) -> None:
        if self.unread():
            raise ConnectionError("it sent something that was not asked for")

    def _line(self) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > _LINE_BYTES:
                raise ConnectionError("its answer is none of SMTP")
            block = self._socket().recv(_BLOCK_BYTES)
            if not block:
                raise smtplib.SMTPServerDisconnected("closed")
            self._received += block
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line.removesuffix(b"\r")

    def _socket(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("closed")
        return self.sock
