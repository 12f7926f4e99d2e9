"""What a mail server goes through: programs that are killed, a disk that is full. Standard library."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.mailserver.server import Server

#: The programs between the queue and a mailbox, as their command lines have them.
PROGRAMS = {
    "postfix": (b"postfix/plugins/delivery.py", b"local\0-t\0", b"pipe\0-n\0", b"qmgr\0-l\0", b"sbin/master\0"),
    "qmail": (b"qmail-local\0", b"qmail-lspawn\0", b"qmail-send\0"),
}
MAILS, KILLS = 300, 60
#: How many deliveries are under way at most: ConcurrencyLocal as it is shipped.
UNDER_WAY = 20
_PAUSE_SECONDS = 0.05


class _Killer(threading.Thread):
    """Kills one of the programs again and again.

    :ivar count: how many were killed.
    """

    def __init__(self, names: tuple[bytes, ...]) -> None:
        super().__init__(daemon=True)
        self._names = names
        self._end = threading.Event()
        self._chance = random.Random(1)
        self.count = 0

    def run(self) -> None:
        while not self._end.wait(_PAUSE_SECONDS) and self.count < KILLS:
            running = _running(self._names)
            if running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._chance.choice(running), signal.SIGKILL)
                    self.count += 1

    def end(self) -> None:
        """Kill no more."""
        self._end.set()
        self.join()


def _running(names: tuple[bytes, ...]) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes()
            if any(name in words for name in names):
                found.append(int(path.name))
    return found


def killed(server: Server, mark: str, names: tuple[str, ...]) -> str:
    """Kill what delivers while mail for some accounts comes in, and return what was lost.

    What is killed after mails have their place, and before that is written down, delivers them once more: those that
    were under way at that moment.

    :param mark: which all these mails have.
    """
    killer = _Killer(PROGRAMS[server.queue])
    killer.start()
    try:
        for number in range(MAILS):
            mail = f"Subject: {mark}{number}-\n\n.\n".encode()
            server.write(mail, f"{names[number % len(names)]}@{server.domain}", "someone@sender.test")
    finally:
        killer.end()
    deadline = time.monotonic() + 240
    found: Counter[str] = Counter()
    while len(found) < MAILS and time.monotonic() < deadline:
        server.try_again()
        server.wait_for_queue()
        pattern = re.compile(rf"{re.escape(mark)}(\d+)-".encode())
        found = Counter(match[1].decode() for one in server.mails() if (match := pattern.search(one.mail)))
    more = sum(found.values()) - len(found)
    if len(found) < MAILS or more > UNDER_WAY * killer.count or not killer.count:
        return f"{len(found)} of {MAILS} arrived, {more} more than once; {killer.count} programs were killed"
    return ""


@contextlib.contextmanager
def full_disk(place: Path, owner: str) -> Iterator[Path]:
    """Have a small disk in the place of a maildir, on which no mail has room, and take it away again."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", place], check=True)
    try:
        for path in (place, *(place / name for name in ("cur", "new", "tmp"))):
            path.mkdir(mode=0o700, exist_ok=True)
            shutil.chown(path, owner, owner)
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
