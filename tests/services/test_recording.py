"""The supervisor that only records the service actions."""

from __future__ import annotations

import pytest

from esmith.errors import ServiceError, UsageError
from esmith.services.model import Status
from esmith.services.recording import RecordingSupervisor


def test_it_records_and_pretends() -> None:
    """An action is recorded as check_action writes it, and the state follows."""
    supervisor = RecordingSupervisor({"imap": Status.DOWN})
    pids = [supervisor.status("imap").pid]
    for action in ("start", "sighup", "sigterm", "stop"):
        supervisor.control("imap", action)
        pids.append(supervisor.status("imap").pid)
    assert supervisor.calls == [("imap", "start"), ("imap", "hup"), ("imap", "restart"), ("imap", "stop")]
    assert pids[0] is None
    assert pids[1] is not None
    assert pids[1] == pids[2]
    assert pids[3] not in (None, pids[2])
    assert pids[4] is None


@pytest.mark.parametrize(
    ("state", "action", "after"),
    [
        (Status.DOWN, "try-restart", Status.DOWN),
        (Status.DOWN, "reload-or-try-restart", Status.DOWN),
        (Status.DOWN, "reload-or-restart", Status.UP),
        (Status.DOWN, "restart", Status.UP),
        (Status.DOWN, "kill", Status.DOWN),
        (Status.DOWN, "sighup", Status.DOWN),
        (Status.DOWN, "once", Status.ENDING),
        (Status.UP, "once", Status.ENDING),
        (Status.UP, "kill", Status.UP),
        (Status.ENDING, "start", Status.UP),
        (Status.UP, "exit", Status.DOWN),
    ],
)
def test_states_follow_the_actions(state: Status, action: str, after: Status) -> None:
    """It pretends what the real ones do."""
    supervisor = RecordingSupervisor({"imap": state})
    supervisor.control("imap", action)
    assert supervisor.status("imap").state is after


def test_it_asks_the_real_one_first() -> None:
    """In a dry run the state is the real one, until an action would have changed it; the real one gets none."""
    real = RecordingSupervisor({"imap": Status.DOWN, "pop3": Status.UP})
    record = RecordingSupervisor(real=real)
    record.control("imap", "start")
    assert record.status("imap").state is Status.UP
    assert record.status("pop3") == real.status("pop3")
    assert real.status("imap").state is Status.DOWN
    assert real.calls == []


def test_unknown_actions_are_not_recorded() -> None:
    """They are refused as by the real ones."""
    supervisor = RecordingSupervisor()
    with pytest.raises(UsageError):
        supervisor.control("imap", "restrat")
    assert supervisor.calls == []


def test_it_fails_where_a_test_wants() -> None:
    """To try what happens after a failure; the state stays."""
    supervisor = RecordingSupervisor(refused=[("imap", "sigterm")])
    before = supervisor.status("imap")
    with pytest.raises(ServiceError, match="service imap"):
        supervisor.control("imap", "restart")
    assert supervisor.status("imap") == before
