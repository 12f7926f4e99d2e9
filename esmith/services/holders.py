"""Processes that hold the ports of our services: daemons that somebody started by hand, or by a unit we do not know.

Which sockets listen is in ``/proc/net/tcp`` (proc_pid_net(5)), whose they are in ``/proc/PID/fd``; which unit started a
process is in ``/proc/PID/cgroup`` (cgroups(7)).
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from esmith.expressions import expression
from esmith.fields import dataclass
from esmith.processes import command_of, status_of
from esmith.services.useful import ports_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.layout import Layout
    from esmith.services.service import Service

#: The state of a socket that listens, in /proc/net/tcp.
_LISTENS = "0A"
_SOCKET = expression(r"socket:\[(\d+)\]")
_UNIT = expression(r"/([^/\n]+\.service)(?:/[^\n]*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Holder:
    """A process that listens at a port of one of our services.

    :param port: the port.
    :param pid: the process; of several, that which started the others.
    :param program: its program, as its command line names it.
    :param unit: the unit of systemd that started it, "" for none.
    :param service: our service.
    """

    port: int
    pid: int
    program: str
    unit: str
    service: str

    def __str__(self) -> str:
        started = f" of {self.unit}" if self.unit else ""
        return f"port {self.port} of {self.service} is taken by {self.program} (process {self.pid}{started})"

    @property
    def cure(self) -> str:
        """The command that ends it."""
        from shlex import quote

        # Who may make groups of processes gives them any name.
        return f"systemctl disable --now {quote(self.unit)}" if self.unit else f"kill {self.pid:d}"


def find_holders(layout: Layout, services: Iterable[tuple[Service, int | None]]) -> list[Holder]:
    """Return the processes that listen at ports of our services, each of which is not the service itself.

    Nothing is found under a root that is only a folder, and of other users' processes only what root may see. What
    :func:`esmith.services.rivals.find_rivals` names is left out.

    :param services: those that are to run, each with its process.
    """
    if not layout.is_machine:
        return []
    wanted = {port: (service, pid) for service, pid in services for port in ports_of(layout, service)}
    listening = listeners(wanted) if wanted else {}
    found = []
    for port, pids in sorted(listening.items()):
        service, own = wanted[port]
        if any(own in _line(pid) for pid in pids):
            continue
        pid = next(pid for pid in sorted(pids) if not pids & set(_line(pid)[1:]))
        unit = unit_of(pid)
        if unit not in service.replaces:
            program = os.path.basename((command_of(pid) or ["?"])[0].split()[0].rstrip(":"))
            found.append(Holder(port, pid, program, unit, service.name))
    return found


def listeners(ports: Iterable[int]) -> dict[int, set[int]]:
    """Return the processes that listen at TCP ports of this machine, by the port.

    :param ports: the ports to look at; those where nobody is seen to listen are left out.
    """
    inodes = dict(_listening_inodes(set(ports)))
    found: dict[int, set[int]] = {}
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if inodes else ():
        # It may have ended, or be another user's.
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with suppress(OSError):
                    match = _SOCKET.fullmatch(os.readlink(entry.path))
                    if match and match[1] in inodes:
                        found.setdefault(inodes[match[1]], set()).add(pid)
    return found


def listening_ports(ports: Iterable[int]) -> set[int]:
    """Return at which of some TCP ports anybody listens, whoever it is."""
    return {port for _, port in _listening_inodes(set(ports))}


def unit_of(pid: int) -> str:
    """Return the service unit of systemd that a process belongs to, "" for none."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            match = _UNIT.search(file.read())
    except OSError:
        return ""
    return match[1] if match else ""


def _listening_inodes(ports: set[int]) -> Iterator[tuple[str, int]]:
    """Yield the number of each socket that listens at one of some ports, with the port."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError), open(f"/proc/net/{table}", encoding="ascii") as file:
            for line in file.readlines()[1:]:
                words = line.split()
                port = int(words[1].rpartition(":")[2], 16)
                if words[3] == _LISTENS and port in ports:
                    yield words[9], port


def _line(pid: int) -> list[int]:
    """Return a process and those that started it, itself first."""
    found = []
    while pid > 0 and pid not in found:
        found.append(pid)
        try:
            pid = int(status_of(pid)[1])
        except OSError:
            break
    return found
