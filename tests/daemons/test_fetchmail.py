"""The real fetchmail empties a mailbox of the test by the generated file: to whom it passes the mail on."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Root
from tests.programs import path_of

pytestmark = pytest.mark.program("fetchmail")

#: The address in the envelope header of each mail, and to whom it goes.
GOALS = {
    "tom@example.com": "tom@example.com",
    "Tom-x@TEST.com": "Tom-x@TEST.com",
    "u123@localhost": "u123@example.com",  # the provider's own server
    "friend@elsewhere.net": "postmaster@example.com",
    "joe@sub.test.com": "joe@sub.test.com",
}
Talk = Callable[[Any], None]


def _mailbox(file: Any) -> None:
    """Speak POP3 (RFC 1939): a mail to each address."""
    mails = [f"Delivered-To: {address}\r\nSubject: x\r\n\r\nhello\r\n".encode() for address in GOALS]
    sizes = b"".join(b"%d %d\r\n" % (number, len(mail)) for number, mail in enumerate(mails, 1))
    answers = {"STAT": b"%d 500\r\n" % len(mails), "LIST": b"\r\n" + sizes + b".\r\n", "CAPA": b"\r\nUSER\r\n.\r\n"}
    file.write(b"+OK ready\r\n")
    while line := file.readline().decode().split():
        if line[0] == "RETR":
            file.write(b"+OK\r\n" + mails[int(line[1]) - 1] + b".\r\n")
        elif line[0] == "LIST" and len(line) == 2:
            file.write(f"+OK {line[1]} {len(mails[int(line[1]) - 1])}\r\n".encode())
        else:
            file.write(b"+OK " + answers.get(line[0], b"\r\n"))


class _Smtp:
    """A server that takes every mail and notes the recipients."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    def talk(self, file: Any) -> None:
        """Speak SMTP with a client."""
        file.write(b"220 ready\r\n")
        while line := file.readline().decode():
            if line.startswith("RCPT TO:<"):
                self.recipients.append(line.removeprefix("RCPT TO:<").split(">")[0])
            file.write(b"354 go on\r\n" if line.startswith("DATA") else b"250 ok\r\n")
            while line.startswith("DATA") and file.readline() != b".\r\n":
                pass
            if line.startswith("DATA"):
                file.write(b"250 ok\r\n")


def _serve(server: socket.socket, talk: Talk) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb", buffering=0) as file:
            talk(file)


@pytest.fixture
def listening() -> Iterator[Callable[[str, Talk], int]]:
    """Start servers, each with an address and what it does with a client; return the port."""
    servers = []

    def start(address: str, talk: Talk) -> int:
        server = socket.create_server((address, 0))
        servers.append(server)
        threading.Thread(target=_serve, args=(server, talk), daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_every_mail_goes_to_an_address_that_is_served(
    office: Root, tmp_path: Path, listening: Callable[[str, Talk], int]
) -> None:
    """A name at the provider's server is one of the primary domain, a strange address is for postmaster."""
    smtp = _Smtp()
    port = listening("127.0.0.200", smtp.talk)
    office.config("setprop", "fetchmail", "status", "enabled", "Method", "multidrop")
    office.config("setprop", "fetchmail", "SecondaryMailServer", f"localhost:{listening('127.0.0.1', _mailbox)}")
    account = ("SecondaryMailAccount", "u123", "SecondaryMailPassword", "secret")
    office.config("setprop", "fetchmail", *account, "SecondaryMailEnvelope", "Delivered-To")
    office.expand("/etc/fetchmailrc")
    file = office.file("/etc/fetchmailrc")
    # The mailbox of the test has no encryption, and the port of mail is not ours.
    here = f'sslproto ""\n  smtphost 127.0.0.200/{port}'
    file.write_text(file.read_text().replace("smtphost 127.0.0.200", here))
    words = [path_of("fetchmail"), "-f", str(file), "-i", str(tmp_path / "ids"), "--pidfile", str(tmp_path / "pid")]
    environment = {**os.environ, "HOME": str(tmp_path), "FETCHMAILHOME": str(tmp_path)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert smtp.recipients == list(GOALS.values())
