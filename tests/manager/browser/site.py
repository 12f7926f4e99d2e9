"""The server-manager of a root folder, as real processes: ``esmith manager serve``, with its web process and helper."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests import forks
from tests.commands import Root
from tests.documents import HOME

ACCOUNT = "admin"
#: Not a word of a list.
PASSWORD = "correct-horse-7-battery"
#: An age at which a process that ends is started again (esmith.manager.serving), in seconds.
_OLD = 3.5
#: How long the processes may take to answer, in seconds.
_START = 60.0


class Site:
    """The panel of a root.

    :param root: the root; nothing else serves its panel.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        #: What its processes write to their standard error.
        self.log = root.path / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""
        #: The cookie of a session that was made by the form.
        self.session: dict[str, Any] = {}

    def start(self) -> None:
        """Start it on a free port, and wait until it answers."""
        port = self.address.rpartition(":")[2] if self.address else "0"
        command = [sys.executable, "-Xutf8", "-m", "tests.manager.browser.serving", forks.memory]
        with self.log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*command, "manager", "serve", "--port", port],
                cwd=HOME,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "ESMITH_ROOT": str(self.root.path)},
                start_new_session=True,
            )
        self.address = _address(self._process, self.log)

    @property
    def pid(self) -> int:
        """The number of the process that was started."""
        assert self._process is not None
        return self._process.pid

    @property
    def web(self) -> int:
        """The number of the web process: it holds the socket that browsers connect to."""
        (found,) = [pid for pid in _children(self.pid) if _holds(pid, self._listening())]
        return found

    @property
    def helper(self) -> int:
        """The number of the helper."""
        (found,) = [pid for pid in _children(self.pid) if not _holds(pid, self._listening())]
        return found

    def _listening(self) -> str:
        """Return the number of the listening socket (proc(5): /proc/net/tcp, state 0A)."""
        port = f":{int(self.address.rpartition(':')[2]):04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        (found,) = [line[9] for line in lines if line[1].endswith(port) and line[3] == "0A"]
        return f"socket:[{found}]"

    def kill(self, *pids: int) -> None:
        """Kill processes, and wait until others have taken their places.

        What ends as soon as it was started is not started again, so they get older than that first.
        """
        end = time.monotonic() + _START
        while min(map(_age, pids)) < _OLD:
            time.sleep(0.1)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        while set(pids) & set(_children(self.pid)) or len(_children(self.pid)) < 2:
            assert time.monotonic() < end, "what was killed was not started again"
            time.sleep(0.02)

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


def _age(pid: int) -> float:
    """Return for how many seconds a process has run (proc(5): stat, field 22, since boot)."""
    begin = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begin / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, tasks.read_text().split())
    return found


def _below(pid: int) -> list[int]:
    """Return the processes that a process has started, and theirs."""
    return [each for child in _children(pid) for each in (child, *_below(child))]


def _holds(pid: int, socket: str) -> bool:
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            if os.readlink(link) == socket:
                return True
    return False


def _environment(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def set_password(root: Root) -> None:
    """Set the password of the one account that a root folder has for its panel."""
    root.run("esmith", "manager", "password", stdin=f"{PASSWORD}\n")
