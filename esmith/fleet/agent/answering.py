"""The agent's socket: commands of this host ask here, a line of JSON each way. Nobody waits for another.

Only the user of the agent and root may ask. Lines are bounded, as is what waits to be read by a client, and how many
clients there are; one that says nothing is disconnected after some time.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import threading
import time
from collections import deque

from esmith.fleet.agent.job import Job, refusal
from esmith.local_sockets import user_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.fleet.agent.state import State

    Answer = dict[str, Any]

#: A changeset of 100,000 cells has some 10 MB.
LONGEST_LINE = 64 * 2**20
MOST_CLIENTS = 64
#: A request has to come in so many seconds, and an answer has to be taken.
REQUEST_SECONDS = 30.0
#: A command has so long to store what landed; after that the agent stores it when the store is free.
DONE_SECONDS = 90.0
#: ``wait`` is answered in so many seconds at most.
WAIT_SECONDS = 60.0
_READ_BYTES = 2**18
#: For so many bytes a request to write may take a second more: to check and to sign 10,000 cells takes a part of it.
_BYTES_A_SECOND = 2**18
#: While more bytes wait for a client to read them, its next request waits, too.
_MOST_WAITING = 2**20
#: struct ucred of unix(7).


class _Client:
    """A connection.

    :param connection: it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.incoming = bytearray()
        #: Where to look for the end of the line.
        self.looked = 0
        self.outgoing = bytearray()
        #: A request that is not answered yet.
        self.job: Job | None = None
        #: The revision it waits for; 0 for none.
        self.awaited = 0
        #: The token of its change that landed, until it says that it has stored it.
        self.token = ""
        self.deadline = time.monotonic() + REQUEST_SECONDS
        self.closes = False

    @property
    def is_busy(self) -> bool:
        """Whether it has to get an answer before its next request counts."""
        return self.job is not None or self.awaited != 0


class Answering:
    """Answers at a socket that listens.

    :param listener: it; not blocking.
    :param state: of the agent.
    :param submit: takes a request to write a row.
    :param status: returns how the agent is.
    :param look: has everything looked at at once.
    :param seconds: until a request to write is answered, whatever happens.
    """

    def __init__(
        self,
        listener: socket.socket,
        state: State,
        *,
        submit: Callable[[Job], None],
        status: Callable[[], Answer],
        look: Callable[[], None],
        seconds: float,
    ) -> None:
        self._listener = listener
        self._state = state
        self._submit = submit
        self._status = status
        self._look = look
        self._seconds = seconds
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, _Client] = {}
        #: Answers that other threads gave.
        self._given: deque[tuple[_Client, Answer]] = deque()
        self._awake, self._waker = socket.socketpair()
        self._awake.setblocking(False)
        self._waker.setblocking(False)
        self._is_ending = threading.Event()
        state.listeners.append(self._wake)

    def run(self) -> None:
        """Answer until :meth:`end`."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._awake, selectors.EVENT_READ)
        try:
            while not self._is_ending.is_set():
                for key, events in self._selector.select(self._time_left()):
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj is self._awake:
                        with contextlib.suppress(BlockingIOError):
                            self._awake.recv(4096)
                    elif key.fd in self._clients:
                        self._serve(self._clients[key.fd], events)
                self._hand_out()
                self._look_at_time()
        finally:
            for client in list(self._clients.values()):
                self._close(client)
            self._selector.close()

    def end(self) -> None:
        """Have :meth:`run` end."""
        self._is_ending.set()
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._clients) >= MOST_CLIENTS or not _may_ask(connection):
            connection.close()
            return
        connection.setblocking(False)
        self._clients[connection.fileno()] = _Client(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _serve(self, client: _Client, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                self._write(client)
                self._take_lines(client)
            if events & selectors.EVENT_READ:
                self._read(client)
        except OSError:
            self._close(client)

    def _read(self, client: _Client) -> None:
        data = client.connection.recv(_READ_BYTES)
        if not data:
            # A change that is being sent goes on; it is in the outbox.
            self._close(client)
            return
        client.incoming += data
        self._take_lines(client)

    def _take_lines(self, client: _Client) -> None:
        while not client.is_busy and not client.closes and len(client.outgoing) < _MOST_WAITING:
            if client.connection.fileno() == -1:
                return
            end = client.incoming.find(b"\n", client.looked)
            if end == -1:
                client.looked = len(client.incoming)
                break
            line = bytes(client.incoming[:end])
            del client.incoming[: end + 1]
            client.looked = 0
            self._ask(client, line)
        if len(client.incoming) > LONGEST_LINE:
            client.incoming.clear()
            client.closes = True
            self._answer(client, refusal("the request is too long", "change less at once"))

    def _ask(self, client: _Client, line: bytes) -> None:
        try:
            request = json.loads(line)
            verb = request["verb"]
        except (ValueError, KeyError, TypeError, RecursionError):
            self._answer(client, refusal("the request is not one that the agent knows", ""))
            return
        client.deadline = time.monotonic() + REQUEST_SECONDS
        if verb == "commit":
            seconds = self._seconds + len(line) / _BYTES_A_SECOND
            client.job = Job(request, seconds, lambda answer: self._give(client, answer))
            self._submit(client.job)
        elif verb == "done":
            self._take_back(client)
        elif verb == "wait" and isinstance(request.get("revision"), int):
            seconds = request.get("seconds")
            if not (isinstance(seconds, int | float) and 0 <= seconds <= WAIT_SECONDS):
                seconds = WAIT_SECONDS
            client.awaited = max(1, request["revision"])
            client.deadline = time.monotonic() + seconds
            self._answer_waiting(client)
        elif verb == "status":
            self._answer(client, {"outcome": "status", **self._status()})
        elif verb == "look":
            self._look()
            self._answer(client, {"outcome": "looking"})
        else:
            self._answer(client, refusal("the agent does not know the request", "the agent is of another version?"))

    def _give(self, client: _Client, answer: Answer) -> None:
        """Take an answer from another thread."""
        self._given.append((client, answer))
        self._wake()

    def _hand_out(self) -> None:
        """Give clients what other threads answered, and answer those whose revision is there."""
        while self._given:
            client, answer = self._given.popleft()
            token = answer.pop("token", "")
            client.job = None
            if client.connection.fileno() == -1:
                self._state.take_back(token)
                continue
            client.token = token
            client.deadline = time.monotonic() + (DONE_SECONDS if token else REQUEST_SECONDS)
            self._answer(client, answer)
            self._take_lines(client)
        for one in [one for one in self._clients.values() if one.awaited]:
            self._answer_waiting(one)

    def _answer_waiting(self, client: _Client) -> None:
        local, stopped = self._state.local, self._state.stopped
        if local.number >= client.awaited:
            answer: Answer = {"outcome": "applied", "revision": local.number}
        elif stopped.message:
            answer = {"outcome": "stopped", "message": stopped.message, "hint": stopped.hint}
        elif time.monotonic() >= client.deadline:
            hint = "is etcd there? esmith fleet status"
            answer = {"outcome": "late", "message": f"fleet revision {client.awaited} is not here yet", "hint": hint}
        else:
            return
        client.awaited = 0
        client.deadline = time.monotonic() + REQUEST_SECONDS
        self._answer(client, {"revision": local.number, **answer})

    def _take_back(self, client: _Client) -> None:
        if client.token:
            self._state.take_back(client.token)
            client.token = ""

    def _answer(self, client: _Client, answer: Answer) -> None:
        client.outgoing += json.dumps(answer).encode() + b"\n"
        try:
            self._write(client)
        except OSError:
            self._close(client)

    def _write(self, client: _Client) -> None:
        if client.outgoing:
            with contextlib.suppress(BlockingIOError):
                del client.outgoing[: client.connection.send(client.outgoing)]
        if client.closes and not client.outgoing:
            self._close(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.outgoing else 0)
        if client.outgoing or client.closes:
            # Whoever does not read is not read.
            wanted = selectors.EVENT_WRITE
        self._selector.modify(client.connection, wanted)

    def _close(self, client: _Client) -> None:
        if client.connection.fileno() == -1:
            return
        self._clients.pop(client.connection.fileno(), None)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client.connection)
        client.connection.close()
        self._take_back(client)

    def _time_left(self) -> float | None:
        """Return how long nothing has to be looked at if nobody says anything; None for good."""
        moments = [client.job.deadline if client.job else client.deadline for client in self._clients.values()]
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _look_at_time(self) -> None:
        now = time.monotonic()
        for client in list(self._clients.values()):
            if client.job is not None:
                if now >= client.job.deadline:
                    client.job.expire()
            elif client.awaited:
                if now >= client.deadline:
                    self._answer_waiting(client)
            elif now >= client.deadline:
                self._close(client)
        self._hand_out()


def _may_ask(connection: socket.socket) -> bool:
    """Return whether the other side is a process of this user or of root."""
    return user_at(connection) in (0, os.geteuid())
