"""Whether services stay up with their new files: what their supervisor says for a while, and what they answer.

Right after a start or a reload every service looks up. One that cannot live with its new files ends a moment later,
and its supervisor starts it again and again.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from esmith.errors import ServiceError
from esmith.layout import Layout
from esmith.services.model import ServiceStatus, Status, Supervisor
from esmith.services.program import run_program
from esmith.tables import INTEGER, NUMBER, TEXT, TEXTS, TomlFile

#: The states in which a service is as it should be when it is enabled.
STEADY = frozenset({Status.UP, Status.PAUSED, Status.FINISHED})
#: Where the probes are: the shipped ones, then the administrator's.
FILES = ("/etc/e-smith/events/services.toml", "/etc/e-smith/services.toml")
_LOOK_EVERY = 0.1
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Probe:
    """When a service counts as up.

    :param up_for: seconds it has to stay up with the same process.
    :param within: seconds it may take until it answers, when there is something to ask.
    :param port: a TCP port of 127.0.0.1 that has to take a connection; 0 for none.
    :param socket: the path of a unix socket that has to take a connection; "" for none.
    :param command: a program and its arguments that have to succeed; empty for none.
    :param package: the Debian package of the program.
    """

    up_for: float = 2.0
    within: float = 60.0
    port: int = 0
    socket: str = ""
    command: tuple[str, ...] = ()
    package: str = ""


_KEYS = {
    "up-for": NUMBER,
    "within": NUMBER,
    "port": INTEGER,
    "socket": TEXT,
    "command": TEXTS,
    "package": TEXT,
}


def load_probes(layout: Layout) -> dict[str, Probe]:
    """Return the probe of each service that has one of its own; ``default`` is for the others.

    What the administrator's file says of a service takes the place of what is shipped, key by key.

    :raises ServiceError: when a file is broken.
    :raises UntrustedError: when a file is not in the hands of its owners alone.
    """
    said: dict[str, dict[str, Any]] = {}
    layout.trust.require(*map(layout.under, FILES))
    for path in map(layout.under, FILES):
        for service, table in _read(path).items():
            said[service] = said.get(service, {}) | table
    default = said.pop("default", {})
    return {service: _probe(default | table) for service, table in {"default": {}, **said}.items()}


def find_failing(
    services: Sequence[tuple[Supervisor, str]], probes: dict[str, Probe], layout: Layout
) -> dict[str, str]:
    """Watch services that were just adjusted, and return those that do not stay up or do not answer.

    :param services: the services to watch, each with its supervisor; all are enabled.
    :param probes: what :func:`load_probes` returned.
    :param layout: the root that the paths of sockets are taken under.
    :return: what is wrong with each that fails. Watching ends as soon as one does.
    :raises ServiceError: when a supervisor cannot be asked.
    """
    begun = time.monotonic()
    waiting = [_Watched(supervisor, service, _of(probes, service)) for supervisor, service in services]
    while waiting:
        seconds = time.monotonic() - begun
        found = {watched.service: watched.trouble(layout, seconds) for watched in waiting}
        failing = {service: text for service, text in found.items() if text}
        if failing:
            return failing
        waiting = [watched for watched in waiting if not watched.is_well(seconds)]
        if waiting:
            time.sleep(_LOOK_EVERY)
    return {}


class _Watched:
    """One service while it is watched."""

    def __init__(self, supervisor: Supervisor, service: str, probe: Probe) -> None:
        self.service = service
        self._supervisor = supervisor
        self._probe = probe
        self._first = supervisor.status(service)
        self._unanswered = bool(probe.port or probe.socket or probe.command)
        self._complaint = ""

    def trouble(self, layout: Layout, seconds: float) -> str:
        """Return what is wrong with the service; "" when nothing is known to be."""
        now = self._supervisor.status(self.service)
        if not _is_steady(self._first, now):
            return f"it does not stay up: it is {now}"
        if self._unanswered:
            self._complaint = _ask(self._probe, layout, self.service)
            self._unanswered = bool(self._complaint)
        if self._unanswered and seconds >= self._probe.within:
            return f"it does not answer within {self._probe.within:g} s: {self._complaint}"
        return ""

    def is_well(self, seconds: float) -> bool:
        """Return whether it has been up for long enough and has answered."""
        return seconds >= self._probe.up_for and not self._unanswered


def _of(probes: dict[str, Probe], service: str) -> Probe:
    return probes.get(service) or probes.get("default") or Probe()


def _is_steady(before: ServiceStatus, now: ServiceStatus) -> bool:
    return now.state in STEADY and before.state in STEADY and now.pid == before.pid


def _ask(probe: Probe, layout: Layout, service: str) -> str:
    """Return why a service does not answer; "" when it does."""
    try:
        if probe.port:
            with socket.create_connection(("127.0.0.1", probe.port), timeout=_ANSWER_SECONDS):
                pass
        if probe.socket:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_ANSWER_SECONDS)
                client.connect(layout.under(probe.socket))
    except OSError as error:
        return f"{probe.socket or f'port {probe.port}'}: {error.strerror or error}"
    if not probe.command:
        return ""
    argv = [word.replace("{root}", "" if layout.is_machine else layout.root) for word in probe.command]
    code, said = run_program(argv, package=probe.package, timeout=probe.within, place=f"service {service}")
    return "" if code == 0 else f"{' '.join(argv)}: {said or f'exit code {code}'}"


def _read(path: str) -> dict[str, dict[str, Any]]:
    try:
        file = TomlFile(path, ServiceError)
    except OSError:
        return {}
    for service, table in file.data.items():
        file.check(table, _KEYS, service)
        if table.get("command") and not table.get("package"):
            raise file.error(f"[{service}] command needs the Debian package of its program", hint='add package = "..."')
    return file.data


def _probe(said: dict[str, Any]) -> Probe:
    return Probe(
        up_for=said.get("up-for", Probe.up_for),
        within=said.get("within", Probe.within),
        port=said.get("port", 0),
        socket=os.path.normpath(said["socket"]) if said.get("socket") else "",
        command=tuple(said.get("command", ())),
        package=said.get("package", ""),
    )
