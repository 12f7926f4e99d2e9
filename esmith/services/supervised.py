"""What runit and daemontools have in common: a program controls them, and the service directory shows the state."""

from __future__ import annotations

import abc
import os
import time

from esmith.errors import ServiceError
from esmith.services.actions import check_action, signal_of
from esmith.services.directory import ServiceDirectory
from esmith.services.model import ServiceStatus, Status, StillEndingError, UnsupervisedError
from esmith.services.program import run_program
from esmith.services.service import Ending

_LOOK_EVERY = 0.05
#: A program may take this much longer than the time it has to wait.
_SPARE_SECONDS = 10.0


class DirectorySupervisor(abc.ABC):
    """The supervisor of the service directories in one folder. Base class of runit's and daemontools'.

    :param folder: the folder the service directories are in, as ``/service``.
    :param timeout: seconds a service may take to stop, start or restart. The 7 s of sv(8) are too few for one that
        reads much first.
    :param until: what the service completes before it ends, see :class:`esmith.services.service.Ending`.
    """

    #: What it is called.
    name: str
    #: The Debian package of the program.
    package: str

    def __init__(self, folder: str, *, timeout: float = Ending.wait, until: str = "") -> None:
        self.folder = folder
        self.timeout = timeout
        self.until = until

    def status(self, service: str) -> ServiceStatus:
        """Return the state of a service.

        :raises ServiceError: when it may not be read.
        """
        return self._directory(service).status()

    def control(self, service: str, action: str) -> None:
        """Carry out one service action, and wait until a stop, start or restart has taken effect.

        :raises UsageError: when there is no such action.
        :raises UnsupervisedError: when no supervisor runs for the service.
        :raises StillEndingError: when the service completes what it does before it ends.
        :raises ServiceError: when it failed or did not take effect in time.
        """
        action = check_action(action)
        before = self.status(service)
        if before.state is Status.UNSUPERVISED:
            raise unsupervised(self.folder, service, action)
        if action in ("enable", "disable"):
            self._directory(service).start_with_supervisor(action == "enable")
            return
        certain = _unconditional(action, before.running)
        if certain is not None:
            deadline = time.monotonic() + self.timeout
            self._control(service, certain, before)
            self._await(service, certain, before, deadline)

    @abc.abstractmethod
    def command(self, action: str, directory: str) -> list[str] | None:
        """Return the program and arguments that carry out a service action, None when the program has no such command.

        :param action: one that :func:`esmith.services.actions.check_action` returned, and that is not conditional.
        :param directory: the service directory.
        """

    @abc.abstractmethod
    def look_closer(self, directory: str) -> str:
        """Return the command with which an administrator sees the state of a service."""

    def complaint(self, code: int, printed: str) -> str:
        """Return what went wrong according to the program, "" when nothing did."""
        return "" if code == 0 else printed or f"exit code {code}"

    def _control(self, service: str, action: str, before: ServiceStatus) -> None:
        argv = self.command(action, self._directory(service).path)
        if argv is None:
            self._send(service, action, before)
            return
        limit = self.timeout + _SPARE_SECONDS
        code, printed = run_program(argv, package=self.package, timeout=limit, place=f"service {service}")
        complaint = self.complaint(code, printed)
        if not complaint:
            return
        now = self.status(service)
        if now.state is Status.UNSUPERVISED:
            raise unsupervised(self.folder, service, action)
        self._check_ending(service, action, before, now)
        raise self._failed(service, f"{action} failed: {argv[0]} says: {complaint}")

    def _send(self, service: str, action: str, before: ServiceStatus) -> None:
        """Send a signal that the program has no command for; like the program, not minding that nothing runs."""
        number = signal_of(action)
        if number is None:
            raise self._failed(service, f"{self.name} cannot {action}")
        if before.pid is None:
            return
        try:
            os.kill(before.pid, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise self._failed(service, f"{action} failed: no permission to signal pid {before.pid}") from error

    def _await(self, service: str, action: str, before: ServiceStatus, deadline: float) -> None:
        """Wait for the service itself: of a young one the programs report success while the old process runs."""
        while True:
            now = self.status(service)
            if _took_effect(action, before, now):
                return
            if now.state is Status.UNSUPERVISED:
                raise unsupervised(self.folder, service, action)
            if time.monotonic() >= deadline:
                if action == "start" and now.state is Status.UP:
                    return  # it completes what it does, and starts again by itself
                self._check_ending(service, action, before, now)
                raise self._failed(service, f"{action} had no effect within {self.timeout:g} s: the service is {now}")
            time.sleep(_LOOK_EVERY)

    def _check_ending(self, service: str, action: str, before: ServiceStatus, now: ServiceStatus) -> None:
        """Raise the error of a service that was asked to end and completes what it does; of others none.

        :raises StillEndingError: when it is so.
        """
        if self.until and action in ("stop", "restart") and before.pid is not None and now.pid == before.pid:
            then = "starts again by itself" if action == "restart" else "stays down"
            raise StillEndingError(
                f"it ends when {self.until}, and then {then}", place=f"service {service}", action=action, pid=before.pid
            )

    def _directory(self, service: str) -> ServiceDirectory:
        return ServiceDirectory(os.path.join(self.folder, service))

    def _failed(self, service: str, message: str) -> ServiceError:
        closer = self.look_closer(self._directory(service).path)
        return ServiceError(
            message, place=f"service {service}", hint=f"its log may say why; look closer with: {closer}"
        )


class NoSupervisor:
    """Stands for the supervisor that ought to run for the service directories in a folder, but does not.

    :param folder: the folder.
    """

    name = "none"

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def status(self, _service: str) -> ServiceStatus:
        """Return that nothing supervises the service."""
        return ServiceStatus(Status.UNSUPERVISED)

    def control(self, service: str, action: str) -> None:
        """Refuse.

        :raises UsageError: when there is no such action.
        :raises UnsupervisedError: otherwise.
        """
        raise unsupervised(self.folder, service, check_action(action))


def unsupervised(folder: str, service: str, action: str) -> UnsupervisedError:
    """Return the error to raise when no supervisor runs for a service directory.

    :param folder: the folder the service directory is in.
    :param action: what was not done.
    """
    return UnsupervisedError(
        f"not supervised; {action} is pending (esmith services)",
        place=f"service {service}",
        hint=f"start runsvdir (package runit) or svscan (package daemontools) on {folder}",
    )


def _unconditional(action: str, running: bool) -> str | None:
    """Return what an action that asks for the state comes to, None for nothing (as systemctl(1) defines them)."""
    if action == "reload-or-restart":
        return "hup" if running else "start"
    if action == "try-restart":
        return "restart" if running else None
    if action in ("reload", "reload-or-try-restart"):
        return "hup" if running else None
    return action


def _took_effect(action: str, before: ServiceStatus, now: ServiceStatus) -> bool:
    if action == "stop":
        return now.state is Status.DOWN
    if action == "start":
        # One that was ending is shown as up at once, and ends first.
        ends = before.state is Status.ENDING and now.pid == before.pid
        return now.state in (Status.UP, Status.PAUSED) and not ends
    if action == "restart":
        return now.state is Status.UP and now.pid != before.pid
    return True
