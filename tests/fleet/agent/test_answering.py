"""The agent's socket: who may ask, and what one client can do to the others."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from esmith.errors import BusyError, StoreError
from esmith.fleet.agent import answering
from esmith.fleet.agent.answering import Answering
from esmith.fleet.agent.job import Job
from esmith.fleet.agent.listening import Place
from esmith.fleet.agent.state import State, Trouble
from esmith.fleet.journal.chain import Head
from esmith.layout import Layout
from tests.fleet.agent.kit import Client, connected

_DEADLINE = 0.05


class _Desk:
    """An answering thread in this process, without an agent behind it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.state = State()
        self.jobs: list[Job] = []
        self.submitted = threading.Event()
        self.looks = 0
        self.seconds = 60.0

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self.submitted.set()

    def look(self) -> None:
        self.looks += 1

    @contextlib.contextmanager
    def running(self) -> Iterator[_Desk]:
        with Place(self.layout) as place:
            one = Answering(
                place.socket,
                self.state,
                submit=self.submit,
                status=lambda: {"revision": 7},
                look=self.look,
                seconds=self.seconds,
            )
            thread = threading.Thread(target=one.run)
            thread.start()
            try:
                yield self
            finally:
                one.end()
                thread.join()

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        with connected(self.layout, 30) as client:
            yield client

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        with self.client() as client:
            return client.ask({"verb": verb, **fields})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[_Desk]:
    """A socket that is answered in this process."""
    with _Desk(Layout(str(tmp_path))).running() as one:
        yield one


@pytest.mark.parametrize("line", [b"x", b"[]", b'"a"', b"{}", b'{"verb": "x"}', b'{"verb": []}', b"\xff", b"[" * 5000])
def test_what_is_no_request_is_refused(desk: _Desk, line: bytes) -> None:
    """A line that is not a request gets an answer, and the next one is answered as if nothing had been."""
    with desk.client() as client:
        client.connection.sendall(line + b"\n")
        assert client.answer()["outcome"] == "refused"
        assert client.ask({"verb": "status"}) == {"outcome": "status", "revision": 7}


def test_a_request_that_is_too_long(desk: _Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end is refused when it is too long, and the connection closed; others are served."""
    monkeypatch.setattr(answering, "LONGEST_LINE", 1000)
    with desk.client() as client:
        client.connection.sendall(b"x" * 1001)
        assert client.answer()["message"] == "the request is too long"
        assert client.answer() == {}
    assert desk.ask("status")["revision"] == 7


def test_a_client_that_does_not_read_stops_nobody(desk: _Desk) -> None:
    """A client that asks and never reads waits alone, and what waits for it is bounded by its own requests."""
    with desk.client() as slow:
        slow.connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                slow.connection.send(b'{"verb": "status"}\n' * 1000)
        assert desk.ask("status")["revision"] == 7


def test_a_client_that_says_nothing_is_disconnected(desk: _Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a request ends after some time, and so does one with half a request."""
    monkeypatch.setattr(answering, "REQUEST_SECONDS", _DEADLINE)
    with desk.client() as client:
        client.connection.sendall(b"{")
        assert client.answer() == {}


def test_only_so_many_clients(desk: _Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """More clients than there may be are disconnected at once; those before them are served."""
    monkeypatch.setattr(answering, "MOST_CLIENTS", 1)
    with desk.client() as first:
        assert first.ask({"verb": "status"})["revision"] == 7
        with desk.client() as second:
            assert second.answer() == {}
        assert first.ask({"verb": "status"})["revision"] == 7


def test_a_job_is_answered_in_time(tmp_path: Path) -> None:
    """A command gets an answer within its time, whatever the sender does."""
    desk = _Desk(Layout(str(tmp_path)))
    desk.seconds = _DEADLINE
    with desk.running():
        assert desk.ask("commit")["outcome"] == "refused"


def test_the_follower_waits_for_the_command(desk: _Desk) -> None:
    """After "accepted" a change belongs to its command until it says "done", or closes."""
    for ends in ("done", "closed"):
        with desk.client() as client:
            desk.submitted.clear()
            client.send({"verb": "commit"})
            desk.submitted.wait(30)
            desk.state.hand(ends)
            desk.jobs[-1].answer({"outcome": "accepted", "revision": 8, "hash": "", "token": ends})
            assert client.answer() == {"outcome": "accepted", "revision": 8, "hash": ""}
            assert not desk.state._wait(lambda token=ends: token not in desk.state._handed, 0)  # type: ignore[misc]
            if ends == "done":
                client.send({"verb": "done"})
                desk.state.wait_for_command(ends, 30)
                assert ends not in desk.state._handed
        desk.state.wait_for_command(ends, 30)
        assert ends not in desk.state._handed


def test_waiting_for_a_revision(desk: _Desk) -> None:
    """Who waits for a revision is answered when it is there, when it will not come, or when it takes too long."""
    with desk.client() as client:
        client.send({"verb": "wait", "revision": 3})
        desk.state.update(local=Head(3, "a" * 64))
        assert client.answer() == {"revision": 3, "outcome": "applied"}
        assert client.ask({"verb": "wait", "revision": 4, "seconds": 0})["outcome"] == "late"
        client.send({"verb": "wait", "revision": 4})
        desk.state.update(stopped=Trouble("a gap", "fill it"))
        assert client.answer() == {"revision": 3, "outcome": "stopped", "message": "a gap", "hint": "fill it"}


@pytest.mark.parametrize("seconds", ["NaN", "-1", "1e999", "[]"])
def test_a_time_that_is_none(desk: _Desk, seconds: str) -> None:
    """Who gives a time that is none waits for the usual time, and nobody else is served less."""
    with desk.client() as client:
        client.connection.sendall(b'{"verb": "wait", "revision": 1, "seconds": ' + seconds.encode() + b"}\n")
        desk.state.update(local=Head(1, "a" * 64))
        assert client.answer()["outcome"] == "applied"
    assert desk.ask("status")["revision"] == 7


def test_looking(desk: _Desk) -> None:
    """A command that has changed something can have everything looked at."""
    assert desk.ask("look") == {"outcome": "looking"}
    assert desk.looks == 1


@pytest.mark.root
def test_another_user_is_not_heard(desk: _Desk) -> None:
    """A process of another user, also one that got hold of the directory, gets no answer."""
    nobody = pwd.getpwnam("nobody")
    directory = desk.layout.fleet
    os.chmod(f"{desk.layout.fleet}/agent.socket", 0o666)
    descriptor = os.open(directory, os.O_RDONLY)
    pid = os.fork()
    if not pid:
        code = 70
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                os.chmod(directory, 0o755)
                os.setuid(nobody.pw_uid)
                connection.connect(f"/proc/self/fd/{descriptor}/agent.socket")
                connection.settimeout(30)
                with contextlib.suppress(OSError):
                    connection.sendall(b'{"verb": "status"}\n')
                try:
                    code = 0 if connection.recv(100) == b"" else 1
                except ConnectionError:
                    code = 0
        finally:
            os._exit(code)
    os.close(descriptor)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    os.chmod(directory, 0o700)
    assert desk.ask("status")["revision"] == 7


def test_one_agent_a_root(desk: _Desk) -> None:
    """A second agent of a root is refused, and the first one goes on."""
    with pytest.raises(BusyError, match="another agent"), Place(desk.layout):
        raise AssertionError
    assert desk.ask("status")["revision"] == 7


def test_a_directory_that_others_may_enter(tmp_path: Path) -> None:
    """A directory of the agent that others may enter is refused, with the cure."""
    layout = Layout(str(tmp_path))
    Path(layout.fleet).mkdir(parents=True)
    os.chmod(layout.fleet, 0o755)
    with pytest.raises(StoreError, match="chmod 700"), Place(layout):
        raise AssertionError


def test_what_a_killed_agent_left(tmp_path: Path) -> None:
    """A socket and a temporary file of an agent that was killed are in nobody's way."""
    layout = Layout(str(tmp_path))
    pid = os.fork()
    if not pid:
        with Place(layout):
            (Path(layout.fleet) / ".esmith-1-2-3").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    with _Desk(layout).running() as desk:
        assert json.dumps(desk.ask("status"))
        assert sorted(os.listdir(layout.fleet)) == ["agent.lock", "agent.socket"]
