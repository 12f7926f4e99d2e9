"""What an event does to a service, by its state and by whether it is enabled."""

from __future__ import annotations

from esmith.errors import ServiceError
from esmith.printable import shell_word
from esmith.services.actions import HOLDING, SIGNALLING, Effect, check_action, effect_of
from esmith.services.model import AT_REST, ServiceStatus, Status, SupervisorError, UnsupervisedError
from esmith.services.waiting import is_waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.services.model import Supervisor


def adjust(supervisor: Supervisor, service: str, actions: Sequence[str], enabled: bool) -> list[str]:
    """Carry out the service actions of an event, and bring the service into the state its ``status`` asks for.

    :param supervisor: who has the service.
    :param service: its name.
    :param actions: what is asked, in order; none to only start or stop it as needed.
    :param enabled: whether it is to be up. One whose run script waits is restarted then.
    :return: the actions carried out, as :func:`esmith.services.actions.check_action` writes them; empty when there was
        nothing to do.
    :raises UsageError: when one of the actions is unknown. Nothing was done.
    :raises UnsupervisedError: when nothing supervises the service now. Nothing was done.
    :raises SupervisorError: when the supervisor refused and the service runs as before.
    :raises ServiceError: when the service did not carry out an action. Those after it were not carried out.
    """
    wanted = [check_action(action) for action in actions]
    now = _look(supervisor, service)
    state = now.state
    if state is Status.UNSUPERVISED:
        asked = (" ".join(wanted) or "start") if enabled else "stop"
        raise UnsupervisedError(
            f"not supervised; {asked} is pending (esmith services)",
            place=f"service {service}",
            hint="start its supervisor, runsvdir or svscan, or disable it: "
            f"config setprop {shell_word(service)} status disabled",
        )
    if enabled and is_waiting(now) and HOLDING.isdisjoint(map(effect_of, wanted)):
        # What the script missed may be there now.
        wanted.append("restart")
    steps = plan(wanted, state, enabled)
    for action in steps:
        _control(supervisor, service, action)
    return steps


def _look(supervisor: Supervisor, service: str) -> ServiceStatus:
    try:
        return supervisor.status(service)
    except ServiceError as error:
        raise SupervisorError(error.message, place=error.place, hint=error.hint) from error


def _control(supervisor: Supervisor, service: str, action: str) -> None:
    """Carry out an action, and when that fails find out whose fault it is: the supervisor's or the service's."""
    before = _look(supervisor, service)
    try:
        supervisor.control(service, action)
    except SupervisorError:
        raise
    except ServiceError as error:
        after = _look(supervisor, service)
        if before.running and (after.state, after.pid) == (before.state, before.pid):
            raise SupervisorError(error.message, place=error.place, hint=error.hint) from error
        raise


def plan(actions: Sequence[str], state: Status, enabled: bool) -> list[str]:
    """Return the actions to carry out, in order: what :func:`adjust` does, without doing it.

    - A service that is not enabled is only stopped, if it is not down yet.
    - An enabled one that is not up is started, unless an action stops it or runs it once. As a process that just
      started has read its files, this one start makes up for restarts, reloads and signals.
    - A restart makes up for the signals and restarts before and after it.

    This is the original's rule (its ``adjust-services``), less the actions that do the same work twice and those it
    sends to disabled services.

    :param actions: what :func:`esmith.services.actions.check_action` returned.
    :param state: what the service is doing now.
    """
    if not enabled:
        return [] if state in AT_REST else ["stop"]
    course = _Course(state)
    for action in actions:
        course.add(action)
    if not course.staying and HOLDING.isdisjoint(map(effect_of, actions)):
        course.start()
    return course.steps


class _Course:
    """The steps so far, and the state the service will be in after them."""

    def __init__(self, state: Status) -> None:
        self.steps: list[str] = []
        self.running = ServiceStatus(state).running
        self.staying = state in (Status.UP, Status.PAUSED)
        self._at_rest = state in AT_REST
        self._fresh = False

    def start(self) -> None:
        """Start the service, if it does not run and stay up already."""
        if not self.staying:
            self.steps.append("start")
            self._fresh = self._fresh or not self.running
            self.running = self.staying = True
            self._at_rest = False

    def add(self, action: str) -> None:
        """Add what is needed of one action."""
        effect = effect_of(action)
        if effect == Effect.STOP:
            self._stop(action)
        elif effect == Effect.START:
            self.start()
        elif effect == Effect.RESTART:
            self._restart(action)
        elif effect in SIGNALLING:
            if self.running and not self._fresh and action not in self.steps:
                self.steps.append(action)
        else:
            self.steps.append(action)
            if effect == Effect.ONCE:
                self._fresh = self._fresh or not self.running
                self.running, self.staying, self._at_rest = True, False, False

    def _stop(self, action: str) -> None:
        # "exit" ends the supervisor too, which runs even where the service does not.
        if action != "stop" or not self._at_rest:
            self.steps.append(action)
        self.running = self.staying = self._fresh = False
        self._at_rest = True

    def _restart(self, action: str) -> None:
        if self._fresh:
            return
        if self.running:
            self.steps = [step for step in self.steps if effect_of(step) not in SIGNALLING]
            self.steps.append(action)
            self.running = self.staying = self._fresh = True
        elif action != "try-restart":
            self.start()
