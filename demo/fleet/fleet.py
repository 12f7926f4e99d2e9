"""A fleet in a folder: its etcd, its servers, how they are made, and how they are waited for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo.fleet.cluster import Cluster, make_certificates
from demo.fleet.hosts import Host
from demo.fleet.processes import wait_for
from demo.fleet.programs import find_etcd
from demo.printing import say

#: The name of the fleet.
NAME = "demo"
#: How often a command is repeated that is refused: while another leader is elected, or because the machine is busy.
TRIES = 20


class Fleet:
    """Three etcd, and servers.

    :param folder: where all of it is.
    :param names: of the servers; the first makes the fleet.
    :param is_quiet: whether the commands that make it are not shown.
    """

    def __init__(self, folder: Path, names: Sequence[str], *, is_quiet: bool = False) -> None:
        self.folder = folder
        self.hosts = [Host(name, folder, is_quiet=is_quiet) for name in names]
        self._etcd: Cluster | None = None

    @property
    def etcd(self) -> Cluster:
        """The three etcd; they have been started."""
        assert self._etcd is not None
        return self._etcd

    def make_etcd(self) -> None:
        """Have the first server, which is there, make certificates and settings for three new etcd.

        :raises InstallError: when that fails.
        """
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)
        make_certificates(self.hosts[0], self.folder / "etcd")

    def start_etcd(self) -> None:
        """Start the three etcd.

        :raises InstallError: when etcd cannot be had, or does not start.
        """
        self._etcd = Cluster(self.folder / "etcd", find_etcd(self.folder / "program"))
        self._etcd.start()

    def make(self) -> None:
        """Make the fleet of the first server, and have the others join.

        :raises InstallError: when a command fails.
        """
        first, *others = self.hosts
        words = ("--name", NAME, "--host", first.name, "--endpoints", ",".join(self.etcd.endpoints), "--yes")
        first.type("esmith", "fleet", "init", *words)
        first.start_agent()
        for host in others:
            self.join(host)
            host.start_agent()

    def join(self, host: Host) -> None:
        """Have a server join.

        :raises InstallError: when a command fails.
        """
        first = self.hosts[0]
        token = first.type("esmith", "fleet", "invite", host.name, into="token", tries=TRIES)
        host.type("esmith", "fleet", "join", "--yes", given=token, source="token", tries=TRIES)

    def start_agents(self) -> None:
        """Start all agents."""
        for host in self.hosts:
            host.start_agent()

    def wait_for_all(self) -> None:
        """Wait until all servers have the last fleet revision.

        :raises InstallError: when one does not get it.
        """

        def together() -> bool:
            revisions = [host.revision() for host in self.hosts if host.agent.is_running]
            return len(set(revisions)) == 1

        wait_for(together, "all servers at one fleet revision")

    def wait_for_reports(self) -> None:
        """Wait until all servers have reported the last fleet revision, which takes some seconds.

        :raises InstallError: when one does not.
        """

        def reported() -> bool:
            found = self.status()
            return all(host["revision"] == found["revision"] for host in found["hosts"])

        wait_for(reported, "all servers have reported the last fleet revision")

    def status(self) -> dict[str, Any]:
        """Return what ``esmith fleet status --json`` prints on the first server."""
        return self.hosts[0].known()

    def stop(self) -> None:
        """End all that was started."""
        for host in self.hosts:
            host.agent.end()
        if self._etcd is not None:
            self._etcd.stop()


def show(text: str) -> None:
    """Print a heading of the story."""
    say(f"\n# {text}")
