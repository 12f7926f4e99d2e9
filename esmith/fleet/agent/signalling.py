"""Runs the events that the fleet asks for, one after the other, each at most once, and puts what came of it.

A signal is in the store with its row, so an agent that was killed knows of it. It is noted that it is begun before it
is; one that was begun and has no answer is not run again.
"""

from __future__ import annotations

import json
import os
import threading
import time

from esmith.errors import EsmithError
from esmith.fields import dataclass
from esmith.fleet.agent.checked import TABLE
from esmith.fleet.agent.local import BEGUN, SIGNAL, WAITS
from esmith.fleet.agent.points import reach
from esmith.names import is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.fleet.agent.children import Children
    from esmith.fleet.agent.claiming import Claim
    from esmith.fleet.agent.local import Local
    from esmith.fleet.agent.state import State
    from esmith.layout import Layout

#: An event may take so many seconds.
EVENT_SECONDS = 1800.0
#: Seconds until an answer that could not be put, or a store that was busy, is tried again.
_AGAIN = 10.0
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclass(frozen=True)
class _Signal:
    """A signal that this host has to answer.

    :param revision: of its row.
    :param state: whether it waits or was begun.
    :param until: seconds since 1970.
    :param event: its name.
    """

    revision: int
    state: bytes
    until: int
    event: str


class Signaller:
    """Runs for one host.

    :param layout: the root.
    :param local: its store.
    :param state: of the agent.
    :param claim: to be this host.
    :param children: runs the command.
    """

    def __init__(self, layout: Layout, local: Local, state: State, *, claim: Claim, children: Children) -> None:
        self._layout = layout
        self._local = local
        self._state = state
        self._claim = claim
        self._connect = claim.connect
        self._children = children
        self._wanted = threading.Event()
        #: What came of signals, until etcd has it.
        self._answers: dict[int, dict[str, Any]] = {}

    def look(self) -> None:
        """Have it look for signals in the store; called by any thread."""
        self._wanted.set()

    def run(self) -> None:
        """Run signals until the agent ends."""
        while not self._state.ends():
            self._wanted.wait()
            self._wanted.clear()
            if self._state.ends():
                return
            try:
                for signal in self._all():
                    self._do(signal)
                    if self._state.ends():
                        return
                self._state.fail("signalling", None)
            except EsmithError as error:
                self._state.fail("signalling", error)
                self._state.sleep(_AGAIN)
                self._wanted.set()

    def _all(self) -> list[_Signal]:
        """Return the signals that are not answered, the oldest first."""
        with self._local.snapshot() as snapshot:
            rows = [
                (name.removeprefix(SIGNAL), value) for name, value in snapshot.states(TABLE) if name.startswith(SIGNAL)
            ]
        # A damaged name is that of no row, so nobody waits for its answer.
        return [_signal_of(digits, value) for digits, value in rows if is_number(digits)]

    def _do(self, signal: _Signal) -> None:
        """Run a signal, unless it is late or was begun, and answer it.

        :raises EsmithError: when the store or etcd fails; it is answered later.
        """
        self._claim.require()
        if (known := self._answers.get(signal.revision)) is not None:
            answer: dict[str, Any] = known
        elif signal.state == BEGUN:
            answer = {"error": "the agent ended while it ran; it is not run again"}
        elif time.time() > signal.until:
            answer = {"error": "it came too late here"}
        elif not self._is_event(signal.event):
            answer = {"error": f"this host has no event {signal.event}"}
        else:
            self._note(signal, BEGUN)
            reach("signal noted")
            answer = self._run(signal.event)
            if self._state.ends() and answer.get("code") is None:
                return
            reach("signal ran")
        answer |= {"event": signal.event, "time": int(time.time())}
        self._answers[signal.revision] = answer
        self._connect().put_answer(signal.revision, json.dumps(answer).encode())
        reach("signal answered")
        self._note(signal, None)
        del self._answers[signal.revision]

    def _run(self, event: str) -> dict[str, Any]:
        begin = time.monotonic()
        try:
            ended = self._children.signal_event(event, EVENT_SECONDS)
        except OSError as error:
            return {"error": f"its process cannot be started: {error.strerror}"}
        seconds = round(time.monotonic() - begin, 1)
        if ended.code is None:
            return {"error": f"it took more than {EVENT_SECONDS:g} seconds", "code": None, "lines": ended.lines}
        return {"code": ended.code, "lines": ended.lines, "seconds": seconds}

    def _note(self, signal: _Signal, state: bytes | None) -> None:
        value = None if state is None else state + f" {signal.until} {signal.event}".encode()
        with self._local.transaction() as transaction:
            transaction.set_state(TABLE, f"{SIGNAL}{signal.revision:012d}", value)

    def _is_event(self, event: str) -> bool:
        """Return whether this host has an event of a name that others chose."""
        is_name = _LETTERS.issuperset(event) and not event.startswith((".", "-"))
        return is_name and event != "actions" and os.path.isdir(os.path.join(self._layout.events, event))


def _signal_of(digits: str, value: bytes) -> _Signal:
    """Return the signal that a row of the store is about; a damaged one counts as begun, so it is not run."""
    words = value.decode("utf-8", "replace").split(" ")
    if len(words) != 3 or not words[1].isdecimal() or words[0].encode() != WAITS:
        return _Signal(int(digits), BEGUN, 0, words[-1])
    return _Signal(int(digits), WAITS, int(words[1]), words[2])
