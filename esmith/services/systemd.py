"""Services under systemd, through ``systemctl`` (systemctl(1); the service actions as the original maps them)."""

from __future__ import annotations

import time

from esmith.errors import ServiceError
from esmith.printable import shell_word
from esmith.services.actions import check_action, signal_of
from esmith.services.model import ServiceStatus, Status, StillEndingError, UnsupervisedError
from esmith.services.program import run_for_text, run_program
from esmith.services.service import Ending
from esmith.services.waiting import is_waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The verb of systemctl for each service action that is not just a signal. It knows no "once": what happens when the
#: service ends is up to its unit. HUP, USR1 and USR2 reload, as units do not say what a signal would do.
VERBS = {
    "stop": "stop",
    "exit": "stop",
    "restart": "restart",
    "try-restart": "try-restart",
    "once": "start",
    "hup": "reload-or-restart",
    "reload": "reload",
    "reload-or-restart": "reload-or-restart",
    "reload-or-try-restart": "reload-or-try-restart",
    "usr1": "reload-or-restart",
    "usr2": "reload-or-restart",
    "enable": "enable",
    "disable": "disable",
    "start": "start",
}
#: systemctl waits for the unit, for which systemd itself allows 90 s a step by default.
WAIT_SECONDS = 300.0
_LOOK_EVERY = 0.2
_MISSING = ("not-found", "masked")
_STATES = {
    "active": Status.UP,
    "reloading": Status.UP,
    "refreshing": Status.UP,
    "activating": Status.STARTING,
    "deactivating": Status.ENDING,
    "inactive": Status.DOWN,
    "failed": Status.DOWN,
}
_PROPERTIES = ("LoadState", "SourcePath", "ActiveState", "MainPID", "Type", "Result", "StateChangeTimestampMonotonic")


class SystemdSupervisor:
    """The system's systemd.

    :param systemctl: the program to call.
    :param timeout: seconds it may take to carry out one service action.
    :param unit: the name of the unit, where it differs from that of the service.
    :param verbs: verbs of systemctl for some actions, in the place of those of :data:`VERBS`.
    :param is_ours: whether ``esmith init`` wrote the unit: USR1 and USR2 then reach the daemon, as under runit.
    :param ending: how the service ends. Where it completes something first, only so long is waited for it.
    """

    name = "systemd"

    def __init__(
        self,
        systemctl: str = "systemctl",
        *,
        timeout: float = WAIT_SECONDS,
        unit: str = "",
        verbs: Mapping[str, str] | None = None,
        is_ours: bool = False,
        ending: Ending | None = None,
    ) -> None:
        self.systemctl = systemctl
        self.timeout = timeout
        self._unit = unit
        known = {action: verb for action, verb in VERBS.items() if not (is_ours and action in ("usr1", "usr2"))}
        self._verbs = known | dict(verbs or {})
        self._ending = ending or Ending()

    def has_unit(self, service: str) -> bool:
        """Return whether there is a unit of that name; a masked one counts as none, because it cannot be started.

        :raises ServiceError: when systemd cannot be asked.
        """
        return self.source(service) is not None

    def source(self, service: str) -> str | None:
        """Return the script in ``/etc/init.d`` that a unit was made of, "" for a real one, None when there is none.

        :raises ServiceError: when systemd cannot be asked.
        """
        shown = self._show(service)
        return None if shown.get("LoadState", "not-found") in _MISSING else shown.get("SourcePath", "")

    def status(self, service: str) -> ServiceStatus:
        """Return the state of a unit; UNSUPERVISED when there is none.

        :raises ServiceError: when systemd cannot be asked.
        """
        return _status_of(self._show(service))

    def control(self, service: str, action: str) -> None:
        """Carry out one service action; systemctl waits until it has taken effect.

        :raises UsageError: when there is no such action.
        :raises UnsupervisedError: when there is no such unit.
        :raises ServiceError: when systemctl failed.
        """
        arguments = self.arguments(service, action)
        if arguments[0].startswith("reload") and is_waiting(self.status(service)):
            # There is no daemon yet that could read its files again.
            arguments[0] = "restart"
        before = self.status(service) if self._completes(arguments[0]) else None
        code, printed = self._run(["--no-block", *arguments] if before else arguments)
        if code == 0:
            if before is not None:
                self._await(service, arguments[0], before)
            return
        if not self.has_unit(service):
            raise UnsupervisedError(
                f"systemd has no such unit: {printed}",
                place=f"service {service}",
                hint="install the package of the service, or disable the service",
            )
        unit = shell_word(arguments[-1])
        raise ServiceError(
            f"systemctl {arguments[0]} failed: {printed or f'exit code {code}'}",
            place=f"service {service}",
            hint=f"look closer with: systemctl status {unit}\n  and with: journalctl -u {unit}",
        )

    def arguments(self, service: str, action: str) -> list[str]:
        """Return the arguments of systemctl that carry out a service action.

        :raises UsageError: when there is no such action.
        """
        action = check_action(action)
        unit = self._unit or service
        if action in self._verbs:
            return [self._verbs[action], unit]
        number = signal_of(action)
        if number is None:
            raise ServiceError(f"systemd cannot {action}", place=f"service {service}")
        # The daemon alone, as from runit: a signal that it knows may end what it has started.
        return ["kill", "--kill-who=main", f"--signal={number.name}", unit]

    def _completes(self, verb: str) -> bool:
        return bool(self._ending.until) and verb in ("stop", "restart", "try-restart")

    def _await(self, service: str, verb: str, before: ServiceStatus) -> None:
        """Wait for a service that completes what it does before it ends; systemd has the stop or restart queued.

        :raises StillEndingError: when it has not ended in time.
        """
        if before.pid is None:
            return
        deadline = time.monotonic() + self._ending.wait
        while (now := self.status(service)).pid == before.pid:
            if time.monotonic() >= deadline:
                then = "stays down" if verb == "stop" else "starts again by itself"
                raise StillEndingError(
                    f"it ends when {self._ending.until}, and then {then}",
                    place=f"service {service}",
                    action="stop" if verb == "stop" else "restart",
                    pid=before.pid,
                )
            time.sleep(_LOOK_EVERY)
        while verb != "stop" and now.state is not Status.UP and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)
            now = self.status(service)

    def _show(self, service: str) -> dict[str, str]:
        unit = self._unit or service
        code, printed = self._run(["show", f"--property={','.join(_PROPERTIES)}", unit])
        if code != 0:
            raise ServiceError(
                f"systemd does not show its state: {printed or f'exit code {code}'}",
                place=f"service {service}",
                hint=f"look closer with: systemctl status {shell_word(unit)}",
            )
        return _pairs_in(printed)

    def _run(self, arguments: list[str]) -> tuple[int, str]:
        return _systemctl(self.systemctl, arguments, self.timeout)


def states_of_units(units: Sequence[str], systemctl: str = "systemctl") -> dict[str, ServiceStatus]:
    """Return the states of several units; UNSUPERVISED for one that is not there.

    :raises ServiceError: when systemd does not show all of them.
    """
    place = f"units {' '.join(units)}"
    argv = [*_argv(systemctl), "show", f"--property={','.join(_PROPERTIES)}", *units]
    code, printed = run_for_text(argv, package="systemd", timeout=WAIT_SECONDS, place=place)
    # A line for each property, and an empty one between two units.
    shown = printed.strip().split("\n\n")
    if code != 0 or len(shown) != len(units):
        what = " ".join(printed.split()) or f"exit code {code}"
        raise ServiceError(f"systemd does not show their states: {what}", place=place)
    return {unit: _status_of(_pairs_in(text)) for unit, text in zip(units, shown, strict=True)}


def _systemctl(program: str, arguments: Sequence[str], timeout: float) -> tuple[int, str]:
    argv = [*_argv(program), *arguments]
    return run_program(argv, package="systemd", timeout=timeout, place=f"service {arguments[-1]}")


def _argv(program: str) -> list[str]:
    return [program, "--no-ask-password", "--no-pager"]


def _pairs_in(printed: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in printed.split() if "=" in pair)


def _status_of(shown: Mapping[str, str]) -> ServiceStatus:
    """Return the state that systemctl showed the properties of."""
    if shown.get("LoadState", "not-found") in _MISSING:
        return ServiceStatus(Status.UNSUPERVISED)
    state = _STATES.get(shown.get("ActiveState", ""), Status.UNKNOWN)
    ended_well = state is Status.DOWN and shown.get("Result") == "success"
    since = _number(shown.get("StateChangeTimestampMonotonic"))
    if ended_well and since and shown.get("Type") == "oneshot":
        state = Status.FINISHED
    pid = _number(shown.get("MainPID"))
    seconds = max(0, int(time.clock_gettime(time.CLOCK_MONOTONIC) - since / 1_000_000)) if since else 0
    return ServiceStatus(state, pid or None, seconds)


def _number(shown: str | None) -> int:
    """Return a number systemctl showed; 0 for none, and for "[not set]"."""
    return int(shown) if shown and shown.isdecimal() else 0
