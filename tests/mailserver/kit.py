"""The delivery program behind Postfix in a home of the test's own, started as local(8) starts it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PLUGINS = Path(__file__).parents[2] / "plugins"
#: Where the program looks for condredirect and forward.
_INSTALLED = '"/usr/share/e-smith/qmail/plugins"'
#: Keeps what it is called with, one folder a call.
_SENDMAIL = """\
#!/bin/sh
[ ! -e {folder}/fails ] || exit 75
number=$(ls {folder} | wc -l)
mkdir {folder}/$number
printf '%s\\n' "$@" >{folder}/$number/words
cat >{folder}/$number/mail
"""
MAIL = b"From: someone@sender.org\nSubject: test\n\nHello\n.\nFrom the end\n"
#: A delivery takes 50 ms; whatever takes longer than this hangs.
LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Sent:
    """A call of sendmail: its words, and the mail it got."""

    words: list[str]
    mail: bytes

    @property
    def sender(self) -> str:
        """The sender of the envelope."""
        return self.words[self.words.index("-f") + 1]

    @property
    def recipients(self) -> list[str]:
        """The recipients of the envelope."""
        return self.words[self.words.index("--") + 1 :]


class Box:
    """A home, a program ``dot-qmail`` as it is installed, and a ``sendmail`` that keeps what it gets.

    :param folder: an empty folder of the test's.
    """

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.sent_folder = folder / "sent"
        programs = folder / "programs"
        for path in (self.home, self.sent_folder, programs):
            path.mkdir()
        self.home.chmod(0o755)
        self.maildir("Maildir")
        for path in (PLUGINS / "qmail").iterdir():
            (programs / path.name).symlink_to(path)
        text = (PLUGINS / "postfix/delivery.py").read_text()
        assert text.count(_INSTALLED) == 1
        (folder / "delivery.py").write_text(text.replace(_INSTALLED, repr(str(programs))))
        self.program = folder / "dot-qmail"
        self.program.write_text((PLUGINS / "postfix/dot-qmail").read_text())
        self.program.chmod(0o755)
        self.script("sendmail", _SENDMAIL.format(folder=self.sent_folder))

    def script(self, name: str, text: str) -> Path:
        """Write a program that is found by its name."""
        folder = self.home.parent / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def maildir(self, name: str) -> None:
        """Make a maildir in the home."""
        for part in ("tmp", "new", "cur"):
            (self.home / name / part).mkdir(parents=True)

    def write(self, text: str | bytes, name: str = ".qmail", mode: int = 0o644) -> Path:
        """Write a file of the home."""
        path = self.home / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        return path

    def environment(self, extension: str = "", user: str = "jack") -> dict[str, str]:
        """Return the environment that local(8) makes."""
        local = f"{user}+{extension}" if extension else user
        return {
            "HOME": str(self.home),
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/false",
            "LOCAL": local,
            "DOMAIN": "localhost",
            "EXTENSION": extension,
            "RECIPIENT": f"{local}@localhost",
            "ORIGINAL_RECIPIENT": f"{local.replace('+', '-')}@example.com",
            "SENDER": "someone@sender.org",
            "PATH": f"{self.home.parent}/bin:/usr/bin:/bin",
        }

    def added(self, extension: str = "", sender: str = "someone@sender.org", user: str = "jack") -> bytes:
        """Return what local(8) puts before a mail."""
        local = f"{user}+{extension}" if extension else user
        return (
            f"From {sender or 'MAILER-DAEMON'}  Sun Nov 29 12:12:10 2026\nReturn-Path: <{sender}>\n"
            f"X-Original-To: {local.replace('+', '-')}@example.com\nDelivered-To: {local}@localhost\n"
        ).encode()

    def deliver(
        self,
        extension: str = "",
        mail: bytes = MAIL,
        *,
        sender: str = "someone@sender.org",
        user: str = "jack",
        before: tuple[str, ...] = (),
    ) -> tuple[int, str]:
        """Deliver a mail, and return the exit code and the report.

        :param sender: of the envelope, as it stands in Return-Path.
        :param before: a command that runs the program.
        """
        done = subprocess.run(
            [*before, str(self.program)],
            input=self.added(extension, sender, user) + mail,
            env=self.environment(extension, user),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def mails(self, name: str = "Maildir") -> list[bytes]:
        """Return what was delivered into a maildir, oldest first."""
        paths = sorted((self.home / name / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in paths]

    def sent(self) -> list[Sent]:
        """Return what was handed to sendmail."""
        folders = sorted(self.sent_folder.glob("[0-9]*"), key=lambda path: int(path.name))
        return [Sent((f / "words").read_text().splitlines(), (f / "mail").read_bytes()) for f in folders]

    def forget(self) -> None:
        """Remove what is in the home and what was sent, and make the maildir again."""
        for top in (self.home, self.sent_folder):
            for folder, folders, files in os.walk(top, topdown=False):
                for name in files:
                    os.unlink(os.path.join(folder, name))
                for name in folders:
                    path = os.path.join(folder, name)
                    os.unlink(path) if os.path.islink(path) else os.rmdir(path)
        self.home.chmod(0o755)
        self.maildir("Maildir")
