"""The server-manager of a root folder, as real processes: ``esmith manager serve``, with its web process and helper."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from tests.commands import Root

ACCOUNT = "admin"
#: Not a word of a list.
PASSWORD = "correct-horse-7-battery"
#: How long the processes may take to answer, in seconds.
_START = 60.0


class Site:
    """The panel of a root.

    :param root: the root; nothing else serves its panel.
    :param words: more options of ``esmith manager serve``.
    """

    def __init__(self, root: Root, *words: str) -> None:
        self.root = root
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self) -> None:
        """Start it on a free port, and wait until it answers."""
        port = self.address.rpartition(":")[2] if self.address else "0"
        command = [str(self.root.path / "sbin/e-smith/esmith"), "manager", "serve", "--port", port, *self._words]
        log = self.root.path / "serve.log"
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "ESMITH_ROOT": str(self.root.path)},
                start_new_session=True,
            )
        self.address = _address(self._process, log)

    @property
    def pid(self) -> int:
        """The number of the process that was started."""
        assert self._process is not None
        return self._process.pid

    def processes(self, word: str) -> list[int]:
        """Return the processes below ``serve`` among whose words this one is: "web", "helper"."""
        return [pid for pid in _below(self.pid) if word in _words(pid)]

    def stop(self) -> None:
        """End it as ^C does; what does not end is killed."""
        if self._process is None:
            return
        known = [self.pid, *_below(self.pid)]
        self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        for pid in known:
            with contextlib.suppress(ProcessLookupError):
                if str(self.root.path) in _environment(pid):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the address that is printed, without the path."""
    assert process.stdout is not None
    end = time.monotonic() + _START
    printed = b""
    while time.monotonic() < end:
        ready, _, _ = select.select([process.stdout], [], [], 0.5)
        more = os.read(process.stdout.fileno(), 65536) if ready else b""
        printed += more
        for word in printed.decode().split():
            if word.startswith(("http://", "https://")) and "/server-manager" in word:
                return word.partition("/server-manager")[0]
        if ready and not more:
            break
    process.kill()
    raise AssertionError(f"esmith manager serve did not answer: {printed.decode()}\n{log.read_text()}")


def _below(pid: int) -> list[int]:
    """Return the processes that a process has started, and theirs."""
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, tasks.read_text().split()):
                found += [child, *_below(child)]
    return found


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _environment(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def set_password(root: Root) -> None:
    """Set the password of the one account that a root folder has for its panel."""
    root.run("esmith", "manager", "password", stdin=f"{PASSWORD}\n")
