"""Playing operations on several hosts at once while something happens to them, and recording all of it."""

from __future__ import annotations

import json
import math
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from tests.fleet.cluster import PATIENCE
from tests.fleet.world.child_processes import EndedError
from tests.fleet.world.history import Cell, History, Operation, Place, Sample
from tests.fleet.world.linear import Access
from tests.fleet.world.trial_settings import REGISTER, Task, draw_task

#: Seconds.
_BREATH = 0.05


class Does(Protocol):
    """What does operations."""

    def send(self, data: Any) -> None:
        """Send it a line of JSON."""

    def line(self) -> bytes:
        """Return its next line."""


class Player(Protocol):
    """A host, as far as operations need it."""

    name: str

    def hand(self) -> Does:
        """Return the process that does operations there; a new one where that was killed."""


def do(player: Player, task: Task) -> tuple[Operation, str]:
    """Do one operation; return it, and the message where it was refused."""
    hand, invoked = player.hand(), time.monotonic()
    about: dict[str, Any] = {"writes": [], "seen": []}
    answer: dict[str, Any] = {"outcome": "info", "message": "the process was killed", "ended": math.inf}
    try:
        hand.send({"stamp": task.stamp, "kind": task.kind, "layer": task.layer})
        while "outcome" not in (answered := json.loads(hand.line())):
            about = answered["about"]
        answer = answered
    except EndedError:
        pass
    ended = math.inf if answer["outcome"] == "info" else answer["ended"]
    writes = {Place(layer, Cell(*cell)): value for layer, *cell, value in about["writes"]}
    seen = {Cell(*cell): value for *cell, value in about["seen"]}
    operation = Operation(task.stamp, player.name, writes, invoked, ended, answer["outcome"], seen)
    return operation, answer["message"]


class Played:
    """Operations that several hosts do at once, each as fast as it can.

    :param history: where they are noted.
    :param layers: the shared layers that are written by name.
    """

    def __init__(self, history: History, players: Sequence[Player], layers: tuple[str, ...], seed: int) -> None:
        self._history = history
        self._players = players
        self._layers = layers
        self._chance = random.Random(seed)
        self._changed = threading.Condition()
        self._stamps: Iterator[int] = iter(())
        # No two operations of a history have one stamp.
        self._begun = len(history.operations)
        self.done = 0
        #: Why operations were refused, or nobody knows of them; for the figures.
        self.messages: dict[str, int] = {}
        self._failed: list[BaseException] = []

    def run(self, count: int, happenings: Sequence[tuple[int, Callable[[], None]]] = ()) -> None:
        """Do so many operations.

        :param happenings: what is done when so many operations have ended, in their order.
        """
        self._stamps = iter(range(self._begun, self._begun + count))
        self._begun += count
        threads = [threading.Thread(target=self._drive, args=(player,), daemon=True) for player in self._players]
        first = self.done
        for thread in threads:
            thread.start()
        for number, happen in happenings:
            self._wait(first + number)
            happen()
        for thread in threads:
            thread.join()
        if self._failed:
            raise self._failed[0]

    def _wait(self, number: int) -> None:
        with self._changed:
            while self.done < number and not self._failed:
                assert self._changed.wait(2 * PATIENCE), f"no operation ended for long after {self.done} had"

    def _drive(self, player: Player) -> None:
        try:
            while (task := self._next()) is not None:
                operation, message = do(player, task)
                with self._changed:
                    if operation.outcome == "fail":
                        # Whoever was refused takes a breath; else all operations would be refused by one fault.
                        self._changed.wait(_BREATH)
                    self._history.operations.append(operation)
                    if message:
                        self.messages[message] = self.messages.get(message, 0) + 1
                    self.done += 1
                    self._changed.notify_all()
        finally:
            error = sys.exc_info()[1]
            # It is raised in the thread that waits, too.
            if error is not None:
                with self._changed:
                    self._failed.append(error)
                    self._changed.notify_all()

    def _next(self) -> Task | None:
        with self._changed:
            number = None if self._failed else next(self._stamps, None)
            return None if number is None else draw_task(self._chance, f"w{number}", self._layers)


def samples_of(lines: Iterator[bytes]) -> Iterator[Sample]:
    """Yield what an eye printed."""
    for line in lines:
        seen = json.loads(line)
        cells = {Cell(*cell): value for *cell, value in seen["cells"]}
        own = {Cell(*cell): value for *cell, value in seen["own"]}
        yield Sample(seen["host"], seen["at"], seen["revision"], seen["hash"], cells, own, seen["secret"])


def accesses_of(history: History) -> list[Access]:
    """Return what was done with the register, for the search of one order."""
    return [
        Access(item.invoked, item.ended, item.outcome, item.seen[REGISTER], item.stamp)
        for item in history.operations
        if REGISTER in item.seen
    ]
