"""A real qpsmtpd-forkserver with the configuration of a test, its queue, and clients of it."""

from __future__ import annotations

import email
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.qpsmtpd.dns import FakeDNS

#: What qpsmtpd and the plugins that are tested cannot do without.
needs_qpsmtpd = pytest.mark.program(
    "qpsmtpd-forkserver", "IO::Socket::SSL", "Mail::DKIM", "Mail::DMARC", "Mail::SPF", "Net::IP"
)
PLUGINS = Path(__file__).parents[2] / "plugins/qpsmtpd"
DEBIAN_PLUGINS = Path("/usr/share/qpsmtpd/plugins")
PERL = Path(__file__).parent / "perl"
#: Nothing that works takes a tenth of this.
PATIENCE_SECONDS = 30
PORT_TAKEN = 98
#: Where clients come in, and where fetchmail hands its mail on.
LISTENING = ("-l", "127.0.0.1", "-l", "127.0.0.200")
START_ATTEMPTS = 5

#: Stands in for qmail-queue: the message is on descriptor 0, the envelope on descriptor 1.
QUEUE = """\
#!/bin/sh
set -e
cd '{folder}'
new=$(mktemp -d new.XXXXXX)
cat >"$new/message"
cat <&1 >"$new/envelope"
mv "$new" "done.${{new#new.}}"
"""


@dataclass(frozen=True)
class Queued:
    """A message as it was handed to qmail-queue."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> Message:
        """The message, parsed."""
        return email.message_from_bytes(self.raw)

    @property
    def body(self) -> str:
        """What follows the header, not decoded."""
        return self.raw.partition(b"\n\n")[2].decode("latin-1")


@dataclass
class Sent:
    """What became of a message: the last answer, the command it came to, and the recipients refused before."""

    stage: str
    code: int
    text: str
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def taken(self) -> bool:
        """Whether the message was taken."""
        return self.stage == "data" and self.code == 250


class Receiver:
    """Something that takes mail by SMTP and hands it to a queue that keeps it.

    :param queue: the folder of :data:`QUEUE`.
    :param port: of 127.0.0.1.
    """

    #: The address of the usual client.
    outside = "127.0.2.2"

    def __init__(self, queue: Path, port: int = 0) -> None:
        self.queue = queue
        self.port = port

    def log(self) -> str:
        """Return what it has logged."""
        raise NotImplementedError

    def wait_for_log(self, text: str) -> str:
        """Return the first line of the log with some text in it, waiting until there is one."""
        for _ in while_patient():
            for line in self.log().splitlines():
                if text in line:
                    return line
        raise AssertionError(f"not in the log: {text}\n{self.log()}")

    def queued(self) -> list[Queued]:
        """Return what was queued so far, oldest first."""
        found = []
        for path in sorted(self.queue.glob("done.*"), key=lambda path: path.stat().st_mtime_ns):
            sender, *recipients = (path / "envelope").read_bytes().decode().rstrip("\0").split("\0")
            raw = (path / "message").read_bytes()
            found.append(Queued(sender.removeprefix("F"), [r.removeprefix("T") for r in recipients], raw))
        return found

    def only(self) -> Queued:
        """Return the one message that was queued."""
        found = self.queued()
        assert len(found) == 1, f"{len(found)} messages queued\n{self.log()}"
        return found[0]

    @contextmanager
    def client(self, source: str | None = None, helo: str = "mx.sender.org") -> Iterator[smtplib.SMTP]:
        """Connect from an address of the loopback network."""
        smtp = smtplib.SMTP(timeout=PATIENCE_SECONDS, local_hostname=helo, source_address=(source or self.outside, 0))
        try:
            yield smtp
        finally:
            smtp.close()

    def send(
        self,
        sender: str = "someone@sender.org",
        recipients: Sequence[str] = ("tom@example.com",),
        message: str | bytes | None = None,
        *,
        source: str | None = None,
        helo: str = "mx.sender.org",
        login: tuple[str, str] | None = None,
        at: str = "127.0.0.1",
    ) -> Sent:
        """Send a message; a test that fails shows the answers in the order they came."""
        content = message if message is not None else text_message()
        with self.client(source, helo) as smtp:
            answer = smtp.connect(at, self.port)
            if answer[0] != 220:
                return _sent("connect", answer)
            answer = smtp.ehlo()
            if answer[0] != 250:
                return _sent("helo", answer)
            if login:
                smtp.login(*login)
            answer = smtp.mail(sender)
            if answer[0] != 250:
                return _sent("mail", answer)
            refused = {}
            for recipient in recipients:
                answer = smtp.rcpt(recipient)
                if answer[0] != 250:
                    refused[recipient] = _sent("rcpt", answer)
            if len(refused) == len(recipients):
                return _sent("rcpt", answer)
            code, text = _data(smtp, content)
            return Sent("data", code, text, {to: (one.code, one.text) for to, one in refused.items()})


class Daemon(Receiver):
    """A qpsmtpd-forkserver on a free port of 127.0.0.1.

    :param folder: everything it reads and writes is below.
    :param config: its configuration directory.
    :param qmail: the directory of qmail's control directory; one of the test's own if not given.
    """

    def __init__(self, folder: Path, dns: FakeDNS, config: Path, qmail: Path | None = None) -> None:
        self.folder = folder
        self.config = config
        self.control = (qmail or folder / "qmail") / "control"
        self.log_file = folder / "log"
        super().__init__(folder / "queue")
        self._dns = dns
        self._log_start = 0
        for path in (config, self.control, self.queue, folder / "spool"):
            path.mkdir(parents=True, exist_ok=True)
        (folder / "spool").chmod(0o700)
        self.queue_script(QUEUE.format(folder=self.queue))

    def write(self, name: str, *lines: str) -> Path:
        """Write a file of the configuration directory."""
        path = self.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def queue_script(self, text: str) -> None:
        """Put another program in the place of qmail-queue."""
        script = self.folder / "qmail-queue"
        script.write_text(text)
        script.chmod(0o755)

    def forget(self) -> None:
        """Remove every configuration file, what was queued, and what was logged."""
        for folder in (self.config, self.control, self.queue):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        self.queue_script(QUEUE.format(folder=self.queue))

    def start(self) -> None:
        """Start, and wait until it listens."""
        for _ in range(START_ATTEMPTS):
            self.port = free_port()
            self._start()
            if self._ready():
                return
            self.stop()
            if self._process.returncode != PORT_TAKEN:
                break
        raise AssertionError(f"qpsmtpd did not start (exit code {self._process.returncode}):\n{self.log()}")

    def _start(self) -> None:
        user = pwd.getpwuid(os.geteuid()).pw_name
        command = ["perl", "-Tw", f"-I{PERL}", f"-MTestDNS=127.0.0.1,{self._dns.port}", "/usr/bin/qpsmtpd-forkserver"]
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *LISTENING, "-p", str(self.port), "-u", user],
                cwd=self.config.parent,
                env={
                    "PATH": "/usr/bin:/bin",
                    "QPSMTPD_CONFIG": str(self.config),
                    "QMAIL": str(self.control.parent),
                    "QMAILQUEUE": str(self.folder / "qmail-queue"),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _ready(self) -> bool:
        for _ in while_patient():
            if self._process.poll() is not None:
                return False
            if "Running as user" in self.log():
                return True
        return False

    def stop(self) -> None:
        """Stop; connections under way end."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def log(self) -> str:
        """Return what it has logged since it was started, or since the last :meth:`forget`."""
        return self.log_file.read_bytes()[self._log_start :].decode(errors="replace")


def text_message(
    body: str = "Hello\n", headers: Mapping[str, str | None] | None = None, content: str | None = None
) -> str:
    """Return a message that nobody objects to.

    :param headers: more header fields, or other values; None leaves a field out.
    :param content: the Content-Type.
    """
    fields: dict[str, str | None] = {
        "From": "Someone <someone@sender.org>",
        "To": "tom@example.com",
        "Subject": "test",
        "Date": formatdate(),
        "Message-Id": "<1@sender.org>",
    }
    if content is not None:
        fields |= {"MIME-Version": "1.0", "Content-Type": content}
    fields |= headers or {}
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None) + "\n" + body


def _data(smtp: smtplib.SMTP, message: str | bytes) -> tuple[int, str]:
    raw = message.encode() if isinstance(message, str) else message
    raw = raw.replace(b"\n", b"\r\n")
    try:
        code, text = smtp.data(raw)
    except smtplib.SMTPDataError as error:  # refused before the message
        code, text = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""
    return code, text.decode(errors="replace")


def _sent(stage: str, answer: tuple[int, bytes]) -> Sent:
    return Sent(stage, answer[0], answer[1].decode(errors="replace"))


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def while_patient() -> Iterator[None]:
    """Yield again and again, ever more slowly, until a test has waited for long enough."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = 0.01
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
        # A daemon that starts needs the processor more than who asks it.
        pause = min(pause * 1.25, 0.1)
