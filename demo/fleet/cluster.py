"""The three etcd of the demo, with the certificates and settings that ``esmith fleet certificates`` makes."""

from __future__ import annotations

import shlex
from pathlib import Path

from demo.fleet.hosts import Host
from demo.fleet.processes import Process, wait_for
from demo.mail.folder import free_ports
from esmith.fleet.etcd import Etcd, Tls

#: Their names, which are those of the servers.
NAMES = ("mail1", "mail2", "mail3")


def make_certificates(first: Host, folder: Path) -> None:
    """Have the first server make certificates and settings, for free ports of this machine."""
    ports = iter(free_ports(2 * len(NAMES)))
    servers = [f"{name}=127.0.0.1:{next(ports)}:{next(ports)}" for name in NAMES]
    words = ("--out", str(folder), "--place", "", "--data", f"{folder}/{{name}}/data", *servers)
    first.run("esmith", "fleet", "certificates", *words)


class Cluster:
    """Three etcd.

    :param folder: where their certificates, settings and data are.
    :param program: the path of etcd.
    """

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        self._settings = {name: _settings(folder / name / "etcd") for name in NAMES}
        self.members = {
            name: Process(f"etcd {name}", [program], folder / f"{name}.log", self._settings[name]) for name in NAMES
        }

    @property
    def endpoints(self) -> list[str]:
        """The address of each."""
        return [settings["ETCD_ADVERTISE_CLIENT_URLS"] for settings in self._settings.values()]

    def start(self) -> None:
        """Start those that do not run, and wait until all have a leader."""
        for member in self.members.values():
            if not member.is_running:
                member.start()
        wait_for(lambda: all(self._leads().values()), "etcd")

    def _leads(self) -> dict[str, str]:
        """Return which member each takes for the leader, "" where it does not answer."""
        for member in self.members.values():
            member.check()
        first = self._folder / NAMES[0]
        tls = Tls(str(first / "ca.pem"), str(first / "etcd.pem"), str(first / "etcd.key"))
        return {name: "" for name in NAMES} | {str(health): str(health) for health in Etcd(self.endpoints, tls=tls).health()}

    def kill_leader(self) -> str:
        """Kill the one that leads, as a power failure does, and return its name."""
        raise NotImplementedError

    def stop(self) -> None:
        """End all."""
        for member in self.members.values():
            member.end()


def _settings(path: Path) -> dict[str, str]:
    """Return the variables of a file as systemd reads it (``EnvironmentFile=``)."""
    lines = shlex.split(path.read_text(), comments=True)
    return dict(line.split("=", 1) for line in lines)
