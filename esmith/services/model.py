"""What the rest of the engine may expect of a supervisor, and how it describes the state of a service."""

from __future__ import annotations

from esmith.enums import Enum
from esmith.errors import ServiceError
from esmith.fields import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class Status(Enum):
    """The state of a service: whether it runs, and whether its supervisor means to keep it that way."""

    #: Runs, and is started again when it ends.
    UP = "up"
    #: Runs, but was sent STOP: it does nothing until it gets CONT.
    PAUSED = "paused"
    #: Does not run yet, or crashed and is about to be started again.
    STARTING = "starting"
    #: Runs, but is not started again: it was stopped, or was started once.
    ENDING = "ending"
    #: Ran to its end as it should, and counts as started (a oneshot unit of systemd).
    FINISHED = "finished"
    #: Does not run, and is not meant to.
    DOWN = "down"
    #: No supervisor runs for it, so nothing can be done to it now; its pending action stays pending.
    UNSUPERVISED = "not supervised"
    #: Its supervisor gave an answer that is not understood.
    UNKNOWN = "unknown"


_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_IN_A_NAME = _LETTERS | frozenset(".:@\\-")

#: There is a process that a signal would reach.
RUNNING = frozenset({Status.UP, Status.PAUSED, Status.ENDING, Status.UNKNOWN})
#: There is no process, and none is about to be started.
AT_REST = frozenset({Status.DOWN, Status.FINISHED})


@dataclass(frozen=True)
class ServiceStatus:
    """One look at a service.

    :param state: what it is doing.
    :param pid: the process the supervisor started; None when there is none.
    :param seconds: for how long it has been so.
    """

    state: Status
    pid: int | None = None
    seconds: int = 0

    @property
    def running(self) -> bool:
        """Whether there is a process that a signal would reach."""
        return self.state in RUNNING

    def __str__(self) -> str:
        process = f" (pid {self.pid})" if self.pid else ""
        since = "" if self.state is Status.UNSUPERVISED else f" for {self.seconds} s"
        return f"{self.state.value}{process}{since}"


class SupervisorError(ServiceError):
    """The supervisor could not be reached, or did not do it: the service is as before, and the action is pending.

    Any other ServiceError says that the service itself failed.
    """


class UnsupervisedError(SupervisorError):
    """Nothing supervises the service now: it reads its files when its supervisor starts it."""


class StillEndingError(SupervisorError):
    """The service was asked to end, and ends when what it does is done; its supervisor then does the rest by itself.

    :param message: what happened.
    :param place: the service.
    :param action: the service action that was asked for.
    :param pid: the process that is to end.
    """

    def __init__(self, message: str, *, place: str, action: str, pid: int) -> None:
        super().__init__(message, place=place, hint="'esmith services' shows when it has")
        self.action = action
        self.pid = pid


class Supervisor(Protocol):
    """Something that keeps services running: it carries out service actions, and is asked for states."""

    @property
    def name(self) -> str:
        """What it is: ``runit``, ``daemontools``, ``systemd``, ``recording``, or ``none``."""

    def control(self, service: str, action: str) -> None:
        """Carry out one service action.

        After stop, start and restart (and what comes to the same) the service is down, up, or up as a new process
        when this returns. Of a signal it is only known that it was sent.

        :param service: name of the service.
        :param action: any of :mod:`esmith.services.actions`.
        :raises UsageError: when there is no such action. Nothing was done.
        :raises UnsupervisedError: when nothing supervises the service now.
        :raises StillEndingError: when the service was asked to end, and is allowed to complete what it does before.
        :raises ServiceError: when it could not be done, with what the supervisor printed.
        """

    def status(self, service: str, /) -> ServiceStatus:
        """Return the state of a service.

        :raises ServiceError: when the supervisor cannot be asked.
        """


def is_service_name(text: str) -> bool:
    """Return whether a text can be the name of a service: no path, no option, no pattern of systemctl."""
    return text[:1] in _LETTERS and _IN_A_NAME.issuperset(text)
