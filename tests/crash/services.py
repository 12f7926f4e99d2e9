"""Service directories that look supervised, and a program ``sv`` that notes which files a service would read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.events.kit import FakeRunit

NAMES = (
    *("qmail", "qpsmtpd", "sqpsmtpd", "spamd", "clamd", "freshclam", "httpd-e-smith"),
    *("php-fpm", "dovecot", "imap", "imaps", "pop3", "pop3s", "masq"),
)

#: After a restart the service has another process; each call notes a sum of the files that are looked at.
_SV = """\
#!/bin/sh
while [ $# -gt 2 ]; do shift; done
sum=$(xargs -r -d '\\n' cat -- < {watched} 2>&1 | cksum)
echo "$1 ${{2##*/}} $sum" >> {calls}
if [ "$1" = restart ]; then
    n=0
    while read -r _; do n=$((n + 1)); done < {calls}
    n=$((n % 255 + 1))
    printf "\\\\$((n / 64))$((n / 8 % 8))$((n % 8))" | dd of="$2/supervise/status" bs=1 seek=12 conv=notrunc 2>/dev/null
fi
exit 0
"""


def supervise(root: Path) -> None:
    """Give a root the directories of the services; a copy of it is supervised while :class:`Supervised` lives."""
    FakeRunit(root, *NAMES).close()
    (root / "fake-bin/sv").unlink()
    (root / "fake-bin").rmdir()


class Supervised:
    """The supervisor of a root, as far as commands see it.

    :param folder: where its program, and what that notes, are.
    :param root: the root.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self._calls, self._watched, self._root = folder / "sv-calls", folder / "sv-watched", root
        self.programs = folder / "bin"
        self.programs.mkdir(exist_ok=True)
        (self.programs / "sv").write_text(_SV.format(calls=self._calls, watched=self._watched))
        (self.programs / "sv").chmod(0o755)
        self._fifos: list[int] = []

    def hold(self) -> None:
        """Be the supervisor of what is in the root now."""
        self.release()
        for place in sorted(self._root.glob("service/*/supervise/ok")):
            self._fifos.append(os.open(place, os.O_RDONLY | os.O_NONBLOCK))

    def release(self) -> None:
        """Be it no longer."""
        for fifo in self._fifos:
            os.close(fifo)
        self._fifos.clear()

    def watch(self, paths: list[str]) -> None:
        """Say which files are looked at."""
        self._watched.write_text("".join(f"{self._root}{path}\n" for path in paths))

    def sum(self) -> str:
        """Return the sum of the files as they are now."""
        before = len(self.calls())
        subprocess.run([str(self.programs / "sv"), "status", "/now"], check=True)
        return self.calls()[before][2]

    def calls(self) -> list[tuple[str, str, str]]:
        """Return the calls since :meth:`forget`: the action, the service, and the sum of the files at that time."""
        if not self._calls.exists():
            return []
        return [
            (one[0], one[1], one[2]) for one in (line.split(" ", 2) for line in self._calls.read_text().splitlines())
        ]

    def forget(self) -> None:
        """Forget the calls."""
        self._calls.unlink(missing_ok=True)
