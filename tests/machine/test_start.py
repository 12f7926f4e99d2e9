"""Starting the services: what runs an older program of ours gets the new one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.plan.host import DiskHost
from esmith.services.model import ServiceStatus, Status, StillEndingError
from esmith.setup.machine import start
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.progress import Progress
from esmith.setup.machine.start import is_of_before, wait_for_services
from esmith.setup.supervision import install_service_units
from tests.commands import Root

_HOUR = 3600


class _Supervisor:
    """A supervisor of one service that is up.

    :param seconds: for how long it is.
    :param ends: whether a restart is over at once.
    """

    name = "recording"

    def __init__(self, seconds: int, *, ends: bool = True) -> None:
        self.calls: list[str] = []
        self._seconds = seconds
        self._ends = ends

    def status(self, _service: str) -> ServiceStatus:
        return ServiceStatus(Status.UP, os.getpid(), self._seconds)

    def control(self, service: str, action: str) -> None:
        self.calls.append(f"{service} {action}")
        if not self._ends:
            raise StillEndingError("it ends later", place=service, action=action, pid=1)
        self._seconds = 0


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("esmith-watch", ""),
        ("smtp-auth-proxy", ""),
        ("cvm-unix-local", "/usr/share/e-smith/cvm/plugins/cvm-unix"),
    ],
)
def test_a_program_that_is_newer_than_its_process(root: Root, name: str, program: str) -> None:
    """A service of ours is of before when its program was installed after it was started."""
    place = root.file(program) if program else Path(start.__file__)
    installed = place.stat().st_ctime
    layout = Layout(str(root.path))
    up = ServiceStatus(Status.UP, 1, 10)
    assert is_of_before(layout, name, up, installed + 9)
    assert not is_of_before(layout, name, up, installed + 11)


def test_programs_of_debian_are_debians(root: Root) -> None:
    """A service that runs a program of Debian is never of before."""
    layout, long = Layout(str(root.path)), ServiceStatus(Status.UP, 1, 10**9)
    assert not [
        name for name in ("clamd", "dovecot", "qpsmtpd", "qmail", "none") if is_of_before(layout, name, long, 0)
    ]


def _started(root: Root, supervisor: _Supervisor, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    layout = Layout(str(root.path))
    monkeypatch.setattr("esmith.setup.machine.start.find_supervisor", lambda *_: supervisor)
    monkeypatch.setattr("esmith.setup.machine.start.find_failing", lambda *_: {})
    wait_for_services(layout, ["esmith-watch"], Programs(layout, Progress(lines.append, None)))
    return [line.strip() for line in lines]


def test_a_service_of_before_is_restarted(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setup restarts a service of ours whose program is newer than it, and says so; another one is left alone."""
    since = int(time.time() - Path(start.__file__).stat().st_ctime)
    old = _Supervisor(since + _HOUR)
    assert _started(root, old, monkeypatch) == ["esmith-watch: restarted, because its program is a new one"]
    assert old.calls == ["esmith-watch restart"]
    assert _started(root, old, monkeypatch) == []
    assert old.calls == ["esmith-watch restart"]


def test_a_service_that_ends_later_fails_no_setup(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has to complete something first is named, and the setup goes on."""
    since = int(time.time() - Path(start.__file__).stat().st_ctime)
    assert _started(root, _Supervisor(since + _HOUR, ends=False), monkeypatch) == ["esmith-watch: it ends later"]


def test_the_copying_of_logs_is_started_again(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time the units are written the copying of logs gets the program and the settings that are there now."""
    restarted: list[str] = []
    monkeypatch.setattr("esmith.setup.supervision.restart_unit", lambda _layout, unit: restarted.append(unit))
    layout = Layout(str(root.path))
    for _ in range(2):
        host = DiskHost(layout)
        install_service_units(layout, host, {})
        host.close()
    assert restarted == ["esmith-logs.service"] * 2
