"""The relay as a service: written by init, started by a real supervisor, adjusted by events."""

from __future__ import annotations

import signal
import smtplib
import socket
import subprocess
from collections.abc import Iterator

import pytest

from esmith.services.directory import ServiceDirectory
from tests.commands import Root
from tests.programs import path_of
from tests.proxy.kit import SECONDS, Mailbox, Provider, free_port
from tests.services.servers import eventually

CONTENT = b"Subject: hello\r\n\r\nOne line.\r\n"
NAME = "smtp-auth-proxy"

pytestmark = pytest.mark.program("runsvdir", "sv")


class _Supervised:
    """An office whose relay is a service under runit, before a provider.

    :param root: the office.
    :param port: the provider's.
    """

    def __init__(self, root: Root, port: int) -> None:
        self.root = root
        self.port = free_port()
        root.config("set", "SMTPSmartHost", f"127.0.0.1:{port}")
        root.config("setprop", NAME, "status", "enabled", "TLS", "disabled", "ProxyPort", str(self.port))
        root.esmith("init", "--services", "runit", "/all")
        # Its logger would want an account, and is of no interest here.
        root.write(f"/var/service/{NAME}/log/run", "#!/bin/sh\nexec cat >>log\n", mode=0o755)
        root.file("/service").mkdir()
        root.file(f"/service/{NAME}").symlink_to(root.file(f"/var/service/{NAME}"))
        self.directory = ServiceDirectory(str(root.file(f"/service/{NAME}")))

    def client(self) -> smtplib.SMTP:
        """Return a client that has introduced itself."""
        client = smtplib.SMTP("127.0.0.1", self.port, timeout=SECONDS)
        client.ehlo("qmail.test")
        return client

    def answers(self) -> bool:
        """Return whether it takes connections."""
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def mailbox() -> Mailbox:
    """What the provider got."""
    return Mailbox()


@pytest.fixture
def supervised(office: Root, mailbox: Mailbox) -> Iterator[_Supervised]:
    """An office with the relay under runit."""
    provider = Provider(mailbox)
    provider.start()
    made = _Supervised(office, provider.port)
    office.signal("email-update")
    process = subprocess.Popen([path_of("runsvdir"), "-P", str(office.file("/service"))], start_new_session=True)
    eventually(made.answers, "the relay answers")
    yield made
    process.send_signal(signal.SIGHUP)
    process.wait(SECONDS)
    eventually(lambda: not made.directory.is_supervised(), "its supervisor has ended")
    provider.stop()


def test_events_adjust_the_relay(supervised: _Supervised, mailbox: Mailbox) -> None:
    """It is up when it is enabled, restarts after the mail in hand for a new setting, and is down when disabled."""
    root, directory = supervised.root, supervised.directory
    assert root.lines("/var/qmail/control/smtproutes") == [f":127.0.0.1:{supervised.port}"]
    with supervised.client() as client:
        assert client.sendmail("tom@a.test", ["x@b.test"], CONTENT) == {}
    first = directory.status().pid
    with supervised.client() as client:
        assert client.docmd("MAIL", "FROM:<tom@a.test>")[0] == 250
        root.write("/etc/e-smith/services-custom/smtp-auth-proxy/service.toml", "[ending]\nwait = 1\n")
        root.config("setprop", NAME, "Debug", "enabled")
        reported = root.signal("email-update").err
        assert f"service {NAME}: it ends when the mails that have begun are passed on" in reported
        assert client.docmd("RCPT", "TO:<y@b.test>")[0] == 250
        assert client.data(CONTENT)[0] == 250
    eventually(lambda: directory.status().pid not in (None, first), "another process runs")
    eventually(supervised.answers, "the relay answers")
    assert NAME not in root.signal("email-update").err
    assert [mail.recipients for mail in mailbox.mails] == [["x@b.test"], ["y@b.test"]]
    root.config("setprop", NAME, "status", "disabled")
    root.signal("email-update")
    assert directory.status().pid is None
    assert not supervised.answers()
    assert root.lines("/var/qmail/control/smtproutes") == [f":{root.config('get', 'SMTPSmartHost').out.strip()}"]
