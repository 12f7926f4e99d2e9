"""Real etcd clusters for the tests: processes on free ports of 127.0.0.1, with their data below a folder.

::

    with Cluster(tmp_path, size=3, proxied=True) as cluster:
        cluster.leader().kill()

A member's ``endpoint`` is what a client connects to: itself, or with ``proxied`` a proxy before it
(:mod:`tests.fleet.proxies`), whose gate ``member.link`` cuts it off from its clients. Members of a proxied cluster
talk to one another through gates, too: :meth:`Cluster.isolate` and :meth:`Cluster.heal`.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.fleet.etcd_certificates import Files, make_files
from tests.fleet.proxies import Gate, Proxy, free_port
from tests.programs import path_of

#: Seconds that anything a test waits for may take; a machine under load takes long, and a failure is rare.
PATIENCE = 60.0


def wait_for(state: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until a function returns what counts as true, and return it.

    :raises AssertionError: it did not in time; ``what`` says what was waited for.
    """
    end = time.monotonic() + seconds
    while not (found := state()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.01)
    return found


@dataclass(frozen=True)
class Options:
    """How a cluster is set up.

    :param tls: whether clients and members need certificates; they are made below the folder.
    :param proxied: whether clients and members connect through proxies.
    :param quota: bytes of the database at which etcd raises its alarm, 0 for its own default of 2 GiB.
    :param election_ms: time without a leader after which there is an election, in milliseconds.
    :param snapshot_count: changes between two snapshots, 0 for etcd's own default.
    :param token_seconds: life of a token without use.
    :param extra: more options of etcd.
    """

    tls: bool = False
    proxied: bool = False
    quota: int = 0
    election_ms: int = 500
    snapshot_count: int = 0
    token_seconds: int = 300
    extra: tuple[str, ...] = ()


class Member:
    """One etcd: a process, its ports and its folder.

    :param name: its name in the cluster.
    :param folder: where its data and its log are.
    """

    def __init__(self, name: str, folder: Path, options: Options, files: Files | None) -> None:
        self.name = name
        self.folder = folder
        self.data = folder / f"{name}.data"
        self.log = folder / f"{name}.log"
        self.options = options
        self.files = files
        self.port = free_port()
        self.peer_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.proxy = Proxy(self.port) if options.proxied else None
        self.peer_proxy: Proxy | None = None
        self.words: list[str] = []

    @property
    def scheme(self) -> str:
        """How clients talk to it."""
        return "https" if self.files else "http"

    @property
    def link(self) -> Gate:
        """The gate between it and its clients; only with ``proxied``."""
        assert self.proxy is not None, "the cluster is not proxied"
        return self.proxy.gate

    @property
    def endpoint(self) -> str:
        """What a client connects to."""
        return f"{self.scheme}://127.0.0.1:{self.proxy.port if self.proxy else self.port}"

    @property
    def peer_url(self) -> str:
        """What the other members connect to."""
        return f"{self.scheme}://127.0.0.1:{self.peer_proxy.port if self.peer_proxy else self.peer_port}"

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self.process is not None, f"{self.name} is not running"
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether its process is there, paused or not."""
        return self.process is not None and self.process.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Start it with the data it has, and wait until it answers and knows a leader."""
        assert not self.is_running
        with self.log.open("ab") as log:
            # It ends with the tests, also when these are killed.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.words],
                stdout=log,
                stderr=log,
                env={"PATH": os.environ.get("PATH", os.defpath), "GOMAXPROCS": "2"},
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it answers and knows a leader."""

        def answers() -> bool:
            assert self.is_running, f"{self.name} ended: {self.log.read_text(errors='replace')[-2000:]}"
            return bool(self.status().get("leader", "0") != "0")

        wait_for(answers, f"{self.name} to know a leader")

    def kill(self) -> None:
        """Kill it with SIGKILL, as a power failure would; its data stays."""
        self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it, paused or not, and wait for that; nothing when it does not run."""
        if self.process is None:
            return
        if self.is_running:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
            try:
                self.process.wait(PATIENCE / 6)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stop its process where it is: connections stay, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def call(self, path: str, body: dict[str, Any], timeout: float = 5.0) -> dict[str, Any]:
        """Ask it itself, past its proxy, by its JSON gateway; {} when it does not answer, or not with success."""
        kind = http.client.HTTPConnection
        if self.files:
            kind = functools.partial(http.client.HTTPSConnection, context=client_context(self.files))  # type: ignore[assignment]
        connection = kind("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            try:
                connection.request("POST", path, json.dumps(body))
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                return {}
        found: dict[str, Any] = json.loads(text) if answer.status == 200 else {}
        return found

    def status(self) -> dict[str, Any]:
        """Return what it reports of itself: header, leader, version, dbSize; {} when it does not answer."""
        return self.call("/v3/maintenance/status", {}, 1.0)

    @property
    def is_leader(self) -> bool:
        """Whether it says that it leads."""
        status = self.status()
        return bool(status and status.get("leader") == status["header"]["member_id"])


def client_context(files: Files) -> ssl.SSLContext:
    """Return the TLS of a client of the tests."""
    context = ssl.create_default_context(cafile=str(files.ca))
    context.load_cert_chain(files.client, files.client_key)
    return context


@dataclass
class Cluster:
    """One or three members as one cluster; a context manager that starts and stops it.

    :param folder: an empty folder for all of it; it is made.
    :param size: 1 or 3.
    """

    folder: Path
    size: int = 1
    options: Options = field(default_factory=Options)
    members: list[Member] = field(default_factory=list, init=False)
    files: Files | None = field(default=None, init=False)
    _gates: dict[tuple[str, str], Gate] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.options.tls:
            self.files = make_files(self.folder / "certificates")
        self.members = [Member(f"m{n}", self.folder, self.options, self.files) for n in range(1, self.size + 1)]
        if self.options.proxied and self.size > 1:
            for member in self.members:
                member.peer_proxy = Proxy(member.peer_port, functools.partial(self._peer_gate, member.name))
        for member in self.members:
            member.words = self._words(member)

    def _words(self, member: Member) -> list[str]:
        options = self.options
        own = f"{member.scheme}://127.0.0.1"
        cluster = ",".join(f"{each.name}={each.peer_url}" for each in self.members)
        words = [path_of("etcd"), "--name", member.name, "--data-dir", str(member.data)]
        words += ["--listen-client-urls", f"{own}:{member.port}", "--advertise-client-urls", member.endpoint]
        words += ["--listen-peer-urls", f"{own}:{member.peer_port}", "--initial-advertise-peer-urls", member.peer_url]
        words += ["--initial-cluster", cluster, "--initial-cluster-state", "new", "--logger", "zap"]
        # One member alone has nobody to wait for.
        election = options.election_ms if self.size > 1 else 100
        words += ["--heartbeat-interval", str(election // 10), "--election-timeout", str(election)]
        # bcrypt at its lowest cost: a token takes 1 ms instead of 200.
        words += ["--bcrypt-cost", "4", "--auth-token-ttl", str(options.token_seconds)]
        if options.quota:
            words += ["--quota-backend-bytes", str(options.quota)]
        if options.snapshot_count:
            words += ["--snapshot-count", str(options.snapshot_count)]
        if files := self.files:
            for kind in ("", "peer-"):
                words += [f"--{kind}cert-file", str(files.server), f"--{kind}key-file", str(files.server_key)]
                words += [f"--{kind}trusted-ca-file", str(files.ca), f"--{kind}client-cert-auth"]
        return [*words, *options.extra]

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all members that do not run, and wait until each knows a leader."""
        started = [member for member in self.members if not member.is_running]
        with contextlib.ExitStack() as failing:
            failing.callback(self.stop)
            for member in started:
                member.start(wait=False)
            for member in started:
                member.wait()
            failing.pop_all()

    def stop(self) -> None:
        """End all members and proxies; their data stays."""
        for member in self.members:
            # Nothing is looked at afterwards, so none waits for another that is gone.
            member.kill()
            for proxy in (member.proxy, member.peer_proxy):
                if proxy is not None:
                    proxy.close()

    @property
    def endpoints(self) -> list[str]:
        """What a client connects to, a member each."""
        return [member.endpoint for member in self.members]

    def leader(self) -> Member:
        """Return the member that leads; waits until there is one that most others agree on."""
        return wait_for(self._leader, "a leader")  # type: ignore[no-any-return]

    def _leader(self) -> Member | None:
        known = {member.name: member.status() for member in self.members if member.is_running}
        for member in self.members:
            own = known.get(member.name, {}).get("header", {}).get("member_id")
            votes = sum(status.get("leader") == own for status in known.values() if status)
            if own and known[member.name].get("leader") == own and votes > self.size // 2:
                return member
        return None

    def followers(self) -> list[Member]:
        """Return the members that run and do not lead."""
        leader = self.leader()
        return [member for member in self.members if member is not leader and member.is_running]

    def isolate(self, members: Iterable[Member]) -> None:
        """Cut these members off from the others, not from their clients and not from one another."""
        inside = {member.name for member in members}
        for one in self.members:
            for other in self.members:
                if (one.name in inside) != (other.name in inside):
                    self.between(one, other).cut()

    def between(self, one: Member, other: Member) -> Gate:
        """Return the gate that connections of one member to another go through."""
        return self._gates.setdefault((one.name, other.name), Gate())

    def heal(self) -> None:
        """Open every gate, between members and to the clients, and let paused members go on."""
        for gate in [*self._gates.values(), *(member.link for member in self.members if member.proxy)]:
            gate.delay = 0.0
            gate.heal()
        for member in self.members:
            if member.is_running:
                member.resume()

    def _peer_gate(self, to: str, port: int) -> Gate:
        return self._gates.setdefault((self._owner(port), to), Gate())

    def _owner(self, port: int) -> str:
        """Return the member whose connection has this port at its own end, "" for none (proc(5), /proc/net/tcp)."""
        wanted = f"0100007F:{port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as lines:
            inodes = {f"socket:[{words[9]}]" for words in map(str.split, lines) if words[1] == wanted}
        for member in self.members:
            if member.is_running:
                folder = f"/proc/{member.pid}/fd"
                for name in os.listdir(folder):
                    with contextlib.suppress(OSError):
                        if os.readlink(f"{folder}/{name}") in inodes:
                            return member.name
        return ""
