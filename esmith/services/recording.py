"""A supervisor that only writes down what is asked of it: for dry runs and for tests."""

from __future__ import annotations

from esmith.errors import ServiceError
from esmith.services.actions import Effect, check_action, effect_of
from esmith.services.model import ServiceStatus, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from esmith.services.model import Supervisor

_FIRST_PID = 1000


class RecordingSupervisor:
    """Records (service, action) and pretends that it was done. It starts no process.

    :param states: what services are doing at first; those not named are up.
    :param real: the supervisor to ask for the state of services that are not named.
    :param refused: the (service, action) pairs to fail at, to see what happens then.
    """

    name = "recording"

    def __init__(
        self,
        states: Mapping[str, Status] | None = None,
        *,
        real: Supervisor | None = None,
        refused: Collection[tuple[str, str]] = (),
    ) -> None:
        #: What was asked, in order; service actions as ``check_action`` writes them.
        self.calls: list[tuple[str, str]] = []
        self._real = real
        self._refused = {(service, check_action(action)) for service, action in refused}
        self._last_pid = _FIRST_PID
        self._seen = {service: self._pretended(state) for service, state in (states or {}).items()}

    def status(self, service: str) -> ServiceStatus:
        """Return the state the service would be in.

        :raises ServiceError: when the real supervisor cannot be asked.
        """
        if service not in self._seen:
            self._seen[service] = self._real.status(service) if self._real else self._pretended(Status.UP)
        return self._seen[service]

    def control(self, service: str, action: str) -> None:
        """Record the service action.

        :raises UsageError: when there is no such action. It is not recorded.
        :raises ServiceError: when it is one to fail at. It is recorded.
        """
        action = check_action(action)
        before = self.status(service)
        self.calls.append((service, action))
        if (service, action) in self._refused:
            raise ServiceError(f"{action} failed: refused", place=f"service {service}", hint="this is only a record")
        self._seen[service] = self._after(effect_of(action), action, before)

    def _after(self, effect: int, action: str, before: ServiceStatus) -> ServiceStatus:
        if effect == Effect.STOP:
            return ServiceStatus(Status.DOWN)
        if effect in (Effect.RESTART, Effect.KILL):
            return self._pretended(Status.UP) if before.running or action == "restart" else before
        if effect in (Effect.START, Effect.ONCE):
            state = Status.UP if effect == Effect.START else Status.ENDING
            return ServiceStatus(state, before.pid) if before.running else self._pretended(state)
        if action == "reload-or-restart" and not before.running:
            return self._pretended(Status.UP)
        return before

    def _pretended(self, state: Status) -> ServiceStatus:
        status = ServiceStatus(state)
        if not status.running:
            return status
        self._last_pid += 1
        return ServiceStatus(state, self._last_pid)
