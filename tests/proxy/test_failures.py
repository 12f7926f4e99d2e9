"""What goes wrong between the proxy and the provider: the client tries again later, and no mail is lost or doubled."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.services.servers import eventually

from .conftest import of_login
from .kit import Certificate, Mailbox, Provider, Proxy, Wire, free_port, with_login

CONTENT = b"Subject: hello\r\n\r\nSecret content.\r\n"


def _refused(proxy: Proxy) -> str:
    """Return the words with which MAIL is refused, for now."""
    with proxy.client() as client:
        code, text = client.docmd("MAIL", "FROM:<tom@a.test>")
    assert code == 451
    return text.decode()


def test_the_provider_is_down(start: Callable[..., Any]) -> None:
    """The client hears so, and is served when the provider is there again."""
    port = free_port()
    proxy = start(Proxy, Server="127.0.0.1", Port=str(port), TLS="disabled")
    assert f"127.0.0.1 port {port}: [Errno 111] Connection refused" in _refused(proxy)
    assert "Connection refused" in proxy.log


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a..b"])
def test_there_is_no_such_provider(start: Callable[..., Any], name: str) -> None:
    """A name that cannot be looked up is a matter of later, whatever is wrong with it."""
    proxy = start(Proxy, Server=name, Port="25")
    assert f"{name} port 25: " in _refused(proxy)


@pytest.mark.program("openssl")
def test_a_wrong_password(start: Callable[..., Any], mailbox: Mailbox, certificate: Certificate) -> None:
    """Mails stay with the client until the password is corrected; the password is not logged."""
    provider = start(with_login(mailbox, certificate))
    proxy = start(Proxy, **(of_login(provider.port, certificate) | {"Passwd": "wrong-Secret", "Debug": "enabled"}))
    assert "does not accept the user name and the password: 535" in _refused(proxy)
    assert mailbox.logins[0][2] == b"wrong-Secret"
    assert "535" in proxy.log
    assert "wrong-Secret" not in proxy.log


@pytest.mark.program("openssl")
def test_a_login_that_is_not_set(start: Callable[..., Any], mailbox: Mailbox, certificate: Certificate) -> None:
    """A provider that wants a login where none is set refuses us and not the mail."""
    provider = start(with_login(mailbox, certificate))
    proxy = start(Proxy, **(of_login(provider.port, certificate) | {"Userid": "", "Passwd": ""}))
    assert "it wants another login: 530" in _refused(proxy)


@pytest.mark.program("openssl")
@pytest.mark.parametrize("name", ["another CA", "another name"])
def test_a_wrong_certificate(
    start: Callable[..., Any], mailbox: Mailbox, make: Callable[[str], Certificate], name: str
) -> None:
    """Nothing is sent to a server whose certificate is of another CA or for another name."""
    right, other = make("IP:127.0.0.1"), make("DNS:mx.isp.test")
    served = right if name == "another CA" else other
    provider = start(with_login(mailbox, served))
    settings = of_login(provider.port, other)
    proxy = start(Proxy, **settings)
    assert "its certificate is not accepted: " in _refused(proxy)
    assert mailbox.logins == []


@pytest.mark.program("openssl")
def test_a_certificate_that_is_not_verified(
    start: Callable[..., Any], mailbox: Mailbox, make: Callable[[str], Certificate]
) -> None:
    """Where the setting says so, any certificate will do, and the connection is encrypted."""
    provider = start(with_login(mailbox, make("IP:127.0.0.1")))
    proxy = start(Proxy, **(of_login(provider.port, make("DNS:mx.isp.test")) | {"TLS": "unverified"}))
    with proxy.client() as client:
        assert client.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250
    assert len(mailbox.logins) == 1


@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_provider_without_encryption(start: Callable[..., Any], mailbox: Mailbox, is_allowed: bool) -> None:
    """The password goes over a plain connection only where the setting says so."""
    provider = start(Provider(mailbox, auth_required=True, auth_require_tls=False, authenticator=mailbox.authenticate))
    settings = {"Server": "127.0.0.1", "Port": str(provider.port), "Userid": "bob@isp.test", "Passwd": "Geheim 7é"}
    proxy = start(Proxy, **settings, **({"TLS": "disabled"} if is_allowed else {}))
    with proxy.client() as client:
        code, text = client.docmd("MAIL", "FROM:<tom@a.test>")
    assert code == (250 if is_allowed else 451)
    assert is_allowed or b"it offers no encryption (STARTTLS)" in text
    assert len(mailbox.logins) == is_allowed


def _dies(stage: str, file: Any, connection: socket.socket) -> None:
    """Speak SMTP up to a stage, and break the connection there."""
    file.write(b"220 ready\r\n")
    in_data = False
    for line in file:
        command = b"DATA." if in_data and line == b".\r\n" else line.split(b" ")[0].split(b":")[0].strip().upper()
        if command == stage.encode():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return
        if in_data and stage == "CONTENT":
            return
        if not in_data:
            file.write(b"354 go on\r\n" if command == b"DATA" else b"250 ok\r\n")
        in_data = in_data or command == b"DATA"


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "DATA."])
def test_the_provider_dies(start: Callable[..., Any], stage: str) -> None:
    """Wherever the connection breaks, the client hears 451 and never 250, and may begin again in the same session."""
    provider = start(Wire(partial(_dies, stage)))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled")
    with proxy.client() as client:
        for _ in range(2):
            answers = [client.docmd("MAIL", "FROM:<tom@a.test>")[0]]
            if answers[-1] == 250:
                answers.append(client.docmd("RCPT", "TO:<x@b.test>")[0])
            if answers[-1] == 250:
                answers.append(client.data(CONTENT)[0])
            assert answers == [250] * {"EHLO": 0, "MAIL": 0, "RCPT": 1}.get(stage, 2) + [451]
            client.rset()


def test_a_lost_mail_is_not_sent_in_part(start: Callable[..., Any]) -> None:
    """When the connection breaks after a recipient was accepted, the mail is refused, not sent to the others alone."""
    heard: list[bytes] = []

    def talk(file: Any, _connection: socket.socket) -> None:
        file.write(b"220 ready\r\n")
        for line in file:
            heard.append(line)
            if line.startswith(b"RCPT TO:<second"):
                return
            file.write(b"250 ok\r\n")

    provider = start(Wire(talk))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled")
    with proxy.client() as client:
        assert client.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250
        assert client.docmd("RCPT", "TO:<first@b.test>")[0] == 250
        assert client.docmd("RCPT", "TO:<second@b.test>")[0] == 451
        assert client.docmd("RCPT", "TO:<third@b.test>")[0] == 451
        assert client.data(CONTENT)[0] == 451
    assert b"DATA\r\n" not in heard


@pytest.mark.parametrize("silent", [b"", b"EHLO", b"MAIL", b"RCPT", b"DATA", b"."])
def test_the_provider_says_nothing(start: Callable[..., Any], silent: bytes) -> None:
    """A provider that does not answer in time is tried again later."""
    done = threading.Event()

    def talk(file: Any, _connection: socket.socket) -> None:
        if silent:
            file.write(b"220 ready\r\n")
        in_data = False
        for line in file:
            if not silent or line.upper().startswith(silent):
                done.wait(60)
                return
            if not in_data:
                in_data = line == b"DATA\r\n"
                file.write(b"354 go on\r\n" if in_data else b"250 ok\r\n")

    provider = start(Wire(talk))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled", Timeout="1")
    with proxy.client() as client:
        answers = [client.docmd("MAIL", "FROM:<tom@a.test>")]
        if answers[-1][0] == 250:
            answers.append(client.docmd("RCPT", "TO:<x@b.test>"))
        if answers[-1][0] == 250:
            answers.append(client.data(CONTENT))
    assert answers[-1][0] == 451
    assert answers[-1][1].endswith(b"it does not answer in time")
    done.set()


@pytest.mark.parametrize(
    "answer", [b"hello\r\n", b"150 what\r\n", b"999 what\r\n", b"334 what\r\n", b"250" + b"x" * 9000]
)
def test_an_answer_that_is_none(start: Callable[..., Any], answer: bytes) -> None:
    """What is not an answer of SMTP is not believed."""

    def talk(file: Any, _connection: socket.socket) -> None:
        file.write(b"220 ready\r\n")
        for line in file:
            file.write(answer if line.startswith(b"MAIL") else b"250 ok\r\n")

    provider = start(Wire(talk))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled")
    _refused(proxy)


def test_a_connection_that_broke_between_two_mails(start: Callable[..., Any]) -> None:
    """A provider that hung up, or says 421, while nothing was asked is called again, and the client notices nothing."""
    calls: list[int] = []

    def talk(file: Any, _connection: socket.socket) -> None:
        calls.append(1)
        file.write(b"220 ready\r\n")
        mails = 0
        for line in file:
            mails += line.startswith(b"MAIL")
            if mails == 2:
                if len(calls) == 1:
                    file.write(b"421 too long\r\n")
                return
            file.write(b"250 ok\r\n")

    provider = start(Wire(talk))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled")
    with proxy.client() as client:
        for _ in range(3):
            assert client.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250
            client.rset()
    assert len(calls) == 3


def test_the_client_goes_away_in_the_content(plain: Proxy, mailbox: Mailbox) -> None:
    """A mail of which a part is missing never reaches the provider, and the next client is served."""
    client = plain.client()
    client.docmd("MAIL", "FROM:<tom@a.test>")
    client.docmd("RCPT", "TO:<x@b.test>")
    client.docmd("DATA")
    client.send(CONTENT)
    client.close()
    with plain.client() as other:
        assert other.sendmail("tom@a.test", ["y@b.test"], CONTENT) == {}
    assert [mail.recipients for mail in mailbox.mails] == [["y@b.test"]]


def test_the_client_goes_away_while_the_content_is_sent(start: Callable[..., Any]) -> None:
    """The connection to the provider is broken before the end of the mail, so the provider does not take it."""
    got: list[bytes] = []
    go_on, gone = threading.Event(), threading.Event()

    def talk(file: Any, _connection: socket.socket) -> None:
        file.write(b"220 ready\r\n")
        for line in file:
            file.write(b"354 go on\r\n" if line == b"DATA\r\n" else b"250 ok\r\n")
            if line == b"DATA\r\n":
                go_on.set()
                gone.wait(30)
                got.append(file.readall() if hasattr(file, "readall") else file.read())
                return

    provider = start(Wire(talk))
    proxy = start(Proxy, Server="127.0.0.1", Port=str(provider.port), TLS="disabled")
    client = proxy.client()
    client.docmd("MAIL", "FROM:<tom@a.test>")
    client.docmd("RCPT", "TO:<x@b.test>")
    client.docmd("DATA")
    client.send(b"x" * 79 + b"\r\n")
    # More than the buffers of both sockets take.
    client.send((b"y" * 78 + b"\r\n") * 500_000 + b".\r\n")
    assert go_on.wait(30)
    client.close()
    # The next client is served when the first is forgotten.
    with proxy.client():
        pass
    gone.set()
    eventually(lambda: bool(got), "the provider has read all there is")
    assert not got[0].endswith(b"\r\n.\r\n")


@pytest.mark.parametrize("lines", [{"Frobnicate": "1"}, {"Port": "many"}, {"TLS": "maybe"}, {"CAFile": "/none"}])
def test_wrong_settings(start: Callable[..., Any], lines: dict[str, str]) -> None:
    """A line that is wrong ends the program, which says where."""
    with pytest.raises(AssertionError, match="smtp-auth-proxy: .*(smtp-auth-proxy.conf:|/none)"):
        start(Proxy, **({"Server": "127.0.0.1"} | lines))


def test_a_client_that_only_connects(plain: Proxy) -> None:
    """A client without a mail costs the provider no connection."""
    with plain.client() as client:
        assert client.noop()[0] == 250
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.login("a", "b")
    assert "port" in plain.log
