"""Events written under a root, signalled in this process or as commands."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from esmith.errors import ServiceError
from esmith.events.damage import TABLES
from esmith.events.session import RecordingSession, Session
from esmith.events.signal import Result, signal_event
from esmith.services.model import ServiceStatus, Status
from esmith.services.recording import RecordingSupervisor
from tests.apply.kit import Bench
from tests.commands import DEFAULT_SIGNALS, Root, ship
from tests.store.stores import AUTHOR, opened

#: Far longer than anything that is waited for takes.
DEADLINE_SECONDS = 60.0


def make_event(
    root: Path,
    name: str,
    *,
    templates: str | None = None,
    services: str | None = None,
    actions: Mapping[str, str] | None = None,
) -> Path:
    """Write an event that counts as shipped, and return its directory.

    :param templates: the file ``templates2expand``.
    :param services: the file ``services2adjust``.
    :param actions: the bodies of shell scripts by name; one that begins with ``#!`` is the whole file.
    """
    directory = root / "etc/e-smith/events" / name
    directory.mkdir(parents=True, exist_ok=True)
    if templates is not None:
        (directory / "templates2expand").write_text(templates)
    if services is not None:
        (directory / "services2adjust").write_text(services)
    for action, body in (actions or {}).items():
        place = directory / action
        place.write_text(body if body.startswith("#!") else f"#!/bin/sh\n{body}\n")
        place.chmod(0o755)
    ship(root, *(f"/etc/e-smith/events/{name}/{action}" for action in actions or ()))
    return directory


def make_old(root: Path) -> None:
    """Let fragments and metadata be older than the engine trusts the times of files to be exact."""
    files = [path for tree in ("templates", "templates.metadata") for path in (root / "etc/e-smith" / tree).rglob("*")]
    for path in files:
        os.utime(path, (1, 1))
    newest = max(path.stat().st_ctime for path in files)
    while time.time() < newest + 1.01:
        time.sleep(0.05)


class Recorder(RecordingSupervisor):
    """Records the service actions, and in the file ``order`` when each came.

    :param order: the file.
    """

    def __init__(self, order: Path) -> None:
        super().__init__()
        self._order = order
        #: Services whose supervisor refuses every action.
        self.refuses: set[str] = set()
        #: Services that end when they get an action.
        self.breaks: set[str] = set()
        #: Services that carry out an action, and end soon after it.
        self.dies: set[str] = set()
        #: Services that have a new process when their supervisor has reported that it failed.
        self.replaces: set[str] = set()

    def control(self, service: str, action: str) -> None:
        """Record a service action."""
        with self._order.open("a") as file:
            file.write(f"[{service} {action}]\n")
        if service in self.refuses:
            raise ServiceError(f"{action} failed: refused", place=f"service {service}")
        if service in self.breaks:
            self._seen[service] = ServiceStatus(Status.DOWN)
            raise ServiceError(f"{action} failed: it ended", place=f"service {service}")
        if service in self.replaces:
            before = self._seen[service]
            self._seen[service] = ServiceStatus(before.state, (before.pid or 0) + 1)
            raise ServiceError(f"{action} failed: it took too long", place=f"service {service}")
        super().control(service, action)
        if service in self.dies:
            self._seen[service] = ServiceStatus(Status.DOWN)


class Killed(BaseException):
    """Ends what an event does as a kill would: nothing of the engine catches it."""


class Scene(Bench):
    """A root with events that are signalled in this process; services are recorded only.

    :param path: the root.
    """

    def __init__(self, path: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(path)
        self.supervisor = Recorder(path / "order")
        patch.setattr("esmith.services.find.find_supervisor", lambda _layout, _service: self.supervisor)
        self.patience(0)

    def event(
        self, templates: str | None = None, services: str | None = None, actions: Mapping[str, str] | None = None
    ) -> Path:
        """Write the event ``try``."""
        return make_event(self.path, "try", templates=templates, services=services, actions=actions)

    def service(self, name: str, status: str = "enabled") -> None:
        """Make the record of a service."""
        self.set("configuration", name, "service", status=status)

    def give_reader(self) -> None:
        """Make a service ``clamd`` that reads /etc/t, and an event that writes it and has written it once."""
        self.service("clamd")
        self.template("/etc/t", "{{ A.value | default('') }}\n")
        self.trees.standard("/etc/t/template.toml", 'services = { clamd = "restart" }\n')
        self.event("/etc/t\n", "clamd sighup\n")
        self.set("configuration", "A", "setting", value="first")
        self.signal()
        self.carried_out()

    def patience(self, seconds: float) -> None:
        """Say for how long services have to stay up."""
        self.file("/etc/e-smith/services.toml").write_text(f"[default]\nup-for = {seconds}\n")

    def session(self, messages: list[str] | None = None) -> Session:
        """Return a session.

        :param messages: where its messages go; default: to ``notes``.
        """
        return Session(self.layout, self.store, (self.notes if messages is None else messages).append, timeout=5)

    def rehearsal(self) -> RecordingSession:
        """Return a session that changes nothing."""
        return RecordingSession(self.layout, self.store, self.notes.append)

    def signal(self, *arguments: str, restart: bool = False) -> Result:
        """Signal the event ``try``."""
        return signal_event(self.session(), "try", arguments, restart=restart)

    def carried_out(self) -> list[str]:
        """Return the service actions since the last call, as 'service action'."""
        calls = [f"{service} {action}" for service, action in self.supervisor.calls]
        self.supervisor.calls.clear()
        return calls

    def order(self) -> list[str]:
        """Return the lines of the file ``order``, where actions and services put down what they did."""
        place = self.path / "order"
        return place.read_text().splitlines() if place.exists() else []


def look_at_files(root: Root, *, besides: tuple[str, ...] = ()) -> dict[str, tuple[bytes, int, int, int]]:
    """Return every file of a root: content, mode, inode and modification time.

    Of a file that not even its owner may read (mode 0000) the content is left out; the rest shows whether it changed.

    :param besides: beginnings of paths to leave out.
    """
    found = {}
    for place in sorted(root.path.rglob("*")):
        path = f"/{place.relative_to(root.path)}"
        if place.is_symlink() or not place.is_file() or path.startswith(besides):
            continue
        status = place.stat()
        content = place.read_bytes() if os.access(place, os.R_OK) else b"unreadable"
        found[path] = (content, status.st_mode, status.st_ino, status.st_mtime_ns)
    return found


def damage_all(root: Root) -> None:
    """Damage a row of each of the engine's own tables, and add two damaged ones to each."""
    with opened(root.path) as store, store.transaction(AUTHOR) as transaction:
        for table in TABLES:
            names = [name for name, _ in transaction.states(table.name)]
            for name in [*names[:1], "x", "\udcff\0"]:
                transaction.set_state(table.name, name, b'{"half')


def start(root: Root, program: str, *words: str, errors: Path) -> subprocess.Popen[bytes]:
    """Start a command without waiting for it.

    :param errors: the file that its stderr goes to.
    """
    with errors.open("wb") as stderr:
        return subprocess.Popen(
            [*DEFAULT_SIGNALS, str(root.path / "sbin/e-smith" / program), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env={**os.environ, "ESMITH_ROOT": str(root.path)},
        )


def eventually(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds.

    :param what: what is waited for, for the message when it never comes.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.02)


#: Writes down how it is called; after a restart the service has another process.
_FAKE_SV = """\
#!{python} -IS
import struct
import sys

action, service = sys.argv[-2:]
with open({calls!r}, "a") as file:
    print(action, service.rpartition("/")[2], file=file)
if action == "restart":
    with open(service + "/supervise/status", "r+b") as file:
        status = file.read()
        file.seek(12)
        file.write(struct.pack("<I", struct.unpack("<I", status[12:16])[0] + 1))
"""


class FakeRunit:
    """Service directories that look supervised by runit, and a program ``sv`` that does nothing but pretend.

    :param root: the root.
    :param services: the services that are up.
    """

    #: Larger than any process number of Linux.
    PID = 2**22 + 1

    def __init__(self, root: Path, *services: str) -> None:
        self._calls = root / "sv-calls"
        self._programs = root / "fake-bin"
        self._programs.mkdir()
        (self._programs / "sv").write_text(_FAKE_SV.format(python=sys.executable, calls=str(self._calls)))
        (self._programs / "sv").chmod(0o755)
        self._fifos = [self._supervise(root / "service" / service) for service in services]

    def close(self) -> None:
        """Stop to look like a supervisor."""
        for fifo in self._fifos:
            os.close(fifo)

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs in its environment to find the program."""
        return {"PATH": f"{self._programs}:{os.environ['PATH']}"}

    def calls(self) -> list[str]:
        """Return the calls since the last time, as 'action service'."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return lines

    def _supervise(self, directory: Path) -> int:
        supervise = directory / "supervise"
        supervise.mkdir(parents=True)
        (directory / "run").write_text("#!/bin/sh\n")
        (supervise / "pid").write_text(f"{self.PID}\n")
        (supervise / "stat").write_text("run\n")
        label = struct.pack(">QI", 2**62 + 10 + int(time.time()), 0)
        (supervise / "status").write_bytes(label + struct.pack("<I", self.PID) + b"\0u\0\1")
        os.mkfifo(supervise / "ok")
        return os.open(supervise / "ok", os.O_RDONLY | os.O_NONBLOCK)
