"""What an event does to a service, by its state and by whether it is enabled."""

from __future__ import annotations

import pytest

from esmith.errors import ServiceError, UsageError
from esmith.services.actions import ACTIONS, check_action
from esmith.services.adjust import adjust, plan
from esmith.services.model import ServiceStatus, Status, SupervisorError, UnsupervisedError
from esmith.services.recording import RecordingSupervisor

_STATES = [state for state in Status if state is not Status.UNSUPERVISED]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("state", _STATES)
def test_a_service_that_is_not_enabled_is_only_stopped(action: str, state: Status) -> None:
    """Whatever is asked, a disabled service ends down; if it is down nothing is done."""
    at_rest = state in (Status.DOWN, Status.FINISHED)
    assert plan([action], state, enabled=False) == ([] if at_rest else ["stop"])


@pytest.mark.parametrize(
    ("actions", "steps"),
    [
        ("", []),
        ("start", []),
        ("up", []),
        ("sighup", ["hup"]),
        ("restart", ["restart"]),
        ("start restart", ["restart"]),
        ("restart start", ["restart"]),
        ("restart sigterm", ["restart"]),
        ("sighup restart sigusr1", ["restart"]),
        ("sighup sigusr1", ["hup", "usr1"]),
        ("sighup adjust", ["hup"]),
        ("try-restart", ["try-restart"]),
        ("reload-or-restart", ["reload-or-restart"]),
        ("once", ["once"]),
        ("down", ["stop"]),
        ("sighup stop", ["hup", "stop"]),
        ("stop sighup", ["stop"]),
        ("stop start", ["stop", "start"]),
        ("exit", ["exit"]),
        ("pause", ["pause"]),
        ("kill", ["kill"]),
        ("enable", ["enable"]),
        ("disable sighup", ["disable", "hup"]),
        ("sigwinch", ["sigwinch"]),
    ],
)
def test_an_enabled_service_that_is_up(actions: str, steps: list[str]) -> None:
    """The actions are carried out in order, once each; one restart makes up for signals and other restarts."""
    assert plan([check_action(action) for action in actions.split()], Status.UP, enabled=True) == steps


@pytest.mark.parametrize(
    ("actions", "steps"),
    [
        ("", ["start"]),
        ("start", ["start"]),
        ("sighup", ["start"]),
        ("restart", ["start"]),
        ("try-restart", ["start"]),
        ("restart sighup restart", ["start"]),
        ("reload", ["start"]),
        ("kill", ["start"]),
        ("stop", []),
        ("stop sighup", []),
        ("once", ["once"]),
        ("once sighup", ["once"]),
        ("exit", ["exit"]),
        ("enable", ["enable", "start"]),
        ("stop start", ["start"]),
    ],
)
def test_an_enabled_service_that_is_down(actions: str, steps: list[str]) -> None:
    """It is started once, however many reasons there are, unless it is asked to stop or to run once."""
    assert plan([check_action(action) for action in actions.split()], Status.DOWN, enabled=True) == steps


@pytest.mark.parametrize(
    ("actions", "state", "steps"),
    [
        ("sighup", Status.STARTING, ["start"]),
        ("restart", Status.STARTING, ["start"]),
        ("stop", Status.STARTING, ["stop"]),
        ("", Status.ENDING, ["start"]),
        ("sighup", Status.ENDING, ["hup", "start"]),
        ("restart", Status.ENDING, ["restart"]),
        ("stop", Status.ENDING, ["stop"]),
        ("", Status.PAUSED, []),
        ("restart", Status.PAUSED, ["restart"]),
        ("", Status.FINISHED, ["start"]),
        ("", Status.UNKNOWN, ["start"]),
        ("sighup", Status.UNKNOWN, ["hup", "start"]),
    ],
)
def test_states_between(actions: str, state: Status, steps: list[str]) -> None:
    """A crashed service is started; one that runs for the last time is kept, or restarted if that is asked."""
    assert plan([check_action(action) for action in actions.split()], state, enabled=True) == steps


def test_adjust_carries_out_the_plan() -> None:
    """The actions carried out are returned, and sent to the supervisor in that order."""
    supervisor = RecordingSupervisor({"imap": Status.UP})
    assert adjust(supervisor, "imap", ["sighup", "sigusr1"], enabled=True) == ["hup", "usr1"]
    assert supervisor.calls == [("imap", "hup"), ("imap", "usr1")]


def test_adjust_checks_every_action_first() -> None:
    """A service action that does not exist is refused before anything is touched."""
    supervisor = RecordingSupervisor()
    with pytest.raises(UsageError):
        adjust(supervisor, "imap", ["sighup", "restrat"], enabled=True)
    assert supervisor.calls == []


def test_adjust_twice_does_nothing_the_second_time() -> None:
    """Starting and stopping as the status asks is only done where needed."""
    supervisor = RecordingSupervisor({"imap": Status.DOWN})
    assert adjust(supervisor, "imap", [], enabled=True) == ["start"]
    assert adjust(supervisor, "imap", [], enabled=True) == []
    assert adjust(supervisor, "imap", ["restart"], enabled=False) == ["stop"]
    assert adjust(supervisor, "imap", ["restart"], enabled=False) == []


def test_adjust_stops_at_the_first_failure() -> None:
    """What failed is raised; the actions after it are not carried out. The service as before: it was the supervisor."""
    supervisor = RecordingSupervisor(refused=[("imap", "sighup")])
    with pytest.raises(SupervisorError, match="service imap: hup failed"):
        adjust(supervisor, "imap", ["sighup", "sigusr1"], enabled=True)
    assert supervisor.calls == [("imap", "hup")]


class _Fatal(RecordingSupervisor):
    """Its action kills the service."""

    def control(self, service: str, action: str) -> None:
        """Fail, and leave the service down."""
        self._seen[service] = ServiceStatus(Status.DOWN)
        raise ServiceError(f"{action} failed", place=f"service {service}")


@pytest.mark.parametrize("state", [Status.UP, Status.DOWN, Status.STARTING])
def test_a_service_that_fails_is_not_the_supervisors_fault(state: Status) -> None:
    """When the service is not as before, or was not up, it is the service that failed."""
    supervisor = _Fatal({"imap": state})
    with pytest.raises(ServiceError) as caught:
        adjust(supervisor, "imap", ["restart"], enabled=True)
    assert not isinstance(caught.value, SupervisorError)


class _Late(RecordingSupervisor):
    """Reports a failure, though the service is afterwards in some state, perhaps with another process."""

    def __init__(self, before: ServiceStatus, after: ServiceStatus) -> None:
        super().__init__()
        self._seen["imap"] = before
        self._outcome = after

    def control(self, service: str, word: str) -> None:
        """Fail."""
        self._seen[service] = self._outcome
        raise ServiceError(f"{word} failed", place=f"service {service}")


@pytest.mark.parametrize(
    ("before", "after", "by_supervisor"),
    [
        (ServiceStatus(Status.UP, 7), ServiceStatus(Status.UP, 7), True),
        (ServiceStatus(Status.UP, 7, 100), ServiceStatus(Status.UP, 7, 101), True),
        (ServiceStatus(Status.UP, 7), ServiceStatus(Status.UP, 8), False),
        (ServiceStatus(Status.UP, 7), ServiceStatus(Status.ENDING, 7), False),
        (ServiceStatus(Status.UP, 7), ServiceStatus(Status.STARTING), False),
        (ServiceStatus(Status.STARTING), ServiceStatus(Status.STARTING), False),
    ],
    ids=["as before", "as before, later", "another process", "about to end", "crashes", "crashed before"],
)
def test_whose_fault_a_failure_is(before: ServiceStatus, after: ServiceStatus, by_supervisor: bool) -> None:
    """Only the process of before, in the state of before, has read nothing new: then the supervisor failed."""
    with pytest.raises(ServiceError) as caught:
        adjust(_Late(before, after), "imap", ["restart"], enabled=True)
    assert isinstance(caught.value, SupervisorError) == by_supervisor


@pytest.mark.parametrize(
    ("actions", "enabled", "pending"),
    [(["sighup", "sigusr1"], True, "hup usr1"), ([], True, "start"), ([], False, "stop"), (["restart"], False, "stop")],
)
def test_unsupervised_is_an_error_of_its_own(actions: list[str], enabled: bool, pending: str) -> None:
    """When nothing supervises the service nothing is done, and the error names the pending action."""
    supervisor = RecordingSupervisor({"imap": Status.UNSUPERVISED})
    with pytest.raises(UnsupervisedError, match=f"not supervised; {pending} is pending"):
        adjust(supervisor, "imap", actions, enabled=enabled)
    assert supervisor.calls == []
