"""``make demo-mail`` as a plain user runs it, with the real daemons."""

from __future__ import annotations

import contextlib
import imaplib
import os
import re
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.mail.folder import LONGEST_SOCKET
from esmith.setup.mail_trial.talk import OUTSIDE
from tests.commands import DEFAULT_SIGNALS, Root
from tests.demo.programs import PROGRAMS
from tests.documents import HOME

pytestmark = [
    pytest.mark.plain_user("the demo is for plain users"),
    pytest.mark.program(*PROGRAMS),
]
#: The demo takes half a minute on a quiet machine, and gives each daemon minutes.
PATIENCE_SECONDS = 600
TRIAL = [
    r"      mail: in by SMTP after [\d.]+ s, read by IMAP after [\d.]+ s",
    r"      spam: marked, and in the folder junkmail",
    r"      virus: refused with 552 .*EICAR.*",
]


class Demo:
    """A run of the demo.

    :param folder: the folder.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.root = Root(folder)
        self._log = folder.parent / "printed"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*DEFAULT_SIGNALS, sys.executable, "-m", "demo.mail", str(folder), *words],
                cwd=HOME,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def printed(self) -> str:
        """Return what it has printed so far."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it has printed something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.printed():
            assert self._process.poll() is None and time.monotonic() < deadline, self.printed()
            time.sleep(0.1)

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if any, and return the exit code."""
        if number is not None:
            self._process.send_signal(number)
        return self._process.wait(PATIENCE_SECONDS)

    def processes(self) -> list[str]:
        """Return the command lines of the processes that have to do with the folder, after a while for the last."""
        deadline = time.monotonic() + 30
        while (found := list(self._processes())) and time.monotonic() < deadline:
            time.sleep(0.2)
        return found

    def _processes(self) -> Iterator[str]:
        for entry in Path("/proc").glob("[0-9]*"):
            # It ends meanwhile, or is another user's.
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.folder) in line or os.readlink(entry / "cwd").startswith(str(self.folder)):
                    yield line


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that is not there yet, with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="demo-") as place:
        yield Path(place) / "root"


def test_mail_is_tried_read_and_sent(folder: Path) -> None:
    """A mail arrives, a spam is sorted, a virus is refused; a mailbox can be used until ^C, which ends everything."""
    demo = Demo(folder, "--wait")
    try:
        demo.wait_for("until you type ^C")
        for pattern in TRIAL:
            assert re.search(f"^{pattern}$", demo.printed(), re.MULTILINE), demo.printed()
        smtp, imaps = map(int, re.findall(r"(?:SMTP|encrypted) at port (\d+)", demo.printed()))
        (password,) = re.findall(r"user mary, password (\w+)", demo.printed())
        demo.root.db("accounts", "setprop", "mary", "EmailForward", "both", "ForwardAddress", "mary@elsewhere.test")
        demo.root.db("accounts", "set", "sales", "pseudonym", "Account", "mary")
        assert demo.root.signal("pseudonym-create", "sales").err == ""
        _send(smtp, "sales@example.com")
        assert _subjects(imaps, password) == ["Subject: to sales@example.com"]
        (kept,) = (folder / "var/spool/not-sent").iterdir()
        assert kept.read_text().splitlines()[1] == "X-Original-To: mary@elsewhere.test"
        longest = max(len(str(path)) for path in (folder / "run").rglob("*") if path.is_socket())
        assert longest <= len(f"{folder}{LONGEST_SOCKET}")
        other = subprocess.run(
            [sys.executable, "-m", "demo.mail", str(folder)], cwd=HOME, capture_output=True, text=True, check=False
        )
        assert (other.returncode != 0, "a demo runs in this folder" in other.stderr) == (True, True)
    finally:
        code = demo.end(signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert demo.processes() == []
    assert demo.root.signal("email-update").err == ""
    assert demo.root.db("accounts", "get", "trial-of-mail", code=None).code != 0


def test_it_can_be_run_again_however_it_ended(folder: Path) -> None:
    """What a demo left running that was killed is ended by the next; a signal ends one with all that it has started."""
    killed = Demo(folder)
    killed.wait_for("[6/6]")
    killed.end(signal.SIGKILL)
    ended = Demo(folder)
    ended.wait_for("[5/6]")
    assert ended.end(signal.SIGTERM) == 128 + signal.SIGTERM
    assert ended.processes() == []
    whole = Demo(folder)
    assert whole.end() == 0, whole.printed()
    assert "A plain user cannot have all of it" in whole.printed()
    assert "not supervised" not in whole.printed()
    assert whole.processes() == []


def _send(port: int, receiver: str) -> None:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port, "mx.sender.test", PATIENCE_SECONDS, (OUTSIDE, 0)) as client:
        client.starttls(context=trusting)
        text = f"From: postmaster@example.com\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: to {receiver}\n\nHello\n"
        client.sendmail("", [receiver], text)


def _subjects(port: int, password: str) -> list[str]:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting, timeout=PATIENCE_SECONDS) as client:
        client.login("mary", password)
        client.select("INBOX", readonly=True)
        numbers = client.search(None, "ALL")[1][0].split()
        headers = [client.fetch(number, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0] for number in numbers]
        return [header[1].decode().strip() for header in headers if isinstance(header, tuple)]
