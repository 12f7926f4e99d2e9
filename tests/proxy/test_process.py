"""The process: who it is, what others can see of it, and how it ends."""

from __future__ import annotations

import pwd
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esmith.errors import ServiceError
from esmith.proxy import provider as module
from esmith.proxy.daemon import run
from esmith.proxy.log import Log
from esmith.proxy.provider import tls_context
from esmith.proxy.reply import Reply, later
from esmith.proxy.settings import LARGEST_MAIL_BYTES, Settings, read_settings, split_server
from tests.services.servers import eventually

from .conftest import of_login
from .kit import PASSWORD, USER, Certificate, Mailbox, Proxy, Wire, with_login

CONTENT = b"Subject: hello\r\n\r\nSecret content.\r\n"


def test_term_lets_the_mail_in_hand_end(plain: Proxy, mailbox: Mailbox) -> None:
    """After TERM a mail that has begun is passed on, a client without one is sent away, and nobody else is served."""
    mailbox.hold.clear()
    idle = plain.client()
    busy = plain.client()
    assert busy.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250
    plain.terminate()
    assert idle.getreply()[0] == 421
    eventually(lambda: _refuses(plain.port), "the proxy does not listen any more")
    assert busy.docmd("RCPT", "TO:<x@b.test>")[0] == 250
    assert plain.process.poll() is None
    mailbox.hold.set()
    assert busy.data(CONTENT)[0] == 250
    assert plain.process.wait(30) == 0
    assert [mail.recipients for mail in mailbox.mails] == [["x@b.test"]]
    idle.close()
    busy.close()


def _refuses(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def test_only_this_machine_reaches_it(plain: Proxy) -> None:
    """It listens on 127.0.0.1, and on no other address, not even of this machine."""
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.2", plain.port)) != 0
    assert not _refuses(plain.port)


@pytest.mark.root("it gives up the rights of root")
def test_it_is_not_root(plain: Proxy) -> None:
    """Started by root it becomes another user for good, with the rights of no other group."""
    status = Path(f"/proc/{plain.process.pid}/status").read_text()
    user = pwd.getpwnam("nobody")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Uid"].split() == [str(user.pw_uid)] * 4
    assert lines["Gid"].split() == [str(user.pw_gid)] * 4
    assert lines["Groups"].split() == []
    assert int(lines["CapEff"], 16) == 0


@pytest.mark.root("it would become another user")
@pytest.mark.parametrize("user", ["root", "no-such-user", ""])
def test_it_has_to_be_another_user(tmp_path: Path, user: str) -> None:
    """Root has to say who is to serve, and that is not root."""
    file = tmp_path / "conf"
    file.write_text("Server mx.isp.test\nListen 0\n")
    with pytest.raises(ServiceError, match="smtp-auth-proxy: (there is no user|it does not serve as root)"):
        run(str(file), user)


@pytest.mark.program("openssl")
def test_what_others_see(start: Callable[..., Any], mailbox: Mailbox, certificate: Certificate, tmp_path: Path) -> None:
    """Neither the arguments nor the environment nor the log hold the password, and the log holds no content."""
    provider = start(with_login(mailbox, certificate))
    proxy = start(Proxy, **of_login(provider.port, certificate), Debug="enabled")
    with proxy.client() as client:
        assert client.sendmail("tom@a.test", ["x@b.test"], CONTENT) == {}
    seen = b"".join(Path(f"/proc/{proxy.process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    assert PASSWORD.encode() not in seen
    assert PASSWORD not in proxy.log
    assert "Secret content" not in proxy.log
    for line in ("> EHLO", "> STARTTLS", "> AUTH PLAIN ****", "> MAIL FROM:<tom@a.test>", "to 1 recipient: 250"):
        assert line in proxy.log
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["log", "smtp-auth-proxy.conf"]


@pytest.mark.program("openssl")
def test_encrypted_from_the_first_byte(
    certificate: Certificate, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On port 465 the connection is encrypted from its first byte (RFC 8314)."""
    heard: list[bytes] = []
    answers = {b"ehlo": b"250-me\r\n250 AUTH CRAM-MD5 PLAIN\r\n", b"AUTH": b"235 ok\r\n"}

    def talk(_file: Any, connection: socket.socket) -> None:
        with certificate.server().wrap_socket(connection, server_side=True) as sock, sock.makefile("rwb", 0) as file:
            file.write(b"220 ready\r\n")
            for line in file:
                heard.append(line)
                file.write(answers.get(line[:4], b"250 ok\r\n"))

    wire = start(Wire(talk))
    monkeypatch.setattr(module, "SUBMISSIONS_PORT", wire.port)
    given = Settings("127.0.0.1", wire.port, user=USER, password=PASSWORD, ca_file=str(certificate.chain))
    provider = module.Provider(given, tls_context(given), Log(given))
    assert provider.begin(b"<tom@a.test>", lambda _has: b"").code == 250
    provider.close()
    assert [line.split(b" ")[0] for line in heard] == [b"ehlo", b"AUTH", b"MAIL", b"QUIT\r\n"]


def test_a_plain_connection_shows_little(start: Callable[..., Any]) -> None:
    """Where a plain connection is allowed, a way to log in that does not show the password goes first."""
    heard: list[bytes] = []
    # The example of RFC 2195.
    challenge = b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
    answers = {b"ehlo": b"250-me\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n", b"AUTH": b"334 " + challenge + b"\r\n"}
    answers[b"dGlt"] = b"235 ok\r\n"

    def talk(file: Any, _connection: socket.socket) -> None:
        file.write(b"220 ready\r\n")
        for line in file:
            heard.append(line)
            file.write(answers.get(line[:4], b"250 ok\r\n"))

    wire = start(Wire(talk))
    given = Settings("127.0.0.1", wire.port, user="tim", password="tanstaaftanstaaf", tls="disabled")
    provider = module.Provider(given, tls_context(given), Log(given))
    assert provider.begin(b"<tom@a.test>", lambda _has: b"").is_success
    provider.close()
    assert heard[1] == b"AUTH CRAM-MD5\r\n"
    assert heard[2] == b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\r\n"


def test_certificates_are_verified_by_default() -> None:
    """What is not set asks for a certificate that is valid, for the name of the server."""
    context = tls_context(Settings("mx.isp.test"))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mx.isp.test", ("mx.isp.test", 0)),
        ("mx.isp.test:587", ("mx.isp.test", 587)),
        ("192.0.2.1:25", ("192.0.2.1", 25)),
        ("[2001:db8::1]:587", ("2001:db8::1", 587)),
        ("[2001:db8::1]", ("2001:db8::1", 0)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("mx.isp.test:", ("mx.isp.test", 0)),
    ],
)
def test_names_of_servers(text: str, parts: tuple[str, int]) -> None:
    """A server may be given with its port, and by an address of IPv4 or IPv6."""
    assert split_server(text) == parts


def test_the_settings_file(tmp_path: Path) -> None:
    """A value is all that follows the first blank, and the port of the server's name goes before the other one."""
    file = tmp_path / "conf"
    file.write_text('# a comment\n\nServer mx.isp.test:587\nPort 25\nPasswd  a # "b\\ \nMaxMessageSize 0\nUserid \n')
    found = read_settings(str(file))
    assert (found.server, found.port, found.password, found.user) == ("mx.isp.test", 587, ' a # "b\\ ', "")
    assert found.largest == LARGEST_MAIL_BYTES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Port 25\n", "there is no line Server"),
        ("Server a\nPort x\n", ":2: Port: 'x' is not a number"),
        ("Server a\nPort 65536\n", ":2: Port: '65536' is not a port"),
        ("Server a\nTLS no\n", ":2: TLS: 'no' is none of verified, unverified, disabled"),
        ("Server a\nPassword x\n", ":2: unknown name 'Password'\n  did you mean 'Passwd'?"),
        ("Server \udce9\n", "it is not UTF-8"),
    ],
)
def test_a_wrong_settings_file(tmp_path: Path, text: str, message: str) -> None:
    """The line that is wrong is named."""
    file = tmp_path / "conf"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ServiceError) as caught:
        read_settings(str(file))
    assert message in str(caught.value)


def test_answers_go_to_the_client_in_one_form() -> None:
    """Each line has the code, and no character of the provider begins another line."""
    assert Reply(550, b"5.1.1 no\nreally\r250 ok").wire() == b"550-5.1.1 no\r\n550 really?250 ok"
    assert later("a\nb é").wire() == b"451 4.4.0 smtp-auth-proxy: a b ?"
