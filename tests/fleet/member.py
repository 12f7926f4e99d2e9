"""One etcd of a cluster of the tests: a process, its ports and its folder."""

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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fleet.etcd_certificates import Files
from tests.fleet.namespaces import Network, Node
from tests.fleet.proxies import Gate, Proxy, free_port

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
    :param network: a network in which each member is a host of its own; not with ``proxied``.
    """

    tls: bool = False
    proxied: bool = False
    quota: int = 0
    election_ms: int = 500
    snapshot_count: int = 0
    token_seconds: int = 300
    extra: tuple[str, ...] = ()
    network: Network | None = None


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
        self.node: Node | None = options.network.node() if options.network else None
        #: Its address.
        self.host = self.node.address if self.node else "127.0.0.1"
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
        return f"{self.scheme}://{self.host}:{self.proxy.port if self.proxy else self.port}"

    @property
    def peer_url(self) -> str:
        """What the other members connect to."""
        return f"{self.scheme}://{self.host}:{self.peer_proxy.port if self.peer_proxy else self.peer_port}"

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
                ["setpriv", "--pdeathsig", "KILL", *(self.node.entering if self.node else ()), *self.words],
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
        connection = kind(self.host, self.port, timeout=timeout)
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
