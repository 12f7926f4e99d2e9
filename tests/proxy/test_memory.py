"""How much memory the mails of all clients may take together."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esmith.proxy.content import Content, Memory
from esmith.proxy.settings import MEMORY_BYTES, read_settings
from tests.services.servers import eventually

from .kit import Mailbox, Provider, Proxy

#: The limit of these tests, in bytes, and a mail of which one is held and two are not.
_LIMIT = 200_000
_BIG = b"x" * 98 + b"\r\n"
_BIG_LINES = 1_200


@pytest.fixture
def proxy(start: Callable[..., Any], mailbox: Mailbox) -> Proxy:
    """A proxy with little memory."""
    provider = start(Provider(mailbox))
    limits = {"Memory": str(_LIMIT), "MaxMessageSize": "150000"}
    started = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled", **limits)
    assert isinstance(started, Proxy)
    return started


def _begin(client: smtplib.SMTP) -> None:
    """Begin a mail, and send nearly all of its content."""
    assert client.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250
    assert client.docmd("RCPT", "TO:<x@b.test>")[0] == 250
    assert client.docmd("DATA")[0] == 354
    client.send(_BIG * _BIG_LINES)


def _end(client: smtplib.SMTP) -> int:
    client.send(b".\r\n")
    return client.getreply()[0]


def test_mails_take_no_more_than_is_allowed(proxy: Proxy, mailbox: Mailbox) -> None:
    """Of two mails that do not fit together one hears 421 and loses its connection; the other one is passed on."""
    with proxy.client() as one, proxy.client() as other:
        _begin(one)
        _begin(other)
        codes = {_end(one), _end(other)}
        assert codes == {250, 421}
        assert len(mailbox.mails) == 1
        assert len(mailbox.mails[0].content) == len(_BIG) * _BIG_LINES
    with proxy.client() as again:
        _begin(again)
        assert _end(again) == 250
    assert "421 4.3.1" in proxy.log


def test_the_connection_ends_with_421(proxy: Proxy) -> None:
    """The code says that the connection ends (RFC 5321, 3.8), and it does."""
    with proxy.client() as one, proxy.client() as other:
        _begin(one)
        assert one.sock is not None
        _begin(other)
        refused = next(client for client in (one, other) if _end(client) == 421)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            refused.docmd("NOOP")


def test_a_client_that_hangs_up_gives_its_memory_back(proxy: Proxy) -> None:
    """Mails that never end leave no memory taken."""
    for _ in range(3):
        client = proxy.client()
        _begin(client)
        client.close()

    def is_passed_on() -> bool:
        with proxy.client() as client:
            _begin(client)
            return _end(client) == 250

    eventually(is_passed_on, "the memory is free again")


def test_what_is_held_is_counted() -> None:
    """A mail takes what it holds, gives it back once, and holds little once there is no more."""
    memory = Memory(1000)
    one, other = Content(900, memory), Content(900, memory)
    assert one.take(b"x" * 600) is None
    assert not memory.has(500)
    assert other.take(b"y" * 600) is None
    assert memory.has(390), "the other one holds only its last bytes"
    assert other.take(b"\r\n.\r\n") == b""
    assert other.refusal is not None
    assert (other.refusal.code, other.size) == (421, 602)
    for content in (one, other, one):
        content.release()
    assert memory.has(1000)
    assert not memory.has(1001)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [("", MEMORY_BYTES), ("Memory 5000000\nMaxMessageSize 1000000", 5_000_000), ("Memory 1000", 100_000_016)],
)
def test_the_limit_is_a_setting(tmp_path: Path, lines: str, wanted: int) -> None:
    """It has a default, and one of the longest mails fits always."""
    file = tmp_path / "conf"
    file.write_text(f"Server isp.test\n{lines}\n")
    assert read_settings(str(file)).memory == wanted
