"""Asking the agent over its socket."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from esmith.fleet.replica import asking
from esmith.store.behind import BehindError
from esmith.store.model import Author

AUTHOR = Author("alice", "", ["config", "setprop"])
#: A folder whose path is longer than the name of a socket may be.
LONG = "x" * 120


@contextmanager
def answering(root: Path, answer: Callable[[bytes], bytes | None]) -> Iterator[list[bytes]]:
    """Answer the lines of one connection at the socket of a root; None closes it."""
    folder = root / "var/lib/e-smith/fleet"
    folder.mkdir(parents=True)
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        descriptor = os.open(folder, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{descriptor}/agent.socket")
        os.close(descriptor)
        server.listen()

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            # Who asked may have gone before the answer.
            with suppress(ConnectionError), connection, connection.makefile("rb") as lines:
                for line in lines:
                    heard.append(line)
                    reply = answer(line)
                    if reply is None:
                        return
                    connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield heard
        finally:
            # Nobody may have connected, where a test failed: the thread has to end anyway.
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def commit(root: Path, patience: float = 20.0) -> tuple[int, str]:
    """Ask for a change, and say that it is done."""
    with asking.Agent(str(root), patience) as agent:
        found = asking.commit(agent, "1 h1", AUTHOR, [("fleet", "things", "a", "p", "ö")], [], lambda: None)
        agent.send({"verb": "done"})
        return found


def test_a_change_is_accepted(tmp_path: Path) -> None:
    """The agent gets one line of JSON, wherever the root is, and its answer is the number and the hash of the row."""
    root = tmp_path / LONG
    root.mkdir()
    with answering(root, lambda _: b'{"outcome":"accepted","revision":2,"hash":"h2"}\n') as heard:
        assert commit(root) == (2, "h2")
    assert json.loads(heard[0])["changes"] == [["fleet", "things", "a", "p", "ö"]]
    assert [json.loads(line)["verb"] for line in heard] == ["commit", "done"]


def test_patience_begins_with_the_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a command takes from connecting until it asks is not the agent's fault; a long question has longer."""
    with answering(tmp_path, lambda _: b'{"outcome":"accepted","revision":2,"hash":"h2"}\n') as heard:
        agent = asking.Agent(str(tmp_path), 20.0)
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + 1000.0)
        with agent:
            assert asking.commit(
                agent, "1 h1", AUTHOR, [("fleet", "things", "a", "p", "v")] * 100_000, [], lambda: None
            ) == (2, "h2")
            assert agent._until > real() + 1020.0 + 15.0
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (b'{"outcome":"behind","head":9}\n', BehindError, "fleet revision 9"),
        (b'{"outcome":"refused","message":"10.0.0.1 is away","hint":"wait"}\n', asking.FleetRefusesError, "10.0.0.1"),
        (b'{"outcome":"refused"}\n', asking.FleetRefusesError, "--local"),
        (b'{"outcome":"unknown","message":"no answer","hint":""}\n', asking.UnsettledError, "esmith fleet status"),
        (b'{"outcome":"accepted","revision":"x"}\n', asking.UnsettledError, "esmith fleet status"),
        (b'{"outcome":"accepted"}\n', asking.UnsettledError, "esmith fleet status"),
        (b"[]\n", asking.UnsettledError, "esmith fleet status"),
        (b"{\n", asking.UnsettledError, "esmith fleet status"),
        (b"\xff\n", asking.UnsettledError, "esmith fleet status"),
        (b"[" * 2**17 + b"\n", asking.UnsettledError, "esmith fleet status"),
        (b'{"outcome":"accepted","revision":1e999,"hash":"h"}\n', asking.UnsettledError, "esmith fleet status"),
        (b"x" * (2**20 + 2**16), asking.UnsettledError, "too long"),
        (None, asking.UnsettledError, "esmith fleet status"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_else_the_agent_says(tmp_path: Path, answer: bytes | None, error: type[Exception], text: str) -> None:
    """Each answer has its error; one that makes no sense after the request was sent leaves open what became of it."""
    with answering(tmp_path, lambda _: answer), pytest.raises(error, match=text):
        commit(tmp_path)


def test_an_agent_that_hangs(tmp_path: Path) -> None:
    """A command does not wait for an agent that says nothing; what became of the request is open."""
    go_on = threading.Event()

    def hang(_: bytes) -> None:
        go_on.wait(60)

    with answering(tmp_path, hang):
        with pytest.raises(asking.UnsettledError, match="did not answer"):
            commit(tmp_path, patience=0.05)
        go_on.set()


def test_no_agent(tmp_path: Path) -> None:
    """Without an agent the error says how to start it, and that --local changes only this host."""
    with pytest.raises(asking.AgentAwayError, match="esmith-fleet") as raised:
        commit(tmp_path)
    assert "--local" in raised.value.hint
    folder = tmp_path / "var/lib/e-smith/fleet"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(tmp_path)
    with pytest.raises(asking.AgentAwayError):
        commit(tmp_path)
    assert not asking.wait(str(tmp_path), 3, timeout=0.05)


def test_somebody_else_at_the_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers has to be the user who asks, or root."""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(asking, "user_at", lambda _: 54321)
    with answering(tmp_path, lambda _: b"{}\n") as heard, pytest.raises(asking.AgentAwayError, match="another user"):
        commit(tmp_path)
    assert heard == []


def test_waiting_and_asking_how_it_is(tmp_path: Path) -> None:
    """Waiting for a revision and asking for the state are a line each."""
    with answering(tmp_path, lambda line: b'{"outcome":"applied","verb":"%b"}\n' % json.loads(line)["verb"].encode()):
        assert asking.wait(str(tmp_path), 3)
    (tmp_path / "var/lib/e-smith/fleet/agent.socket").unlink()
    (tmp_path / "var/lib/e-smith/fleet").rmdir()
    with answering(tmp_path, lambda line: b'{"verb":"%b"}\n' % json.loads(line)["verb"].encode()):
        assert asking.status(str(tmp_path)) == {"verb": "status"}
