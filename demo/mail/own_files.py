"""What is otherwise in the folder than on a machine: settings, fragments, files of services, programs, passwords."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from esmith.directories import make_directory, open_file
from esmith.environment import PATH
from esmith.errors import InstallError
from esmith.layout import Layout

_HERE = Path(__file__).parent
#: What is written as it stands there, below /etc/e-smith.
_FILES = _HERE / "files"
#: What stands in for the programs of qmail, under the names by which they are called.
_QUEUE = _HERE / "queue_program.py"
_QUEUE_NAMES = ("qmail-queue", "sendmail", "dot-qmail")
#: A copy of Debian's: where AppArmor is on, that one may write in a few folders only, and root alone changes that.
_SCANNER = "/usr/sbin/clamd"
_PASSWORDS = "/etc/dovecot/users"
#: Where the scanner has its signatures, and its socket.
SIGNATURES = "/var/clamav"
#: Shipped files with one place changed: the shipped one, the one that is written, what stands there, what is to.
_CHANGED = (
    ("services/spamd/run", "services-custom/spamd/run", "exec spamd ", "exec spamd --port=@SPAMD@ "),
    ("services/clamd/run", "services-custom/clamd/run", "exec clamd ", f"exec @ROOT@{_SCANNER} "),
    # Every line of a list of plugins passes here.
    (
        "templates/var/service/qpsmtpd/plugin",
        "templates-custom/var/service/qpsmtpd/plugin",
        "{% set name = line.split()[0] %}\n",
        "{% set name = line.split()[0] %}\n"
        "{% set line = line ~ {'spamassassin': ' spamd_socket 127.0.0.1:@SPAMD@',\n"
        "    'virus/clamav': ' clamd_conf=@ROOT@/etc/clamd.conf'}.get(name, '') %}\n",
    ),
)


class OwnFiles:
    """What is otherwise in the folder than on a machine, as fragments and files of an administrator's.

    :param layout: the folder.
    :param values: what stands for ``@NAME@`` in the files below ``demo/mail/files``.
    """

    def __init__(self, layout: Layout, values: dict[str, str]) -> None:
        self._layout = layout
        self._values = values

    def write(self) -> list[str]:
        """Write all of them, and return their paths as the documents have them.

        :raises InstallError: when that is not possible.
        """
        texts = {str(path.relative_to(_FILES)): path.read_text() for path in _FILES.rglob("*") if path.is_file()}
        texts |= {own: self._changed(shipped, old, new) for shipped, own, old, new in _CHANGED}
        for path, text in texts.items():
            self._write(f"/etc/e-smith/{path}", self._filled(text).encode())
        programs = {f"/var/qmail/bin/{name}": _QUEUE.read_bytes() for name in _QUEUE_NAMES}
        programs[_SCANNER] = _program("clamd")
        for path, content in programs.items():
            self._write(path, content, 0o755)
        return [*(f"/etc/e-smith/{path}" for path in sorted(texts)), *programs]

    def _changed(self, shipped: str, old: str, new: str) -> str:
        """Return a shipped text with one place changed."""
        text = Path(self._layout.under(f"/etc/e-smith/{shipped}")).read_text()
        if text.count(old) != 1:
            raise InstallError(f"it has not once: {old.strip()}", place=shipped, hint="correct demo/mail/own_files.py")
        return text.replace(old, new)

    def _filled(self, text: str) -> str:
        return re.sub(r"@([A-Z]+)@", lambda match: self._values[match[1]], text)

    def _write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        place = self._layout.under(path)
        try:
            _write(place, content, mode)
        except OSError as error:
            raise InstallError(f"cannot be written: {error.strerror}", place=place) from error


def _program(name: str) -> bytes:
    path = shutil.which(name, path=PATH)
    if path is None:
        raise InstallError(f"there is no program {name}", hint="install the Debian package that has it")
    return Path(path).read_bytes()


def _write(place: str, content: bytes, mode: int) -> None:
    """Write a file in one step, with its directories."""
    make_directory(os.path.dirname(place))
    with os.fdopen(open_file(f"{place}.new", os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, mode), "wb") as file:
        file.write(content)
    os.replace(f"{place}.new", place)


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
        content = "".join(f"{line}\n" for line in self._lines.values())
        _write(self._layout.under(_PASSWORDS), content.encode(), 0o600)


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
