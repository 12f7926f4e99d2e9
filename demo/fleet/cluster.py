"""The three etcd of the demo, with the certificates and settings that ``esmith fleet certificates`` makes."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from demo.fleet.processes import Process, wait_for
from demo.mail.folder import free_ports
from esmith.errors import InstallError
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.tls import Tls

if TYPE_CHECKING:
    from demo.fleet.hosts import Host
    from esmith.fleet.etcd.health import MemberHealth

#: Their names.
NAMES = ("etcd1", "etcd2", "etcd3")


def make_certificates(first: Host, folder: Path) -> None:
    """Have the first server make certificates and settings, for free ports of this machine.

    :param folder: the folder for all three, with their data.
    :raises InstallError: when it fails.
    """
    ports = iter(free_ports(2 * len(NAMES)))
    servers = [f"{name}=127.0.0.1:{next(ports)}:{next(ports)}" for name in NAMES]
    words = ("--out", str(folder), "--place", "", "--data", f"{folder}/{{name}}/data", *servers)
    first.run("esmith", "fleet", "certificates", *words)


class Cluster:
    """Three etcd.

    :param folder: where their certificates, settings and data are.
    :param program: the path of etcd.
    :raises InstallError: when there are no settings.
    """

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        settings = {name: _settings(folder / name / "etcd") for name in NAMES}
        self.endpoints = [found["ETCD_ADVERTISE_CLIENT_URLS"] for found in settings.values()]
        self.members = {
            name: Process(f"etcd {name}", [program], folder / f"{name}.log", found) for name, found in settings.items()
        }

    def start(self) -> None:
        """Start those that do not run, and wait until all have a leader.

        :raises InstallError: when one ends, or they do not find one another.
        """
        for member in self.members.values():
            if not member.is_running:
                member.start()

        def all_lead() -> bool:
            for member in self.members.values():
                member.check()
            found = self._health()
            return all(health.has_leader for health in found) and any(health.leads for health in found)

        wait_for(all_lead, "the three etcd")

    def _health(self) -> list[MemberHealth]:
        first = self._folder / NAMES[0]
        tls = Tls(str(first / "ca.pem"), str(first / "etcd.pem"), str(first / "etcd.key"))
        with Etcd(self.endpoints, tls=tls) as etcd:
            return etcd.health()

    def kill_leader(self) -> str:
        """Kill the one that leads, as a power failure does, and return its name."""
        for name, health in zip(NAMES, self._health(), strict=True):
            if health.leads:
                self.members[name].end(signal.SIGKILL)
                return name
        raise InstallError("none of the three etcd leads")

    def stop(self) -> None:
        """End all."""
        for member in self.members.values():
            member.end()


def _settings(path: Path) -> dict[str, str]:
    """Return the variables of a file as systemd reads it (``EnvironmentFile=``)."""
    try:
        lines = shlex.split(path.read_text(), comments=True)
    except OSError as error:
        raise InstallError(f"cannot be read: {os.strerror(error.errno or 0)}", place=str(path)) from error
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
