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
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.fleet.etcd_certificates import Files, make_files
from tests.fleet.member import PATIENCE as PATIENCE
from tests.fleet.member import Member
from tests.fleet.member import Options as Options
from tests.fleet.member import client_context as client_context
from tests.fleet.member import wait_for as wait_for
from tests.fleet.proxies import Gate, Proxy
from tests.programs import path_of


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
        own = f"{member.scheme}://{member.host}"
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
