"""Several hosts of one fleet, as roots below a folder: each with its agent, and a process that does operations."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from esmith.fleet.agent.outbox import Outbox
from esmith.layout import Layout
from esmith.local_sockets import connect
from esmith.store.protocol import Snapshot
from tests.commands import Root
from tests.fleet.cluster import PATIENCE, wait_for
from tests.fleet.world.child_processes import Child, EndedError
from tests.fleet.world.trial_settings import look
from tests.store.stores import opened

#: Where an agent keeps its files, below the root.
AGENT_FILES = "var/lib/e-smith/fleet"


class Nursery:
    """Forks agents and hands from a process that has what they need imported; one for a run of the tests.

    :param folder: for its log.
    """

    def __init__(self, folder: Path) -> None:
        self._control, inner = socket.socketpair()
        with inner:
            self._child = Child("nursery", log=folder / "nursery.log", stdin=inner.fileno())
        self._child.wait_ready()
        self._lock = threading.Lock()

    def agent(self, root: Path, log: Path, point: str = "", count: int = 1) -> int:
        """Start the agent of a root, and return its id.

        :param point: where it ends itself by SIGKILL, at the ``count``-th time that it gets there; "" for nowhere.
        """
        return int(self._ask({"what": "agent", "root": str(root), "log": str(log), "point": point, "count": count}))

    def hand(self, root: Path, log: Path) -> Hand:
        """Start a process that does operations on a root."""
        mine, its = socket.socketpair()
        with its:
            request = {"what": "hand", "root": str(root), "log": str(log), "point": "", "count": 0}
            return Hand(self._ask(request, its.fileno()), mine, self)

    def reap(self, pid: int) -> int:
        """Wait until a process has ended, and return its exit code; negative for a signal."""

        def ended() -> tuple[int] | None:
            code = self._ask({"what": "reap", "pid": pid})
            return None if code is None else (int(code),)

        return int(wait_for(ended, f"process {pid} to end")[0])

    def _ask(self, request: dict[str, Any], *descriptors: int) -> Any:
        with self._lock:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
            return json.loads(self._child.line())

    def close(self) -> None:
        """End it, and all that it forked and that runs still."""
        self._child.kill()
        self._control.close()


class Hand:
    """A process that does operations.

    :param pid: its id.
    :param connection: its standard streams.
    """

    def __init__(self, pid: int, connection: socket.socket, nursery: Nursery) -> None:
        self.pid = pid
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._nursery = nursery
        self.is_ended = False
        connection.settimeout(2 * PATIENCE)
        assert self.line() == b'"ready"\n'

    def send(self, data: Any) -> None:
        """Send it a line of JSON.

        :raises EndedError: it has ended.
        """
        try:
            self._connection.sendall(json.dumps(data).encode() + b"\n")
        except OSError as error:
            raise EndedError from error

    def line(self) -> bytes:
        """Return its next line.

        :raises EndedError: it has ended.
        """
        try:
            line = self._lines.readline()
        except ConnectionError as error:
            raise EndedError from error
        if not line.endswith(b"\n"):
            self.is_ended = True
            raise EndedError
        return line

    def kill(self) -> None:
        """Kill it, whatever it does."""
        self.is_ended = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill it, and wait for that."""
        self.kill()
        self._nursery.reap(self.pid)
        self._lines.close()
        self._connection.close()


class Host:
    """One host.

    :param name: its name in the fleet.
    :param root: its root; a member already.
    """

    def __init__(self, name: str, root: Path, nursery: Nursery) -> None:
        self.name = name
        self.root = Root(root)
        self.layout = Layout(str(root))
        self.log = root.parent / f"{name}.log"
        self._nursery = nursery
        self._pid = 0
        self._hand: Hand | None = None
        self._lock = threading.RLock()

    # The agent.

    def start_agent(self, point: str = "", count: int = 1, *, wait: bool = True) -> None:
        """Start the agent, and wait until it answers.

        :param point: where it ends itself, as :meth:`Nursery.agent` has it.
        :param wait: False for one that may end before it answers.
        """
        with self._lock:
            assert not self._pid, f"the agent of {self.name} runs"
            self._pid = self._nursery.agent(self.root.path, self.log, point, count)
        if wait:
            wait_for(self.status, f"the agent of {self.name} to answer; {self.printed()}")

    @contextlib.contextmanager
    def agent_in(self, *before: str, env: dict[str, str] | None = None, root: Path | None = None) -> Iterator[Child]:
        """Run the agent as a process behind other words, as those of nsenter(1), until the end of the context.

        :param env: what its environment has besides.
        :param root: where the root is for that process.
        """
        with Child("agent", str(root or self.root.path), log=self.log, before=before, env=env) as child:
            wait_for(self.status, f"the agent of {self.name} to answer; {self.printed()}")
            yield child

    @property
    def has_agent(self) -> bool:
        """Whether the agent was started and not ended."""
        return self._pid != 0

    def kill_agent(self) -> None:
        """Kill the agent, and start another at once."""
        self.end_agent(signal.SIGKILL)
        self.start_agent()

    def end_agent(self, number: int = signal.SIGTERM) -> int:
        """End the agent, and return its exit code; negative for a signal."""
        with self._lock:
            pid, self._pid = self._pid, 0
        if not pid:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            os.kill(pid, signal.SIGCONT)
        return self._nursery.reap(pid)

    def agent_to_die(self, point: str, count: int) -> None:
        """Kill the agent, and start one that ends itself at a point, as :meth:`Nursery.agent` has it."""
        self.end_agent(signal.SIGKILL)
        self.start_agent(point, count, wait=False)

    def revive(self) -> None:
        """Kill the agent where it has not ended itself yet, and start another."""
        self.kill_agent()

    def wait_killed(self) -> None:
        """Wait until the agent has ended itself at its point."""
        with self._lock:
            pid, self._pid = self._pid, 0
        assert self._nursery.reap(pid) == -signal.SIGKILL, self.printed()

    def pause_agent(self) -> None:
        """Stop the agent where it is."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume_agent(self) -> None:
        """Let the agent go on."""
        os.kill(self._pid, signal.SIGCONT)

    def ask(self, request: dict[str, Any], seconds: float = 5.0) -> dict[str, Any]:
        """Ask the agent at its socket, and return its answer; {} when it does not answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            try:
                connect(connection, str(self.root.path / AGENT_FILES), "agent.socket")
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    return json.loads(lines.readline() or b"{}")  # type: ignore[no-any-return]
            except OSError:
                return {}

    def status(self) -> dict[str, Any]:
        """Return what the agent says about itself; {} when it does not answer."""
        return self.ask({"verb": "status"}) if (self.root.path / AGENT_FILES).is_dir() else {}

    @property
    def stopped(self) -> str:
        """Why the agent applies nothing any more, with the cure; "" while it does."""
        found = self.status().get("stopped") or {}
        return f"{found.get('message', '')} {found.get('hint', '')}".strip() if isinstance(found, dict) else str(found)

    def wait_stopped(self) -> str:
        """Wait until the agent applies nothing any more, and return why."""
        return str(wait_for(lambda: self.stopped, f"{self.name} to stop; {self.printed()}"))

    def wait_trouble(self) -> str:
        """Wait until the agent is stopped or says what fails, and return that."""

        def found() -> str:
            error = self.status().get("error") or {}
            return self.stopped or (str(error.get("message", "")) if isinstance(error, dict) else str(error))

        return str(wait_for(found, f"{self.name} to notice; {self.printed()}"))

    def wait_going_on(self) -> None:
        """Have the agent look again, and wait until it is not stopped any more."""
        self.ask({"verb": "look"})
        wait_for(lambda: self.status() and not self.stopped, f"{self.name} to go on; {self.printed()}")

    def printed(self) -> str:
        """Return the end of what the agent printed."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    @property
    def outbox(self) -> list[str]:
        """What the agent has sent and not settled."""
        folder = self.root.path / AGENT_FILES / "outbox"
        return [sent.token for sent in Outbox(str(folder)).all()] if folder.exists() else []

    # The store.

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open the store and look at it; in this process nothing else may have it open."""
        with opened(self.root.path, write=False) as store, store.snapshot() as snapshot:
            yield snapshot

    @property
    def revision(self) -> int:
        """The fleet revision that the store has."""
        with self.snapshot() as snapshot:
            return int(look(snapshot)["revision"])

    def prop(self, database: str, key: str, prop: str) -> str | None:
        """Return a value that counts for this host."""
        with self.snapshot() as snapshot:
            return snapshot.prop(database, key, prop)

    def wait(self, revision: int) -> None:
        """Wait until the store has a fleet revision."""
        if self.revision < revision and self.has_agent:
            # It answers when it is so, which is cheaper than to look again and again.
            self.ask({"verb": "wait", "revision": revision}, PATIENCE)
        wait_for(lambda: self.revision >= revision, f"{self.name} to have fleet revision {revision}; {self.printed()}")

    # The process that does operations.

    def hand(self) -> Hand:
        """Return the process that does operations; a new one where that was killed."""
        with self._lock:
            if self._hand is not None and self._hand.is_ended:
                self._hand.close()
                self._hand = None
            if self._hand is None:
                self._hand = self._nursery.hand(self.root.path, self.log.with_suffix(".hand"))
            return self._hand

    def kill_hand(self) -> None:
        """Kill the process that does operations, whatever it does."""
        with self._lock:
            if self._hand is not None:
                self._hand.kill()

    def close(self) -> None:
        """End all processes of this host."""
        if self._hand is not None:
            self._hand.close()
        self.end_agent(signal.SIGKILL)


class Eye:
    """Notes what hosts hold while something goes on.

    :param hosts: to look at.
    :param file: gets what it notes.
    """

    def __init__(self, hosts: list[Host], file: Path) -> None:
        self._file = file
        words = [f"{host.name}={host.root.path}" for host in hosts]
        self._child = Child("eye", str(file), *words, log=file.with_suffix(".log"))
        self._child.wait_ready()

    def close(self) -> list[bytes]:
        """End it, and return the lines that it noted."""
        assert self._child.process.stdin is not None
        self._child.process.stdin.close()
        assert self._child.process.wait(PATIENCE) == 0, self._child.printed()
        return self._file.read_bytes().splitlines()

    def __enter__(self) -> Eye:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()
