"""Real supervisors for tests: folders of services with a runsvdir or svscan of their own over them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from esmith.services.daemontools import DaemontoolsSupervisor
from esmith.services.directory import ServiceDirectory
from esmith.services.model import Status
from esmith.services.runit import RunitSupervisor
from esmith.services.supervised import DirectorySupervisor

#: Writes its pid to "ready" and the signals it gets to "heard"; TERM ends it. It sleeps for moments and does not pause:
#: Python runs the handler of a signal that comes just before pause(2) only after the next signal.
DAEMON = """\
import os, signal, time
def hear(number, frame):
    with open("heard", "a") as file:
        file.write(signal.Signals(number).name + "\\n")
for name in ("HUP", "USR1", "USR2", "ALRM", "WINCH", "QUIT", "INT"):
    signal.signal(getattr(signal, "SIG" + name), hear)
with open("ready", "w") as file:
    file.write(str(os.getpid()))
while True:
    time.sleep(0.1)
"""
#: The same, but TERM does not end it.
STUBBORN = DAEMON.replace('"INT"', '"INT", "TERM"')
#: Ends after TERM, but not before there is a file "done": as qmail-send, whose deliveries have to end first.
LATE = DAEMON.replace(
    'with open("ready"',
    """\
def end(number, frame):
    with open("heard", "a") as file:
        file.write("SIGTERM\\n")
    import time
    while not os.path.exists("done"):
        time.sleep(0.02)
    os.unlink("done")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
with open("ready\"""",
)
#: Ends at once, every time.
CRASHING = "raise SystemExit(3)"

_DEADLINE_SECONDS = 120.0


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so; fail the test when it never is."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


class ServiceTree:
    """The services of one root, arranged as on SME Server: ``/service/NAME`` is a link to ``/var/service/NAME``.

    :param root: the root.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.folder = os.path.join(root, "service")
        self.names: list[str] = []
        self._untouched: list[str] = []
        os.makedirs(self.folder)

    def add(self, name: str, program: str = DAEMON, *, down: bool = False) -> str:
        """Make a service that runs a Python program, and return its directory."""
        directory = os.path.join(self.root, "var", "service", name)
        os.makedirs(directory)
        self.write(directory, "program.py", program)
        self.write(directory, "run", f"#!/bin/sh\nexec '{sys.executable}' -I -S program.py\n", 0o755)
        if down:
            self.write(directory, "down", "")
        os.symlink(directory, os.path.join(self.folder, name))
        self.names.append(name)
        return directory

    def add_some(self, kind: str, count: int, *, down: bool = False) -> None:
        """Make several services alike, for :meth:`take`."""
        for number in range(count):
            self.add(f"{kind}{number}", down=down)
            self._untouched.append(f"{kind}{number}")

    def take(self, kind: str) -> str:
        """Return the name of a service of that kind that no test has touched."""
        name = next((name for name in self._untouched if name.startswith(kind)), None)
        assert name is not None, f"no untouched service {kind!r} is left; let the fixture make more"
        self._untouched.remove(name)
        return name

    @staticmethod
    def write(directory: str, name: str, text: str, mode: int = 0o644) -> None:
        """Write a file of a service, in one step: its process may read it, and remove it, at once."""
        beside = os.path.join(directory, f".new-{name}")
        with open(beside, "w") as file:
            file.write(text)
        os.chmod(beside, mode)
        os.rename(beside, os.path.join(directory, name))

    def read(self, name: str, file: str) -> str:
        """Return what a service wrote to a file, "" when it did not yet."""
        try:
            with open(os.path.join(self.folder, name, file)) as opened:
                return opened.read()
        except FileNotFoundError:
            return ""

    def directory(self, name: str) -> ServiceDirectory:
        """Return the service directory of a service."""
        return ServiceDirectory(os.path.join(self.folder, name))


class Server:
    """A program that supervises every service of a tree. Base class of the two there are."""

    #: The program, and the one that controls its services.
    program = ""
    control = ""

    def __init__(self, tree: ServiceTree) -> None:
        self.tree = tree
        self._process: subprocess.Popen[bytes] | None = None

    def supervisor(self, timeout: float = 30.0) -> DirectorySupervisor:
        """Return what is tested: the supervisor that controls this server's services."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until every service is supervised and those to run are ready for signals."""
        self._process = subprocess.Popen(
            [*self.command(), self.tree.folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for name in self.tree.names:
            directory = self.tree.directory(name)
            eventually(directory.is_supervised, f"{name} is supervised")
            if self.tree.read(name, "program.py") != CRASHING and not os.path.exists(directory.path + "/down"):
                self.ready(name)

    def supervisors(self) -> int:
        """Return how many supervisors it has started that run, each of one service."""
        assert self._process is not None
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children") as file:
            return len(file.read().split())

    def ready(self, name: str) -> int:
        """Wait until a service's process is ready for signals, and return its pid."""

        ready: list[int] = []

        def is_ready() -> bool:
            # The pid of this one look: the process may be killed before another.
            status = self.tree.directory(name).status()
            if status.pid is None or status.state is not Status.UP or self.tree.read(name, "ready") != str(status.pid):
                return False
            ready.append(status.pid)
            return True

        eventually(is_ready, f"{name} is ready")
        return ready[-1]

    def stop(self) -> None:
        """Stop it, the supervisors it started, and their services; wait until all are gone."""
        if self._process is None:
            return
        self._process.send_signal(self.stop_signal())
        self._process.wait(_DEADLINE_SECONDS)
        self._process = None
        for name in self.tree.names:
            self.dismiss(name)
        for name in self.tree.names:
            eventually(partial(self._is_gone, name), f"{name} is gone")

    def command(self) -> list[str]:
        """Return the program and its options."""
        return [self.program]

    def stop_signal(self) -> signal.Signals:
        """Return the signal that ends the program itself."""
        return signal.SIGTERM

    def dismiss(self, name: str) -> None:
        """End the supervisor of one service, after the program that would start it again has ended."""

    def _is_gone(self, name: str) -> bool:
        status = self.tree.directory(name).status()
        if status.pid and self.tree.read(name, "program.py") in (STUBBORN, LATE):
            with suppress(ProcessLookupError):
                os.kill(status.pid, signal.SIGKILL)
        return status.state is Status.UNSUPERVISED


class Runsvdir(Server):
    """runit's; its services end with it when it gets HUP."""

    program = "runsvdir"
    control = "sv"

    def supervisor(self, timeout: float = 30.0) -> RunitSupervisor:
        """Return a RunitSupervisor."""
        return RunitSupervisor(self.tree.folder, timeout=timeout)

    def command(self) -> list[str]:
        """Each runsv in a process group of its own."""
        return [self.program, "-P"]

    def stop_signal(self) -> signal.Signals:
        """HUP: runsvdir then ends every runsv. After TERM they would go on."""
        return signal.SIGHUP


class Svscan(Server):
    """daemontools'; its supervise processes outlive it and are ended one by one."""

    program = "svscan"
    control = "svc"

    def supervisor(self, timeout: float = 30.0) -> DaemontoolsSupervisor:
        """Return a DaemontoolsSupervisor."""
        return DaemontoolsSupervisor(self.tree.folder, timeout=timeout)

    def dismiss(self, name: str) -> None:
        """Have the service stop and its supervise end."""
        subprocess.run(["svc", "-dx", self.tree.directory(name).path], check=True, stderr=subprocess.DEVNULL)
