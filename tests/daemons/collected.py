"""A provider's mailbox, which the real fetchmail empties by the generated file."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Root
from tests.programs import path_of

#: What a server does with a client.
Talk = Callable[[Any], None]


def mailbox(mails: Sequence[bytes]) -> Talk:
    """Return a server of POP3 (RFC 1939) whose mailbox holds mails, for anybody."""
    sizes = b"".join(b"%d %d\r\n" % (number, len(mail)) for number, mail in enumerate(mails, 1))
    answers = {"STAT": b"%d 500\r\n" % len(mails), "LIST": b"\r\n" + sizes + b".\r\n", "CAPA": b"\r\nUSER\r\n.\r\n"}

    def talk(file: Any) -> None:
        file.write(b"+OK ready\r\n")
        while line := file.readline().decode().split():
            if line[0] == "RETR":
                file.write(b"+OK\r\n" + mails[int(line[1]) - 1] + b".\r\n")
            elif line[0] == "LIST" and len(line) == 2:
                file.write(f"+OK {line[1]} {len(mails[int(line[1]) - 1])}\r\n".encode())
            else:
                file.write(b"+OK " + answers.get(line[0], b"\r\n"))

    return talk


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


def collect(office: Root, folder: Path, mailbox_port: int, smtp_port: int) -> subprocess.CompletedProcess[str]:
    """Empty a mailbox of 127.0.0.1 by the generated file, with Delivered-To for the envelope.

    :param folder: where fetchmail has its own files.
    :param smtp_port: the port of 127.0.0.200 where mail is handed on.
    """
    office.config("setprop", "fetchmail", "status", "enabled", "Method", "multidrop")
    office.config("setprop", "fetchmail", "SecondaryMailServer", f"localhost:{mailbox_port}")
    account = ("SecondaryMailAccount", "u123", "SecondaryMailPassword", "secret")
    office.config("setprop", "fetchmail", *account, "SecondaryMailEnvelope", "Delivered-To")
    office.expand("/etc/fetchmailrc")
    file = office.file("/etc/fetchmailrc")
    # The mailbox of the test has no encryption, and the port of mail is not ours.
    here = f'sslproto ""\n  smtphost 127.0.0.200/{smtp_port}'
    file.write_text(file.read_text().replace("smtphost 127.0.0.200", here))
    words = [path_of("fetchmail"), "-f", str(file), "-i", str(folder / "ids"), "--pidfile", str(folder / "pid")]
    environment = {**os.environ, "HOME": str(folder), "FETCHMAILHOME": str(folder)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
