"""The folder of the demo: whether it can be one, what a plain user has to have otherwise there, and its passwords."""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from esmith.directories import make_directory, open_file
from esmith.errors import BusyError, InstallError, UsageError
from esmith.layout import Layout

_FILES = Path(__file__).parent / "files"
#: What stands for the program of the queue, under the names by which it is called.
_QUEUE = Path(__file__).parent / "queue_program.py"
_QUEUE_NAMES = ("qmail-queue", "sendmail", "dot-qmail")
#: qpsmtpd hands mail to no program with another sign in its path (its plugin queue/qmail-queue).
_PATH = re.compile(r"/[/\w.-]*", re.ASCII)
#: A path of a socket has 107 bytes (unix(7)), and the longest below the folder is one of dovecot's.
_LONGEST_SOCKET = "/run/dovecot/srv.stats-writer.12345678"
_SOCKET_BYTES = 107
_PASSWORDS = "/etc/dovecot/users"
#: Where the scanner has its signatures, and its socket.
SIGNATURES = "/var/clamav"


@dataclass(frozen=True)
class Person:
    """The user who runs the demo, and the group."""

    name: str
    group: str

    @classmethod
    def who_runs_this(cls) -> Person:
        """Return the user of this process.

        :raises UsageError: when that is root, or has no name.
        """
        if os.geteuid() == 0:
            raise UsageError(
                "make demo-mail is for a plain user: it shows what can be had without root",
                hint="as root, to make this machine a mail server: make mailserver\n"
                "  or as a plain user, in a clone of the repository that belongs to that user: make demo-mail",
            )
        try:
            return cls(pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name)
        except KeyError:
            raise UsageError(
                "this user or group has a number and no name, and the daemons want a name",
                hint="add both to /etc/passwd and /etc/group, or run it as another user",
            ) from None


def usable_folder(path: str) -> Layout:
    """Return the folder as a root, made where it is not there.

    :raises UsageError: when its path is none that the daemons can work with.
    """
    root = os.path.abspath(path)
    if not _PATH.fullmatch(root):
        raise UsageError(
            "qpsmtpd hands mail only to programs with a path of letters, digits and / _ - .",
            place=root,
            hint="clone the repository into a folder with such a path",
        )
    if len(root + _LONGEST_SOCKET) > _SOCKET_BYTES:
        raise UsageError(
            f"the path is longer than {_SOCKET_BYTES - len(_LONGEST_SOCKET)} bytes, so no socket can be made below it",
            place=root,
            hint="clone the repository into a folder with a shorter path",
        )
    try:
        # As dovecot and qpsmtpd make theirs: readable by others.
        make_directory(root)
    except OSError as error:
        raise UsageError(
            f"cannot be made: {error.strerror}", place=root, hint="name a folder that you may write in"
        ) from error
    return Layout(root)


@contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Keep a second demo out of the folder.

    :raises BusyError: when one runs there.
    """
    descriptor = os.open(layout.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("a demo runs in this folder", place=layout.root, hint="wait until it has ended") from None
        yield
    finally:
        os.close(descriptor)


def free_ports(count: int) -> list[int]:
    """Return TCP ports of 127.0.0.1 that nobody has now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class OwnFiles:
    """What is otherwise in the folder than on a machine, as fragments and files of an administrator's.

    :param layout: the folder.
    :param values: what stands for ``@NAME@`` in the files below ``demo/mail/files``.
    """

    def __init__(self, layout: Layout, values: dict[str, str]) -> None:
        self._layout = layout
        self._values = values

    def write(self) -> list[str]:
        """Write all of them, and return their paths as the documents have them."""
        texts = {
            f"/etc/e-smith/{path.relative_to(_FILES)}": path.read_text() for path in _FILES.rglob("*") if path.is_file()
        }
        texts["/etc/e-smith/services-custom/spamd/run"] = self._changed(
            "/etc/e-smith/services/spamd/run", "exec spamd ", "exec spamd --port=@SPAMD@ "
        )
        # Every line of a list of plugins passes here.
        texts["/etc/e-smith/templates-custom/var/service/qpsmtpd/plugin"] = self._changed(
            "/etc/e-smith/templates/var/service/qpsmtpd/plugin",
            "{% set name = line.split()[0] %}\n",
            "{% set name = line.split()[0] %}\n"
            "{% set line = line ~ {'spamassassin': ' spamd_socket 127.0.0.1:@SPAMD@',\n"
            "    'virus/clamav': ' clamd_conf=@ROOT@/etc/clamd.conf'}.get(name, '') %}\n",
        )
        for path, text in texts.items():
            self._write(path, re.sub(r"@([A-Z]+)@", lambda match: self._values[match[1]], text))
        for name in _QUEUE_NAMES:
            self._write(f"/var/qmail/bin/{name}", _QUEUE.read_text(), 0o755)
        return [*sorted(texts), *(f"/var/qmail/bin/{name}" for name in _QUEUE_NAMES)]

    def _changed(self, shipped: str, old: str, new: str) -> str:
        """Return a shipped text with one place changed."""
        text = Path(self._layout.under(shipped)).read_text()
        if text.count(old) != 1:
            raise InstallError(f"it has not once: {old.strip()}", place=shipped, hint="correct demo/mail/folder.py")
        return text.replace(old, new)

    def _write(self, path: str, text: str, mode: int = 0o644) -> None:
        place = self._layout.under(path)
        try:
            make_directory(os.path.dirname(place))
            with os.fdopen(open_file(f"{place}.new", os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, mode), "w") as file:
                file.write(text)
            os.replace(f"{place}.new", place)
        except OSError as error:
            raise InstallError(f"cannot be written: {error.strerror}", place=place) from error


class Passwords:
    """The password file that dovecot reads in the folder (passwd-file of its documentation).

    :param layout: the folder.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lines: dict[str, str] = {}

    def set(self, user: str, password: str) -> None:
        """Give a user a password; every process that reads mail is the one user's who runs the demo."""
        home = self._layout.under(f"/home/e-smith/files/users/{user}")
        self._lines[user] = f"{user}:{{PLAIN}}{password}:{os.geteuid()}:{os.getegid()}::{home}"
        place = self._layout.under(_PASSWORDS)
        with os.fdopen(open_file(f"{place}.new", os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
            file.writelines(f"{line}\n" for line in self._lines.values())
        os.replace(f"{place}.new", place)


def settings_of(layout: Layout, ports: Sequence[int], services: Sequence[str]) -> list[list[str]]:
    """Return the commands that set what is otherwise in the folder.

    :param ports: of SMTP, IMAP and IMAP encrypted.
    :param services: the records of the services that are not started.
    """
    smtp, imap, imaps = ports
    return [
        ["config", "setprop", "smtpd", "TCPPort", str(smtp)],
        ["config", "setprop", "imap", "TCPPort", str(imap), "access", "localhost"],
        ["config", "setprop", "imaps", "TCPPort", str(imaps), "access", "localhost"],
        *(["config", "setprop", record, "status", "disabled"] for record in services),
        ["config", "setprop", "clamav", "DatabaseDirectory", layout.under(SIGNATURES)]
        + ["LocalSocket", layout.under(f"{SIGNATURES}/clamd.socket"), "TemporaryDirectory", layout.under("/var/tmp")],
        ["config", "setprop", "spamassassin", "StateDirectory", layout.under("/var/spool/spamd/.spamassassin")],
        # However busy the machine is.
        ["config", "setprop", "qpsmtpd", "MaxLoad", "1000"],
    ]
