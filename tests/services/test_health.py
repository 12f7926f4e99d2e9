"""Whether services stay up, and whether they answer."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.services.health import find_failing
from esmith.services.model import ServiceStatus, Status
from esmith.services.recording import RecordingSupervisor
from esmith.services.service import Probe

UP = ServiceStatus(Status.UP, 1)


class _Scripted(RecordingSupervisor):
    """Gives the next of a list of states every time it is asked, and the last one without end."""

    def __init__(self, *states: ServiceStatus) -> None:
        super().__init__()
        self._next = list(states)

    def status(self, _service: str) -> ServiceStatus:
        """Return the next state."""
        return self._next.pop(0) if len(self._next) > 1 else self._next[0]


def _find(root: Path, probe: Probe, *states: ServiceStatus) -> str:
    found = find_failing([(_Scripted(*states), "clamd")], {"clamd": probe}, Layout(str(root)))
    return found.get("clamd", "")


@pytest.mark.parametrize(
    ("states", "is_steady"),
    [
        ([UP, UP], True),
        ([UP, ServiceStatus(Status.UP, 2)], False),
        ([UP, UP, UP, ServiceStatus(Status.UP, 2)], False),
        ([UP, ServiceStatus(Status.STARTING)], False),
        ([ServiceStatus(Status.STARTING), UP], False),
        ([UP, ServiceStatus(Status.DOWN)], False),
        ([ServiceStatus(Status.FINISHED)], True),
        ([ServiceStatus(Status.UP)], True),
        ([UP, ServiceStatus(Status.UNSUPERVISED)], False),
    ],
)
def test_a_service_has_to_stay_up(tmp_path: Path, states: list[ServiceStatus], is_steady: bool) -> None:
    """A service is well when it is up with the same process each time it is looked at."""
    trouble = _find(tmp_path, Probe(up_for=0.35), *states)
    assert trouble == ("" if is_steady else f"it does not stay up: it is {states[-1]}")


def test_nothing_to_watch(tmp_path: Path) -> None:
    """An event that adjusted no service waits for nothing."""
    assert find_failing([], {"clamd": Probe(up_for=10_000)}, Layout(str(tmp_path))) == {}


def test_a_port_has_to_answer(tmp_path: Path) -> None:
    """A service with a port is well once that takes connections, and fails when it never does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        probe = Probe(up_for=0, within=0.3, port=server.getsockname()[1])
        assert _find(tmp_path, probe, UP) == ""
    assert _find(tmp_path, probe, UP).startswith(f"it does not answer within 0.3 s: port {probe.port}: ")


def test_a_socket_has_to_answer(tmp_path: Path) -> None:
    """A unix socket is looked for under the root."""
    probe = Probe(up_for=0, within=0.3, socket="/clamd.socket")
    assert "/clamd.socket: No such file" in _find(tmp_path, probe, UP)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "clamd.socket"))
        server.listen()
        assert _find(tmp_path, probe, UP) == ""


def test_a_command_has_to_succeed(tmp_path: Path) -> None:
    """A command is tried until it succeeds; what it says last is the complaint."""
    script = "import os, sys; os.path.exists(sys.argv[1]) or sys.exit('not yet')"
    probe = Probe(up_for=0, within=0.3, command=(sys.executable, "-c", script, "{root}/flag"), package="python3")
    assert _find(tmp_path, probe, UP).endswith("/flag: not yet")
    (tmp_path / "flag").touch()
    assert _find(tmp_path, probe, UP) == ""


def test_a_service_that_ends_while_it_is_asked(tmp_path: Path) -> None:
    """A service that ends is not waited for until it answers."""
    probe = Probe(up_for=0, within=10_000, socket="/none")
    assert _find(tmp_path, probe, UP, UP, ServiceStatus(Status.DOWN)).startswith("it does not stay up")
