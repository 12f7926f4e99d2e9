"""Somebody on the way between the proxy and the provider, who can change what is not encrypted yet."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from .conftest import of_login
from .kit import PASSWORD, USER, Certificate, Proxy, Wire

_CAPABLE = b"250-me\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"


class Between:
    """A provider's server that somebody stands before: it gives each plain command an answer, and keeps what it heard.

    :param answers: to each command, ``b""`` for the greeting.
    :param inner: the answers on the encrypted connection; None for no encryption after STARTTLS.
    """

    def __init__(
        self, certificate: Certificate, answers: dict[bytes, bytes], inner: dict[bytes, bytes] | None = None
    ) -> None:
        self.plain: list[bytes] = []
        self.encrypted: list[bytes] = []
        self._certificate = certificate
        self.answers = {b"": b"220 ready\r\n", b"EHLO": _CAPABLE, b"STARTTLS": b"220 go on\r\n", **answers}
        self._inner = inner

    def talk(self, file: Any, connection: socket.socket) -> None:
        """Speak with one client."""
        file.write(self.answers[b""])
        for line in file:
            self.plain.append(line)
            name = line.split()[0].upper()
            file.write(self.answers.get(name, b"250 ok\r\n"))
            if name == b"STARTTLS" and self._inner is not None:
                with suppress(OSError):
                    self._talk_encrypted(connection, self._inner)
                return

    def _talk_encrypted(self, connection: socket.socket, answers: dict[bytes, bytes]) -> None:
        context = self._certificate.server()
        with context.wrap_socket(connection, server_side=True) as sock, sock.makefile("rwb", 0) as file:
            for line in file:
                self.encrypted.append(line)
                file.write(answers.get(line.split()[0].upper(), b"250 ok\r\n"))


def _refused(start: Callable[..., Any], between: Between, certificate: Certificate) -> str:
    """Return the words with which MAIL is refused, for now; no name, password or address was sent in plain text."""
    wire = start(Wire(between.talk))
    proxy: Proxy = start(Proxy, **of_login(wire.port, certificate))
    with proxy.client() as client:
        code, text = client.docmd("MAIL", "FROM:<tom@a.test>")
    assert code == 451
    names = {line.split()[0].upper() for line in between.plain}
    assert names <= {b"EHLO", b"STARTTLS", b"QUIT"}
    assert USER not in proxy.log
    assert PASSWORD not in proxy.log
    return str(text, "ascii")


@pytest.mark.program("openssl")
@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({b"EHLO": b"250-me\r\n250 AUTH PLAIN LOGIN\r\n"}, "it offers no encryption (STARTTLS)"),
        ({b"EHLO": b"250-me\r\n250-XXXXXXXX\r\n250 AUTH PLAIN\r\n"}, "it offers no encryption (STARTTLS)"),
        ({b"STARTTLS": b"454 not now\r\n"}, "it does not begin encryption: 454 not now"),
        ({b"STARTTLS": b"502 what\r\n"}, "it does not begin encryption: 502 what"),
        ({b"STARTTLS": b"250 ok\r\n"}, "it answered 250 to STARTTLS, which is no answer to that"),
        ({b"STARTTLS": b"235 you are in\r\n"}, "it answered 235 to STARTTLS, which is no answer to that"),
    ],
)
def test_encryption_is_taken_away(
    start: Callable[..., Any], certificate: Certificate, answers: dict[bytes, bytes], message: str
) -> None:
    """Without encryption neither the login nor an address is sent, whatever is made of STARTTLS."""
    assert message in _refused(start, Between(certificate, answers), certificate)


@pytest.mark.program("openssl")
@pytest.mark.parametrize(
    "injected",
    [
        b"250-evil\r\n250 AUTH PLAIN\r\n",
        b"250 evil\r\n235 you are in\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 taken\r\n",
        b"2",
        b"\r\n",
    ],
)
@pytest.mark.parametrize("place", [b"", b"EHLO", b"STARTTLS"])
def test_answers_are_put_before_encryption(
    start: Callable[..., Any], certificate: Certificate, place: bytes, injected: bytes
) -> None:
    """What somebody puts behind a plain answer does not count, and ends the connection (RFC 3207)."""
    between = Between(certificate, {}, {b"EHLO": b"250 me\r\n"})
    between.answers[place] += injected
    message = _refused(start, between, certificate)
    assert message.endswith("it sent something that was not asked for")
    assert between.encrypted == []


@pytest.mark.program("openssl")
def test_what_was_offered_before_encryption_does_not_count(start: Callable[..., Any], certificate: Certificate) -> None:
    """A way to log in that only the plain answer offers is not taken."""
    between = Between(certificate, {}, {b"EHLO": b"250 me\r\n"})
    assert "it offers no way to log in that is known here, only: none" in _refused(start, between, certificate)
    assert [line.split()[0].upper() for line in between.encrypted] == [b"EHLO", b"QUIT"][: len(between.encrypted)]


@pytest.mark.program("openssl")
def test_answers_that_nobody_asked_for_count_neither_when_encrypted(
    start: Callable[..., Any], certificate: Certificate
) -> None:
    """An encrypted provider that says more than it was asked is not sent the login."""
    between = Between(certificate, {}, {b"EHLO": b"250-me\r\n250 AUTH PLAIN\r\n235 you are in\r\n"})
    assert "it sent something that was not asked for" in _refused(start, between, certificate)
    assert [line.split()[0].upper() for line in between.encrypted] == [b"EHLO"]
