"""Members of a fleet for the tests of the agent: small roots, their agents as forks, and what a command does.

py-lmdb opens a file once in a process, and an agent keeps it open; so an agent is a fork, and the test opens the store
when it looks.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esmith import __version__
from esmith.fleet.agent import points
from esmith.fleet.agent.remote import Remote
from esmith.fleet.agent.reporting import Pace
from esmith.fleet.agent.running import Agent
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.operations import put
from esmith.fleet.journal.chain import Head
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.journal.row import Row, encode, hash_of
from esmith.layout import Layout
from esmith.local_sockets import connect
from esmith.store import open_store
from esmith.store.model import Author
from tests.fleet.cluster import wait_for

#: Nothing in a test waits for a heartbeat but what says so.
PACE = Pace(heartbeat=60.0, file=0.0, status=0.0, counts=0.0)
QUICK = Pace(heartbeat=0.3, file=0.0, status=0.0, counts=0.0)
AUTHOR = ("alice", "", ("config", "setprop", "qpsmtpd", "DNSBL", "enabled"))
#: Far above what an agent takes to end.
_END_SECONDS = 60
LATER = int(time.time()) + 3600


def fork_agent(layout: Layout, pace: Pace = PACE, hook: Callable[[str], None] | None = None) -> int:
    """Start the agent of a root in a fork, wait until its socket answers, and return its number.

    :param hook: called at each of its points.
    """
    ready, done = os.pipe()
    pid = os.fork()
    if not pid:
        code = 70
        try:
            os.close(ready)
            points.set_hook(hook)
            agent = Agent(layout, pace)
            agent.end_at(signal.SIGTERM)
            code = agent.run(lambda: os.close(done))
        finally:
            os._exit(code)
    os.close(done)
    os.read(ready, 1)
    os.close(ready)
    return pid


def kill_at_first(point: str) -> Callable[[str], None]:
    """Return a hook that kills the process as soon as it is at a point."""

    def at_once(reached: str) -> None:
        if reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return at_once


@contextmanager
def connected(layout: Layout, seconds: float) -> Iterator[Client]:
    """Return a connection to the agent of a root.

    :param seconds: how long an answer may take.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connect(connection, layout.fleet, "agent.socket")
        connection.settimeout(seconds)
        client = Client(connection)
        try:
            yield client
        finally:
            client.close()


@dataclass
class Host:
    """A member: its root, and its agent while it runs.

    :param fleet: name of the fleet.
    :param name: its name there.
    :param root: the folder.
    :param key: what signs its rows.
    """

    fleet: str
    name: str
    root: Path
    key: SigningKey
    endpoints: Sequence[str]
    pid: int = 0

    @property
    def layout(self) -> Layout:
        """Its root."""
        return Layout(str(self.root))

    def make(self) -> None:
        """Make its store, as the store of a host that has just joined is, with one own record."""
        store = open_store(self.layout, create=True)
        with store.transaction(Author("root", "", ["esmith", "init"])) as transaction:
            transaction.set_type("configuration", "SystemName", self.name)
            transaction.set_type("configuration", "fleet", "service")
            transaction.set_prop("configuration", "fleet", "Endpoints", ",".join(self.endpoints))
        store.close()
        self.set_states({"name": self.fleet.encode(), "host": self.name.encode()})
        self.key.save(f"{self.layout.fleet_files}/signing.key")

    def set_states(self, states: dict[str, bytes | None]) -> None:
        """Write rows of the table ``=fleet``."""
        store = open_store(self.layout, write=True)
        with store.transaction(Author("root", "", ["test"])) as transaction:
            for name, value in states.items():
                transaction.set_state("fleet", name, value)
        store.close()

    def remote(self) -> Remote:
        """Return the journal as etcd has it."""
        return Remote(Etcd(self.endpoints), self.fleet, self.name, self.key)

    def start(self, pace: Pace = PACE, hook: Callable[[str], None] | None = None) -> None:
        """Start its agent, and wait until its socket answers.

        :param hook: called at each of its points.
        """
        assert not self.pid
        self.pid = fork_agent(self.layout, pace, hook)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End its agent, where it runs, and return its exit code; negative for a signal."""
        if not self.pid:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        return self.wait_end()

    def wait_end(self) -> int:
        """Wait until its agent has ended, and return its exit code; negative for a signal.

        :raises AssertionError: when it goes on; it is killed.
        """
        watched = os.pidfd_open(self.pid)
        try:
            if not select.select([watched], [], [], _END_SECONDS)[0]:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError("the agent does not end")
        finally:
            os.close(watched)
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    @contextmanager
    def connected(self) -> Iterator[Client]:
        """Return a connection to its agent."""
        with connected(self.layout, 15) as client:
            yield client

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """Return what its agent answers to one request."""
        with self.connected() as client:
            return client.ask({"verb": verb, **fields})

    def wait(self, revision: int) -> None:
        """Wait until it has a fleet revision."""
        assert self.ask("wait", revision=revision)["outcome"] == "applied", self.status()

    def wait_for_status(self, name: str, value: Any) -> dict[str, Any]:
        """Wait until its status has a value that is so, or begins so where both are texts."""

        def found() -> dict[str, Any] | None:
            status = self.status()
            has = status[name]["message"] if isinstance(status[name], dict) else status[name]
            is_so = value in has if value and isinstance(value, str) and isinstance(has, str) else has == value
            return status if is_so else None

        return wait_for(found, f"{name} {value!r} of {self.name}, not {self.status()}")  # type: ignore[no-any-return]

    def status(self) -> dict[str, Any]:
        """Return the status of its agent."""
        return self.ask("status")

    def head(self) -> Head:
        """Return the fleet revision of its store."""
        return Head.parse((self.state("revision") or b"0 ").decode())

    def state(self, name: str) -> bytes | None:
        """Return a row of the table ``=fleet``."""
        store = open_store(self.layout)
        try:
            with store.snapshot() as snapshot:
                return snapshot.state("fleet", name)
        finally:
            store.close()

    def prop(self, database: str, key: str, prop: str) -> str | None:
        """Return a value of its store; of a record's type for the property ""."""
        store = open_store(self.layout)
        try:
            with store.snapshot() as snapshot:
                return snapshot.prop(database, key, prop)
        finally:
            store.close()

    def history(self) -> list[str]:
        """Return user and words of its revisions, the newest first."""
        store = open_store(self.layout)
        try:
            with store.snapshot() as snapshot:
                return [" ".join([one.author.user, *one.author.command]) for one in snapshot.revisions()]
        finally:
            store.close()

    def commit(self, changes: Sequence[Sequence[str | None]], **fields: Any) -> dict[str, Any]:
        """Ask its agent for a change as a command that goes away before it stores anything."""
        return self.ask("commit", **self.request(changes), **fields)

    def request(self, changes: Sequence[Sequence[str | None]], base: Head | None = None) -> dict[str, Any]:
        """Return a request to commit without its verb.

        :param base: None for the fleet revision of its store.
        """
        author = [AUTHOR[0], AUTHOR[1], list(AUTHOR[2])]
        return {"base": str(base or self.head()), "author": author, "changes": list(changes), "host": []}


class Client:
    """A connection to an agent."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self.connection.close()

    def send(self, request: dict[str, Any]) -> None:
        """Send a request."""
        self.connection.sendall(json.dumps(request).encode() + b"\n")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer."""
        self.send(request)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Return the next answer; {} when the agent closed the connection."""
        line = self._file.readline()
        found: dict[str, Any] = json.loads(line) if line else {}
        return found


@dataclass
class Fleet:
    """A fleet of two hosts, whose journal begins with row 1 and the join of the second."""

    name: str
    folder: Path
    endpoints: Sequence[str]
    hosts: list[Host] = field(default_factory=list)

    def found(self) -> None:
        """Write the first three rows: host a, an invitation, and host b."""
        for name in ("a", "b"):
            host = Host(self.name, name, self.folder / name, SigningKey.generate(), self.endpoints)
            host.root.mkdir(parents=True)
            host.make()
            self.hosts.append(host)
        a, b = self.hosts
        once = SigningKey.generate()
        self.append(a, "join", name="a", key=a.key.public)
        self.append(a, "invite", name="b", key=once.public, until=LATER)
        self.append(b, "join", signed_by=once, name="b", key=b.key.public)

    def row(self, host: Host, kind: str, base: Head, **fields: Any) -> Row:
        """Return a row that a host would write."""
        return Row(
            fleet=self.name,
            revision=base.number + 1,
            previous=base.hash,
            host=host.name,
            token=fields.pop("token", secrets.token_hex(16)),
            time=int(time.time()),
            program=__version__,
            kind=kind,
            author=fields.pop("author", AUTHOR),
            **fields,
        )

    def append(self, host: Host, kind: str, *, signed_by: SigningKey | None = None, **fields: Any) -> Head:
        """Write a row to etcd as another command does, and return the head."""
        remote = host.remote()
        base = remote.head()
        raw = encode(self.row(host, kind, base, **fields), signed_by or host.key)
        assert remote.append(base, raw)
        return Head(base.number + 1, hash_of(raw))

    def write_raw(self, number: int, raw: bytes) -> None:
        """Write a row as somebody does who has the rights for it, and no more."""
        remote = self.hosts[0].remote()
        remote.etcd.txn(
            [], [put(remote.row_key(number), raw), put(f"/esm/{self.name}/head", f"{number} {hash_of(raw)}")]
        )

    def end(self) -> None:
        """End all agents."""
        for host in self.hosts:
            host.end(signal.SIGKILL)


def changed(value: str | None, *, layer: str = "fleet", prop: str = "DNSBL") -> list[tuple[str | None, ...]]:
    """Return the changes that set a property of a record in a layer."""
    record = (layer, "configuration", "qpsmtpd")
    return [(*record, "", "service"), (*record, prop, value)]
