"""A fleet of the tests: three members of etcd behind proxies, hosts with agents, and the judgement at the end."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.errors import AwayError
from esmith.fleet.journal.chain import Chain
from esmith.fleet.journal.row import Row, fill
from esmith.fleet.replica import checking
from tests.fleet.cluster import Cluster, wait_for
from tests.fleet.world.founding import FLEET, Writer, found, landed
from tests.fleet.world.history import History, faults
from tests.fleet.world.linear import is_linearizable
from tests.fleet.world.office import Eye, Host, Nursery
from tests.fleet.world.playing import Played, accesses_of, do, samples_of
from tests.fleet.world.trial_settings import BEGIN, Task, empty_history, look

#: The groups of the hosts.
GROUPS = {"mail1": ("mx", "north"), "mail2": ("mx",), "mail3": ()}
#: The shared layers that operations name.
LAYERS = ("fleet", "group:mx", "group:north")


class Fleet:
    """It; a context manager that starts the agents, and ends all its processes.

    :param cluster: etcd, running.
    :param folder: an empty folder for the roots.
    :param groups: the hosts and their groups.
    :param endpoints: what hosts connect to, by their names; all members, where one is not named.
    """

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        nursery: Nursery,
        groups: Mapping[str, Sequence[str]] | None = None,
        endpoints: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.cluster = cluster
        self.folder = folder
        self.history: History = empty_history()
        #: Directly to the members, past the proxies, whatever is cut; with all rights.
        self.etcd = self._connect()
        self.writer = Writer(self.etcd)
        self.etcd.delete(f"/esm/{FLEET}/", f"/esm/{FLEET}0")
        groups = groups or GROUPS
        connect = dict.fromkeys(groups, cluster.endpoints) | dict(endpoints or {})
        roots = found(self.etcd, folder, groups, connect)
        self.hosts = {name: Host(name, root, nursery) for name, root in roots.items()}
        self._number = 0

    def _connect(self) -> Etcd:
        members = self.cluster.members
        return Etcd([f"http://127.0.0.1:{each.port}" if each.proxy else each.endpoint for each in members])

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            for host in self.hosts.values():
                host.start_agent()
            self.do("mail1", BEGIN)
            self.settle()
            stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes of the hosts."""
        for host in self.hosts.values():
            host.close()

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def do(self, host: str, kind: str, layer: str = "fleet", *, outcome: str = "ok") -> str:
        """Have a host do one operation, which has to end so; return the message where it did not succeed."""
        operation, message = self.attempt(host, kind, layer)
        assert operation == outcome, f"{kind} on {host} ended with {operation}: {message}\n{self[host].printed()}"
        return message

    def attempt(self, host: str, kind: str, layer: str = "fleet") -> tuple[str, str]:
        """Have a host do one operation; return how it ended, and the message."""
        self._number += 1
        operation, message = do(self[host], Task(f"one{self._number}", kind, layer))
        self.history.operations.append(operation)
        return operation.outcome, message

    def played(self, seed: int, hosts: Sequence[str] = ()) -> Played:
        """Return what has hosts, all by default, do operations at once."""
        players = [self[name] for name in hosts or self.hosts]
        return Played(self.history, players, LAYERS, seed)

    @functools.cached_property
    def eye(self) -> Eye:
        """What notes what the hosts hold; it looks from the first use on."""
        return Eye(list(self.hosts.values()), self.folder / "eye.jsonl")

    def _look(self) -> list[bytes]:
        """Return what each host holds now, as an eye notes it."""
        lines = []
        for host in self.hosts.values():
            at = time.monotonic()
            with host.snapshot() as snapshot:
                lines.append(json.dumps({"host": host.name, "at": at, **look(snapshot)}).encode())
        return lines

    def head(self) -> int:
        """Return the number of the last row of the journal; waits until etcd has a leader."""

        def number() -> int:
            try:
                return self.writer.head[0]
            except AwayError:
                return 0

        return int(wait_for(number, "etcd to say where the journal ends"))

    def settle(self) -> int:
        """Wait until nothing is open and every host has the last revision; return that."""
        for host in self.hosts.values():
            wait_for(functools.partial(_is_settled, host), f"{host.name} to settle what it sent; {host.printed()}")
        head = self.head()
        for host in self.hosts.values():
            host.wait(head)
        return head

    def rows(self) -> list[Row]:
        """Return the journal, each row checked as hosts check it, with its changes."""
        chain, rows = Chain(FLEET), []
        for raw in self.writer.rows():
            row = chain.take(raw)
            if not row.is_complete:
                row = fill(row, self.writer.values(f"b/{row.token}/"))
            rows.append(row)
        return rows

    def judge(self) -> None:
        """Settle, and assert that all that was recorded is as it has to be, and that the hosts hold it."""
        self.settle()
        # Where nobody looked all the time, what the hosts hold in the end is looked at.
        lines = self.eye.close() if "eye" in self.__dict__ else self._look()
        self.history.rows = [landed(row) for row in self.rows()]
        self.history.samples += samples_of(iter(lines))
        found = faults(self.history)
        assert not found, f"{len(found)} faults: {found[:10]}"
        assert is_linearizable(accesses_of(self.history)), "the register has no one order"
        digests = set()
        for host in self.hosts.values():
            with host.snapshot() as snapshot:
                wrong = checking.faults(snapshot)
                assert not wrong, f"{host.name}: {wrong}"
                digests.add(snapshot.state("fleet", "digest"))
        assert len(digests) == 1, digests


def _is_settled(host: Host) -> bool:
    return not host.outbox
