"""The end of an agent: no signal is missed, whichever thread takes it and whatever the main thread does."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.fleet.journal.keys import SigningKey
from tests.fleet.agent.kit import Host
from tests.fleet.cluster import wait_for

_libc = ctypes.CDLL(None)
#: As many as would show a gap between the last look at signals and the wait for one.
_STARTS = 20


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A member whose etcd is away; its agent does not outlive the test."""
    made = Host("office", "mail1", tmp_path / "root", SigningKey.generate(), ["http://127.0.0.1:1"])
    made.make()
    yield made
    made.end(signal.SIGKILL)


def test_a_signal_that_another_thread_takes(host: Host) -> None:
    """The kernel may give TERM to any thread of a process: it ends the agent, whose main thread only waits."""
    host.start()
    # The first one that it starts answers commands, and never ends before.
    thread = min({int(name) for name in os.listdir(f"/proc/{host.pid}/task")} - {host.pid})
    wait_for(lambda: Path(f"/proc/{host.pid}/task/{host.pid}/stat").read_text().rpartition(")")[2][1] == "S", "a wait")
    assert _libc.tgkill(host.pid, thread, signal.SIGTERM) == 0
    assert host.wait_end() == 0


def test_a_signal_as_soon_as_it_answers(host: Host) -> None:
    """TERM that comes just before the main thread waits ends the agent."""
    for _ in range(_STARTS):
        host.start()
        assert host.end() == 0
