"""Servers for the tests of ``esmith fleet``: small roots, one etcd with TLS and passwords, agents as forks."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from esmith.fleet import place
from esmith.fleet.admin.first import Plan, init_fleet
from esmith.fleet.admin.join import Joining
from esmith.fleet.admin.members import invite
from esmith.fleet.admin.own import Own
from esmith.fleet.agent.reporting import Pace
from esmith.fleet.journal.token import Invitation
from esmith.fleet.replica import checking, overrides
from esmith.fleet.replica.member import Membership
from esmith.fleet.replica.scope import Scopes
from esmith.layout import Layout
from tests.commands import Answer, Root
from tests.fleet.agent.kit import PACE, fork_agent
from tests.fleet.cluster import Cluster, wait_for
from tests.store.stores import AUTHOR, REPOSITORY, bare_root, opened

_RECORDS = {"qpsmtpd": {"DNSBL": "disabled", "RHSBL": "disabled"}, "clamav": {"MaxFiles": "1500"}}
_numbers = itertools.count(1)


class Server(Root):
    """A root that may be in a fleet.

    :param path: where it is; it is made.
    :param name: its setting SystemName.
    """

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(bare_root(path).path)
        self.name = name
        self.layout = Layout(str(path))
        self._agent = 0
        schema = self.file("/etc/e-smith/db/configuration")
        schema.mkdir(parents=True)
        for record in ("SystemName", "fleet", *_RECORDS):
            shutil.copy(REPOSITORY / f"db/configuration/{record}.toml", schema)
        with opened(path) as store, store.transaction(AUTHOR) as transaction:
            transaction.set_type("configuration", "SystemName", name)
            for key, props in _RECORDS.items():
                transaction.set_type("configuration", key, "service")
                for prop, value in props.items():
                    transaction.set_prop("configuration", key, prop, value)

    def fleet(self, *words: str, code: int | None = 0, stdin: str = "") -> Answer:
        """Run ``esmith fleet``."""
        return self.run("esmith", "fleet", *words, code=code, stdin=stdin)

    def path_of(self, name: str) -> Path:
        """Return where a file of its membership is."""
        return self.file(f"/home/e-smith/fleet/{name}")

    def get(self, key: str, prop: str) -> str | None:
        """Return a setting."""
        with opened(self.path, write=False) as store, store.snapshot() as snapshot:
            return snapshot.prop("configuration", key, prop)

    def set(self, prop: str, value: str | None, layer: str | None = "", key: str = "qpsmtpd") -> None:
        """Set a setting as an administrator does, or delete it; for a layer, where one is named."""
        with opened(self.path) as store, store.transaction(AUTHOR, layer) as transaction:
            if value is None:
                transaction.delete_prop("configuration", key, prop)
            else:
                transaction.set_prop("configuration", key, prop, value)

    def contents(self) -> dict[str, object]:
        """Return all that its store holds, the tables of the fleet as well."""
        with opened(self.path, write=False) as store, store.snapshot() as snapshot:
            found: dict[str, object] = {
                table: list(snapshot.states(table)) for table in ("fleet", "layers", "overrides")
            }
            for database in snapshot.databases():
                found[database] = [(one.key, one.type, one.props) for one in snapshot.records(database)]
            return found | {"revision": snapshot.revision()}

    def marks(self) -> dict[tuple[str, str, str], str]:
        """Return which cells it has for itself alone."""
        with opened(self.path, write=False) as store, store.snapshot() as snapshot:
            return {cell: mark.kind for cell, mark in overrides.all_marks(snapshot)}

    def own(self) -> Own:
        """Return it as a member."""
        with opened(self.path, write=False) as store, store.snapshot() as snapshot:
            return Own.of(self.layout, snapshot)

    def revision(self) -> int:
        """Return the fleet revision that it has; 0 in no fleet."""
        with opened(self.path, write=False) as store, store.snapshot() as snapshot:
            return Membership(snapshot).revision

    def faults(self) -> list[str]:
        """Return which of its settings are not as the layers have them."""
        with opened(self.path, write=False) as store, store.snapshot() as snapshot:
            return checking.faults(snapshot, Scopes(self.layout, snapshot))

    def start_agent(self, hook: Callable[[str], None] | None = None, pace: Pace = PACE) -> None:
        """Start its agent, and wait until it answers.

        :param hook: called at each of its points.
        """
        self._agent = fork_agent(self.layout, pace, hook)

    def end_agent(self) -> None:
        """End its agent, where it runs."""
        if self._agent:
            with suppress(ProcessLookupError):
                os.kill(self._agent, signal.SIGKILL)
            os.waitpid(self._agent, 0)
            self._agent = 0

    def wait_for(self, revision: int) -> None:
        """Wait until it has a fleet revision."""
        wait_for(lambda: self.revision() >= revision, f"{self.name} to have fleet revision {revision}")


@dataclass
class Town:
    """Servers of one test, and the etcd they share with those of other tests.

    :param cluster: one etcd.
    :param folder: of the test.
    :param name: of its fleet; no other test has it.
    """

    cluster: Cluster
    folder: Path
    name: str = field(default_factory=lambda: f"fleet{next(_numbers)}")
    servers: list[Server] = field(default_factory=list)

    def server(self, name: str) -> Server:
        """Make a server."""
        made = Server(self.folder / name, name)
        self.servers.append(made)
        return made

    def lead(self, name: str = "one") -> Server:
        """Make a server that has the authority of the etcd, and no fleet yet."""
        made, files = self.server(name), self.cluster.files
        assert files is not None
        made.path_of("").mkdir(mode=0o700, parents=True)
        contents = {
            place.CA: files.ca.read_bytes(),
            place.AUTHORITY_KEY: files.authority_key.read_bytes(),
            # All fleets of the tests are in one etcd, whose root has one password.
            place.ROOT_PASSWORD: b"of all tests\n",
        }
        for file, content in contents.items():
            made.path_of(file).write_bytes(content)
            made.path_of(file).chmod(0o600)
        return made

    @property
    def init(self) -> tuple[str, ...]:
        """The words of ``esmith fleet init``."""
        return ("init", "--name", self.name, "--endpoints", ",".join(self.cluster.endpoints), "--yes")

    def found(self) -> Server:
        """Make the first server, and its fleet."""
        made = self.lead()
        with opened(made.path) as store:
            init_fleet(made.layout, store, Plan(self.name, made.name, self.cluster.endpoints), AUTHOR)
        return made

    def invite(self, lead: Server, name: str, *groups: str) -> Invitation:
        """Invite a server."""
        with opened(lead.path, write=False) as store, store.snapshot() as snapshot:
            return invite(lead.layout, snapshot, name, groups, 1, AUTHOR)

    def join(self, lead: Server, name: str, *groups: str) -> Server:
        """Make another server that joins."""
        made, invitation = self.server(name), self.invite(lead, name, *groups)
        with opened(made.path) as store:
            Joining(made.layout, store, invitation, AUTHOR).join()
        return made

    def end(self) -> None:
        """End all agents."""
        for server in self.servers:
            server.end_agent()
