"""Whether services stay up with their new files: what their supervisor says for a while, and what they answer.

Right after a start or a reload every service looks up. One that cannot live with its new files ends a moment later,
and its supervisor starts it again and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from esmith.services.model import ServiceStatus, Status, Supervisor
from esmith.services.program import run_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.services.service import Probe

#: The states in which a service is as it should be when it is enabled.
STEADY = frozenset({Status.UP, Status.PAUSED, Status.FINISHED})
#: Why a service is of no use, "" when it is of use; and whether that is certain.
Complaint = Callable[[str, ServiceStatus], tuple[str, bool]]
_LOOK_EVERY = 0.1
_ANSWER_SECONDS = 5.0


def find_failing(
    services: Sequence[tuple[Supervisor, str]],
    probes: Mapping[str, Probe],
    layout: Layout,
    complaint: Complaint = lambda _service, _status: ("", False),
) -> dict[str, str]:
    """Watch services that were just adjusted, and return those that do not stay up, do not answer, or are of no use.

    :param services: the services to watch, each with its supervisor; all are enabled.
    :param probes: when each of them counts as up.
    :param layout: the root that the paths of sockets are taken under.
    :param complaint: returns why a service that answers is of no use, "" when it is of use; and whether that is
        certain. It is asked at each look; a complaint that is not certain, as long as the service may take to answer.
    :return: what is wrong with each that fails. Watching ends as soon as one does.
    :raises ServiceError: when a supervisor cannot be asked.
    """
    begun = time.monotonic()
    waiting = [_Watched(supervisor, service, probes[service], complaint) for supervisor, service in services]
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

    def __init__(self, supervisor: Supervisor, service: str, probe: Probe, complaint: Complaint) -> None:
        self.service = service
        self._supervisor = supervisor
        self._probe = probe
        self._first = supervisor.status(service)
        self._unanswered = bool(probe.port or probe.socket or probe.command)
        self._is_useful = False
        self._complaint = ""
        self._why_useless = complaint

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
        if not self._unanswered:
            # Each time: a run script may need a moment until it knows that it has to wait.
            self._complaint, is_certain = self._why_useless(self.service, now)
            self._is_useful = not self._complaint
            if self._complaint and (is_certain or seconds >= self._probe.within):
                return f"it is up and was of use before, but is not any more: {self._complaint}"
        return ""

    def is_well(self, seconds: float) -> bool:
        """Return whether it has been up for long enough, has answered, and is of use."""
        return seconds >= self._probe.up_for and not self._unanswered and self._is_useful


def _is_steady(before: ServiceStatus, now: ServiceStatus) -> bool:
    return now.state in STEADY and before.state in STEADY and now.pid == before.pid


def _ask(probe: Probe, layout: Layout, service: str) -> str:
    """Return why a service does not answer; "" when it does."""
    import socket

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
    code, printed = run_program(argv, package=probe.package, timeout=probe.within, place=f"service {service}")
    return "" if code == 0 else f"{' '.join(argv)}: {printed or f'exit code {code}'}"
