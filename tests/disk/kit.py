"""A root with users of its own, whose homes belong to them, and what a hostile one puts there."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from tests.events.kit import Scene

USERS = {"tom": 5001, "jack": 5002}
PASSWD = "root:x:0:0::/root:/bin/sh\n" + "".join(f"{name}:x:{n}:{n}::/home/{name}:\n" for name, n in USERS.items())
GROUP = "root:x:0:\n" + "".join(f"{name}:x:{number}:\n" for name, number in USERS.items())
#: Larger than any file that is read.
HUGE = 3 * 2**30

METADATA = """\
foreach = "accounts:user"
owner = "{{ record.key }}"
group = "{{ record.key }}"
mode = "0600"
services = []
"""


class House(Scene):
    """A root with two users, a file for each in his home, and one of everybody's in ``/etc``."""

    def furnish(self) -> None:
        """Make the users, their homes and the templates; nothing is expanded yet."""
        self.file("/etc/passwd").write_text(PASSWD)
        self.file("/etc/group").write_text(GROUP)
        for name, number in USERS.items():
            self.set("accounts", name, "user", Forward="one")
            home = self.home(name)
            home.mkdir(parents=True)
            home.chmod(0o700)
            os.chown(home, number, number)
        self.template("/home/{key}/.qmail", "&{{ record.Forward }}\n", METADATA)
        self.template("/etc/all", "{{ db.accounts.tom.Forward }}\n")
        self.event("/home/{key}/.qmail\n/etc/all\n")

    def home(self, name: str) -> Path:
        """Return the home of a user."""
        return self.path / "home" / name

    def forward(self, address: str) -> None:
        """Change what every file is made of."""
        for name in USERS:
            self.set("accounts", name, "user", Forward=address)

    def mail(self, name: str) -> str | None:
        """Return what is in the file of a user, None when there is none."""
        place = self.home(name) / ".qmail"
        return place.read_text() if place.is_file() else None


def _directory(place: Path) -> None:
    place.mkdir()
    (place / "file").write_text("x")


def _socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))


def _huge(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(HUGE)


#: What a user may put in the place of his file that is none.
OBSTACLES: dict[str, Callable[[Path], None]] = {
    "directory": _directory,
    "fifo": lambda place: os.mkfifo(place),
    "socket": _socket,
    "huge": _huge,
}
