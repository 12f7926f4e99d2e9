"""The mail server that is tried: its commands, its mailboxes and its queue. Standard library only."""

from __future__ import annotations

import email.message
import email.parser
import os
import pwd
import shlex
import smtplib
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mailserver import cases
from tests.mailserver.world import CLIENT

PATH = "/sbin/e-smith:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: How long something may take that takes a second on a quiet machine.
PATIENCE_SECONDS = 90
QUEUES = {"postfix": "/usr/sbin/postfix", "qmail": "/var/qmail/bin/qmail-queue"}
PASSWORD = "Box-of-Anna.7"


@dataclass(frozen=True)
class Found:
    """A mail in a mailbox: whose it is, as an end of a case, and the file."""

    end: str
    path: Path
    mail: bytes


class Server:
    """This machine.

    :param queue: ``postfix`` or ``qmail``.
    """

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.domain = self.run("config", "get", "DomainName").strip()
        self._undo: list[list[str]] = []

    def run(self, *words: str, stdin: bytes = b"") -> str:
        """Run a command, and return what it printed.

        :raises RuntimeError: when it fails.
        """
        env = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(words, input=stdin, env=env, cwd="/", capture_output=True, check=False, timeout=600)
        if done.returncode:
            output = (done.stdout + done.stderr).decode(errors="replace")
            raise RuntimeError(f"{shlex.join(words)} exited {done.returncode}: {output}")
        return done.stdout.decode(errors="replace")

    def asks(self, *words: str) -> str | None:
        """Return what a command printed, None when it failed."""
        try:
            return self.run(*words).removesuffix("\n")
        except RuntimeError:
            return None

    # settings

    def change(self, words: str) -> None:
        """Run ``config`` with some words, and remember how to take it back."""
        verb, key, *rest = shlex.split(words)
        if verb == "set":
            old = self.asks("config", "get", key)
            self._undo.append(["config", "delete", key] if old is None else ["config", "set", key, old])
        else:
            for name in rest[::2]:
                before = self.asks("config", "getprop", key, name)
                undo = ["delprop", key, name] if before is None else ["setprop", key, name, before]
                self._undo.append(["config", *undo])
        self.run("config", verb, key, *rest)

    def make_accounts(self) -> None:
        """Make the users, groups, pseudonyms and domains of the cases.

        :raises RuntimeError: when one of the names is taken.
        """
        for record in cases.RECORDS:
            database, _, key, *_ = record.split()
            if self.asks("db", database, "gettype", key) is not None:
                raise RuntimeError(f"there is {key} in the database {database} already: the cases need that name")
        fragment = Path(cases.FRAGMENT)
        fragment.parent.mkdir(parents=True, exist_ok=True)
        fragment.write_text(cases.FRAGMENT_TEXT)
        for words in cases.RECORDS:
            self.run("db", *words.split())
        for name in cases.USERS:
            self.run("signal-event", "user-create", name)
        self.run("chpasswd", stdin=f"anna:{PASSWORD}\nIda:{PASSWORD}\n".encode())
        for words in cases.RECORDS:
            if " group " in words:
                self.run("signal-event", "group-create", words.split()[2])

    def restore(self) -> None:
        """Take everything back: settings, accounts, domains, the fragment."""
        Path(cases.FRAGMENT).unlink(missing_ok=True)
        for words in reversed(self._undo):
            self.asks(*words)
        self._undo.clear()
        for record in reversed(cases.RECORDS):
            database, _, key, kind, *_ = record.split()
            if kind in ("user", "group"):
                self.asks("db", database, "settype", key, f"{kind}-deleted")
                self.asks("signal-event", f"{kind}-delete", key)
            self.asks("db", database, "delete", key)
        self.signal()

    def signal(self) -> None:
        """Have the settings take effect, and wait until mail is taken."""
        self.run("signal-event", "email-update")
        self.until(self._greets, "a server greets at port 25")

    def until(self, condition: object, what: str) -> None:
        """Wait until something is so.

        :raises RuntimeError: when it never is.
        """
        assert callable(condition)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"after {PATIENCE_SECONDS} seconds still not so: {what}\n{self.state()}")
            time.sleep(0.2)

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", 25), 30, (CLIENT, 0)) as sock:
                return sock.recv(100).startswith(b"220")
        except OSError:
            return False

    # mail

    def write(self, mail: bytes, to: str, sender: str | None = None) -> None:
        """Hand a mail to sendmail, as a program of this machine does.

        :param sender: of the envelope; None for whom sendmail takes.
        """
        self.run("sendmail", "-i", *([] if sender is None else ["-f", sender]), to, stdin=mail)

    def connect(self) -> smtplib.SMTP:
        """Return a connection as a client outside makes it."""
        smtp = smtplib.SMTP(timeout=PATIENCE_SECONDS, local_hostname="mx.sender.test", source_address=(CLIENT, 0))
        smtp.connect("127.0.0.1", 25)
        smtp.ehlo()
        return smtp

    def is_idle(self) -> bool:
        """Return whether no mail is in the queue."""
        if self.queue == "postfix":
            return "Mail queue is empty" in self.run("postqueue", "-p")
        return self.run("/var/qmail/bin/qmail-qstat").split()[3] == "0"

    def wait_for_queue(self) -> None:
        """Wait until every mail has its end. A mail that waits for the next attempt is tried at once."""
        for _ in range(3):
            deadline = time.monotonic() + PATIENCE_SECONDS / 3
            while time.monotonic() < deadline:
                if self.is_idle():
                    return
                time.sleep(0.2)
            self.try_again()

    def try_again(self) -> None:
        """Have the queue try at once what waits for another attempt."""
        if self.queue == "postfix":
            self.asks("postqueue", "-f")
        else:
            self.asks("pkill", "-ALRM", "qmail-send")

    def mails(self) -> Iterator[Found]:
        """Yield what is in the mailboxes of the cases' accounts, and of admin."""
        for name in ("admin", *cases.USERS):
            home = Path(pwd.getpwnam(name).pw_dir)
            for folder, end in (("Maildir", name), ("Maildir/.junkmail", f"{name}/.junkmail")):
                for part in ("new", "cur"):
                    for path in sorted((home / folder / part).glob("*")):
                        mail = path.read_bytes()
                        is_bounce = "mailer-daemon" in str(parsed(mail)["From"]).lower()
                        yield Found(f"bounce:{end}" if is_bounce else end, path, mail)

    def file_fault(self, found: Found) -> str:
        """Return what is wrong with the owner and mode of a mail's file, "" when nothing is."""
        account = pwd.getpwnam(found.end.removeprefix("bounce:").split("/")[0])
        info = found.path.stat()
        got = (info.st_uid, info.st_gid, oct(stat.S_IMODE(info.st_mode)))
        wanted = (account.pw_uid, account.pw_gid, oct(0o600))
        return "" if got == wanted else f"{found.path} has owner, group and mode {got}, and not {wanted}"

    def state(self) -> str:
        """Return what to look at when something is not as it should be: the queue, and the ends of the logs."""
        texts = [self.asks("postqueue", "-p") or "" if self.queue == "postfix" else ""]
        for service in (self.queue, "qpsmtpd"):
            log = Path(f"/var/log/{service}/current")
            if log.exists():
                texts.append(f"-- {log}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
        return "\n".join(texts)


def parsed(mail: bytes) -> email.message.Message:
    """Return the header of a mail."""
    return email.parser.BytesHeaderParser().parsebytes(mail)


def installed_queue() -> str:
    """Return the queue that counts where none is set, "" for none."""
    return next((name for name in ("qmail", "postfix") if os.path.exists(QUEUES[name])), "")
