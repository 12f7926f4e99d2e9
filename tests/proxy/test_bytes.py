"""What the provider gets is what the client sent, byte for byte."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples

from .kit import SECONDS, Proxy, Wire

_PIECES = st.sampled_from(
    [
        b"\r\n",
        b".",
        b"..",
        b"\r",
        b"\n",
        b"\0",
        b"\r.\r",
        b"\r\r\n",
        b"\r\n.",
        b"\r\n..",
        b"Subject: x",
        b"\xff\xfe",
        b"\xc3\xa9",
        b"\t ",
        b"x" * 5000,
    ]
)
_ANY = st.lists(_PIECES | st.binary(max_size=20), max_size=30).map(b"".join)
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
CONTENTS = _ANY.map(lambda text: _BARE.sub(b"", text)) | _ANY


class Recorder:
    """A provider that keeps the bytes of each mail, from the answer to DATA on to the end of the mail."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.wire = Wire(self._talk)

    def _talk(self, file: Any, connection: socket.socket) -> None:
        file.write(b"220 ready\r\n")
        while command := file.readline():
            if command.upper().startswith(b"EHLO"):
                file.write(b"250-me\r\n250-SIZE 99999999\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
            elif command == b"DATA\r\n":
                file.write(b"354 go on\r\n")
                data = b"\r\n"
                while not data.endswith(b"\r\n.\r\n"):
                    data += connection.recv(1 << 16)
                self.heard.append(data[2:])
                file.write(b"250 got it\r\n")
            else:
                if command != b"QUIT\r\n":
                    self.heard.append(command)
                file.write(b"250 ok\r\n")


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Recorder]]:
    """A proxy before a provider that keeps all bytes."""
    recorder = Recorder()
    place = tmp_path_factory.mktemp("bytes")
    proxy = Proxy(Path(place), {"Server": "127.0.0.1", "Port": str(recorder.wire.port), "TLS": "disabled"})
    yield proxy, recorder
    proxy.stop()
    recorder.wire.stop()


def _stuffed(content: bytes) -> bytes:
    """Return a content as a client sends it: lines that end in CR LF, their leading dots doubled (RFC 5321, 4.5.2)."""
    lines = content.split(b"\r\n")
    if not lines[-1]:
        lines.pop()
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


def _send(proxy: Proxy, lines: list[bytes], data: bytes) -> list[bytes]:
    """Send a mail in raw bytes, and return the first lines of the answers."""
    with (
        socket.create_connection(("127.0.0.1", proxy.port), SECONDS) as sock,
        sock.makefile("rwb", buffering=0) as file,
    ):
        answers = [file.readline()]
        for line in [b"HELO qmail.test\r\n", *lines, b"DATA\r\n", data]:
            file.write(line)
            answers.append(file.readline())
        file.write(b"QUIT\r\n")
        file.readline()
    return answers


@settings(max_examples=examples(200), deadline=None)
@given(content=CONTENTS)
def test_the_content(way: tuple[Proxy, Recorder], content: bytes) -> None:
    """NUL, dots, long lines, other characters and no character arrive as they were sent; CR or LF alone is refused."""
    proxy, recorder = way
    recorder.heard.clear()
    data = _stuffed(content)
    answers = _send(proxy, [b"MAIL FROM:<tom@a.test>\r\n", b"RCPT TO:<x@b.test>\r\n"], data)
    if _BARE.search(data):
        assert answers[-1].startswith(b"554 5.6.0 ")
        assert len(recorder.heard) == 2
    else:
        assert answers[-1] == b"250 got it\r\n"
        assert recorder.heard[2] == data


_ADDRESSES = st.from_regex(rb'\A<(?:[!-;=?-~]{1,30}|"(?:[^"\\\x00-\x1f\x7f-\xff]|\\[ -~]){0,20}"@b\.test|)>\Z').filter(
    lambda text: text.count(b'"') in (0, 2)
)


@settings(max_examples=examples(200), deadline=None)
@given(sender=_ADDRESSES, recipient=_ADDRESSES)
def test_the_addresses(way: tuple[Proxy, Recorder], sender: bytes, recipient: bytes) -> None:
    """Addresses arrive as they were sent, also those that are quoted, strange or empty."""
    proxy, recorder = way
    recorder.heard.clear()
    lines = [b"MAIL FROM:" + sender + b"\r\n", b"RCPT TO:" + recipient + b"\r\n"]
    answers = _send(proxy, lines, b"x\r\n.\r\n")
    assert answers[-1] == b"250 got it\r\n"
    assert recorder.heard[:2] == lines


@pytest.mark.parametrize(
    "content",
    [
        b"a\nb\r\n.\r\n",
        b"a\n.\r\n\r\n.\r\n",
        b"a\n.\n\r\n.\r\n",
        b"a\r.\rb\r\n.\r\n",
        b"a\r.\r\nb\r\n.\r\n",
        b"a\r\r\n.\r\n",
        b"\r\n.\r\r\n.\r\n",
        b".\r\r\n.\r\n",
    ],
)
def test_a_bare_line_end_is_refused(way: tuple[Proxy, Recorder], content: bytes) -> None:
    """What one server takes for the end of a mail and another does not is not passed on."""
    proxy, recorder = way
    recorder.heard.clear()
    answers = _send(proxy, [b"MAIL FROM:<tom@a.test>\r\n", b"RCPT TO:<x@b.test>\r\n"], content)
    assert answers[-1].startswith(b"554 ")
    assert len(recorder.heard) == 2


def test_parameters(way: tuple[Proxy, Recorder]) -> None:
    """The parameters of MAIL are passed on to a provider that knows them."""
    proxy, recorder = way
    recorder.heard.clear()
    line = b"MAIL FROM:<j\xc3\xbcrgen@a.test> SIZE=100 BODY=8BITMIME SMTPUTF8\r\n"
    assert _send(proxy, [line, b"RCPT TO:<x@b.test>\r\n"], b".\r\n")[-1] == b"250 got it\r\n"
    assert recorder.heard[0] == line
    assert recorder.heard[2] == b".\r\n"
