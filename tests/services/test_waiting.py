"""A service whose run script waits, since it could not start its daemon."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from esmith.processes import command_of
from esmith.services.adjust import adjust
from esmith.services.model import ServiceStatus, Status
from esmith.services.systemd import SystemdSupervisor
from esmith.services.waiting import WAITING, is_waiting
from tests.services.servers import eventually
from tests.services.test_systemd import FakeSystemctl, systemctl, systemd

__all__ = ["systemctl", "systemd"]


class _Remembering:
    """A supervisor that calls a service up, and remembers what it is to do."""

    name = "supervisor"

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.asked: list[str] = []

    def status(self, _service: str) -> ServiceStatus:
        """Return that it is up."""
        return ServiceStatus(Status.UP, self.pid, 5)

    def control(self, _service: str, action: str) -> None:
        """Remember the action."""
        self.asked.append(action)


@pytest.fixture
def waits() -> Iterator[int]:
    """The process of a run script that waits."""
    process = subprocess.Popen(WAITING)
    # The kernel has the words of a process a moment after it has begun.
    eventually(lambda: command_of(process.pid) == WAITING, "the process has its words")
    yield process.pid
    process.kill()
    process.wait()


@pytest.fixture
def runs() -> Iterator[int]:
    """The process of a daemon."""
    process = subprocess.Popen(["sleep", "61"])
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.parametrize("actions", [[], ["sighup"], ["sigusr1"], ["reload"], ["restart"], ["start"]])
def test_it_is_restarted_whatever_is_asked(waits: int, actions: list[str]) -> None:
    """No signal reaches a daemon there; the script looks again, as what it missed may be there now."""
    supervisor = _Remembering(waits)
    assert adjust(supervisor, "clamd", actions, enabled=True) == ["restart"] == supervisor.asked


def test_it_is_stopped_as_any_other(waits: int) -> None:
    """Neither a disabled service nor one that is to be stopped is restarted."""
    assert adjust(_Remembering(waits), "clamd", ["sighup"], enabled=False) == ["stop"]
    assert adjust(_Remembering(waits), "clamd", ["stop"], enabled=True) == ["stop"]


def test_a_daemon_that_runs_gets_what_is_asked(runs: int) -> None:
    """Only the process that the run script becomes counts as waiting."""
    assert not is_waiting(ServiceStatus(Status.UP, runs, 5))
    assert not is_waiting(ServiceStatus(Status.DOWN, None, 5))
    assert adjust(_Remembering(runs), "clamd", ["sighup"], enabled=True) == ["hup"]


def test_systemd_reloads_no_script(systemd: SystemdSupervisor, systemctl: FakeSystemctl, waits: int, runs: int) -> None:
    """Where a restart is a reload of the unit, as of Apache, a script that waits is restarted; HUP would end it."""
    for pid, verb in ((waits, "restart"), (runs, "reload-or-restart")):
        systemctl.shows(f"LoadState=loaded\nActiveState=active\nMainPID={pid}\nType=simple\nResult=success\n")
        systemd.control("httpd-e-smith", "reload-or-restart")
        assert systemctl.calls[-1] == f"--no-ask-password --no-pager {verb} httpd-e-smith"
