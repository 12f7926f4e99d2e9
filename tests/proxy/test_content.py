"""The content of a mail on its way through the proxy: where it ends, and what it costs."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith.proxy.content import Content, Memory

from .kit import SECONDS, Mailbox, Proxy, Wire

_BYTES = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"\r\n.", b"x", b"y" * 9]), max_size=25).map(b"".join)
#: The lines of which a mail costs the most.
_SHORT_LINES = [b"\r\n", b"..\r\n", b"x\r\n"]
_MAIL_BYTES = 8_000_000
#: How many times as much memory as the mail is long the proxy may take.
_TIMES = 8


def _taken(content: Content, blocks: list[bytes]) -> bytes | None:
    """Take blocks until the mail ends, and return all that follows it; None when it has not ended."""
    for number, block in enumerate(blocks):
        rest = content.take(block)
        if rest is not None:
            return rest + b"".join(blocks[number + 1 :])
    return None


@given(sent=_BYTES, after=_BYTES, cuts=st.lists(st.integers(0, 300), max_size=8), largest=st.integers(0, 60))
def test_where_a_mail_ends(sent: bytes, after: bytes, cuts: list[int], largest: int) -> None:
    """However the bytes are cut, a mail ends at the first line with a dot alone, and only its bytes have it refused."""
    stream = sent + b"\r\n.\r\n" + after
    # The first line has no line end of a line before it.
    end = (b"\r\n" + stream).index(b"\r\n.\r\n")
    mail, rest = stream[:end], stream[end + 3 :]
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    content = Content(largest, Memory(10**9))
    found = _taken(content, [stream[start:stop] for start, stop in zip(places, places[1:], strict=False)])
    assert found == rest
    assert content.size == len(mail)
    refusal = content.refusal
    if len(mail) > largest:
        assert refusal is not None
        assert refusal.code == 552
    elif re.search(rb"\r(?!\n)|(?<!\r)\n", mail):
        assert refusal is not None
        assert refusal.code == 554
    else:
        assert refusal is None
        assert b"".join(content.pieces()) == mail


@pytest.mark.parametrize("part", [b"", b"x", b"x\r\n", b"\r\n.\r", b".\r", b"x\r\n.", b"\n.\r\n", b"\r.\r\n"])
def test_a_mail_that_has_not_ended(part: bytes) -> None:
    """Nothing but CR LF, a dot and CR LF ends a mail."""
    assert Content(100, Memory(10**9)).take(part) is None


def _counting(lengths: list[int]) -> Callable[[Any, socket.socket], None]:
    """Return a provider that notes how long each mail is, and keeps none."""

    def talk(file: Any, connection: socket.socket) -> None:
        file.write(b"220 ready\r\n")
        for line in file:
            if line != b"DATA\r\n":
                file.write(b"250 ok\r\n")
                continue
            file.write(b"354 go on\r\n")
            length, last = 0, b"\r\n"
            while not last.endswith(b"\r\n.\r\n"):
                block = connection.recv(1 << 16)
                if not block:
                    return
                length += len(block)
                last = (last + block)[-5:]
            lengths.append(length - 3)
            file.write(b"250 ok\r\n")

    return talk


def _most_bytes(proxy: Proxy) -> int:
    """Return how much memory the process of the proxy had at most."""
    status = Path(f"/proc/{proxy.process.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize("line", _SHORT_LINES)
def test_a_mail_of_short_lines(start: Callable[..., Any], line: bytes) -> None:
    """A mail takes memory for its bytes and none for its lines."""
    lengths: list[int] = []
    wire = start(Wire(_counting(lengths)))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(wire.port), TLS="disabled")
    with proxy.client() as client:
        for number, content in enumerate([line, line * (_MAIL_BYTES // len(line))]):
            before = _most_bytes(proxy)
            assert client.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250
            assert client.docmd("RCPT", "TO:<x@b.test>")[0] == 250
            assert client.docmd("DATA")[0] == 354
            client.send(content + b".\r\n")
            assert client.getreply()[0] == 250
            assert lengths[number] == len(content)
    assert _most_bytes(proxy) - before < _TIMES * _MAIL_BYTES


def test_a_mail_that_is_much_too_long(start: Callable[..., Any]) -> None:
    """It is refused when it has ended, little of it is kept until then, and the next one is passed on."""
    content = Content(1000, Memory(10**9))
    assert content.take(b"x\r\n" * 1000) is None
    assert len(b"".join(content.pieces())) < 10
    lengths: list[int] = []
    wire = start(Wire(_counting(lengths)))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(wire.port), TLS="disabled", MaxMessageSize="1000")
    with proxy.client() as client:
        for lines, code in ((100_000, 552), (1, 250)):
            assert client.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250
            assert client.docmd("RCPT", "TO:<x@b.test>")[0] == 250
            assert client.data(b"x\r\n" * lines)[0] == code
    assert lengths == [3]
    assert "a mail of 300000 bytes to 1 recipient: 552" in proxy.log


def test_another_client_is_served_in_the_middle_of_a_mail(plain: Proxy, mailbox: Mailbox) -> None:
    """A mail that comes slowly, or has stopped, keeps nobody waiting."""
    with plain.client() as slow, plain.client() as other:
        slow.docmd("MAIL", "FROM:<tom@a.test>")
        slow.docmd("RCPT", "TO:<slow@b.test>")
        assert slow.docmd("DATA")[0] == 354
        slow.send(b"x\r\n" * 1000)
        assert other.sendmail("tom@a.test", ["other@b.test"], b"y\r\n") == {}
        slow.send(b".\r\n")
        assert slow.getreply()[0] == 250
    assert [mail.recipients for mail in mailbox.mails] == [["other@b.test"], ["slow@b.test"]]


def test_commands_that_come_with_a_mail(plain: Proxy, mailbox: Mailbox) -> None:
    """What follows a mail in the same packet is the next command, and another mail's content is that mail's."""
    lines = b"MAIL FROM:<tom@a.test>\r\nRCPT TO:<x@b.test>\r\nDATA\r\n"
    with socket.create_connection(("127.0.0.1", plain.port), SECONDS) as sock, sock.makefile("rb") as file:
        sock.sendall(b"HELO c\r\n" + lines + b"one\r\n.\r\n" + lines + b"..two\r\n.\r\nQUIT\r\n")
        codes = [int(line[:3]) for line in file]
    assert codes == [220, 250, 250, 250, 354, 250, 250, 250, 354, 250, 221]
    assert [mail.content for mail in mailbox.mails] == [b"one\r\n", b".two\r\n"]


def test_the_client_hangs_up_in_the_content(plain: Proxy, mailbox: Mailbox) -> None:
    """Commands and a part of a mail in one packet, and then no more: nothing is passed on, and the proxy goes on."""
    with socket.create_connection(("127.0.0.1", plain.port), SECONDS) as sock:
        sock.sendall(b"HELO c\r\nMAIL FROM:<tom@a.test>\r\nRCPT TO:<x@b.test>\r\nDATA\r\none\r\n")
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 12):
            pass
    with plain.client() as client:
        assert client.sendmail("tom@a.test", ["y@b.test"], b"two\r\n") == {}
    assert [mail.content for mail in mailbox.mails] == [b"two\r\n"]
    assert "mistake" not in plain.log
    assert "Traceback" not in plain.log
