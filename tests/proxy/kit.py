"""The provider, the proxy and the client that the tests of the proxy share."""

from __future__ import annotations

import asyncio
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.services.servers import eventually

USER, PASSWORD = "bob@isp.test", "Geheim 7é"
SECONDS = 30.0


@dataclass
class Mail:
    """A mail that the provider has accepted."""

    sender: str
    recipients: list[str]
    content: bytes
    options: list[str] = field(default_factory=list)


class Mailbox:
    """What the provider answers, and what it got.

    :param answers: the answer at a stage, ``MAIL``, ``RCPT``, ``DATA`` (to the content), or to one address.
    """

    def __init__(self, answers: dict[str, str] | None = None) -> None:
        self.answers = answers or {}
        self.mails: list[Mail] = []
        self.logins: list[tuple[str, bytes, bytes]] = []
        self.sessions: set[int] = set()
        self.hold = threading.Event()
        self.hold.set()

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer to MAIL."""
        self.sessions.add(id(session))
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer to RCPT."""
        refused = self.answers.get(address) or self.answers.get("RCPT")
        if refused:
            return refused
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Answer to the content."""
        while not self.hold.is_set():
            await asyncio.sleep(0.02)
        if "DATA" in self.answers:
            return self.answers["DATA"]
        content = envelope.original_content or b""
        self.mails.append(Mail(str(envelope.mail_from), [*envelope.rcpt_tos], content, [*envelope.mail_options]))
        return f"250 2.0.0 queued as {len(self.mails)}"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Compare a login."""
        assert isinstance(data, LoginPassword)
        self.logins.append((mechanism, data.login, data.password))
        return AuthResult(success=data.login == USER.encode() and data.password == PASSWORD.encode(), handled=False)


class Provider(Controller):
    """A provider's server on a free port of 127.0.0.1.

    :param mailbox: what it answers.
    :param options: of aiosmtpd's SMTP.
    """

    def __init__(self, mailbox: Mailbox, **options: Any) -> None:
        self.mailbox = mailbox
        super().__init__(mailbox, hostname="127.0.0.1", port=free_port(), server_hostname="mx.isp.test", **options)

    def factory(self) -> SMTP:
        """Return a server that takes lines of any length."""
        _LongLines.line_length_limit = 1 << 22
        return _LongLines(self.handler, **self.SMTP_kwargs)


class _LongLines(SMTP):
    pass


def with_login(mailbox: Mailbox, certificate: Certificate, **options: Any) -> Provider:
    """Return a provider that wants STARTTLS and a login."""
    given = {"enable_SMTPUTF8": True, "require_starttls": True, "tls_context": certificate.server()}
    login = {"auth_required": True, "authenticator": mailbox.authenticate}
    return Provider(mailbox, **{**given, **login, **options})


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True)
class Certificate:
    """A certificate of a server, made by a CA of its own, which is itself."""

    key: Path
    chain: Path

    def server(self) -> ssl.SSLContext:
        """Return how a server uses it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def make_certificate(openssl: str, folder: Path, name: str) -> Certificate:
    """Make a certificate for a name, such as ``IP:127.0.0.1``."""
    made = Certificate(folder / "key.pem", folder / "cert.pem")
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    files = ["-keyout", str(made.key), "-out", str(made.chain)]
    argv = [openssl, *words, "-addext", f"subjectAltName={name}", *files]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return made


class Proxy:
    """The real program, on a root of its own.

    :param root: a folder for it.
    :param lines: the lines of the settings file.
    """

    def __init__(self, root: Path, lines: dict[str, str]) -> None:
        file = root / "etc/smtp-auth-proxy.conf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text("".join(f"{name} {value}\n" for name, value in {"Listen": "0", **lines}.items()))
        self._log = root / "log"
        self.port = 0
        words = ["--root", str(root), "--user", "nobody"]
        code = "from esmith.cli.smtp_auth_proxy import main; main()"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, *words], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        eventually(self._is_ready, "the proxy listens")

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        found = re.match(r"listening on 127\.0\.0\.1 port (\d+)", self.log)
        self.port = int(found[1]) if found else 0
        return found is not None

    def client(self) -> smtplib.SMTP:
        """Return a client that has introduced itself."""
        client = smtplib.SMTP("127.0.0.1", self.port, timeout=SECONDS)
        client.ehlo("qmail.test")
        return client

    def terminate(self) -> None:
        """Send TERM."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """End it, and return its exit code."""
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Wire:
    """A provider of plain bytes, for what no library does: it says what it is given, and keeps what it hears.

    :param talk: speaks with each client, over a file of it; what it returns is what it got.
    """

    def __init__(self, talk: Callable[[Any, socket.socket], None]) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._talk = talk
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb", buffering=0) as file:
            try:
                self._talk(file, connection)
            except (ConnectionError, ValueError):
                return

    def stop(self) -> None:
        """End it."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
