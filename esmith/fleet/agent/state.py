"""What the threads of the agent have to know of one another: where the store and etcd are, and what is wrong."""

from __future__ import annotations

import threading
import time

from esmith.fields import dataclass
from esmith.fleet.journal.chain import START, Head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.errors import EsmithError


@dataclass(frozen=True)
class Trouble:
    """What is wrong, and what to do about it.

    :param message: one line.
    :param hint: the cure; "" for none.
    """

    message: str = ""
    hint: str = ""


def trouble_of(error: EsmithError) -> Trouble:
    """Return what is wrong, and the cure, as an error says it."""
    return Trouble(f"{error.place}: {error.message}" if error.place else error.message, error.hint)


class State:
    """It; every change wakes those who wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        #: What the store has, as far as it is known here: a command may be one ahead.
        self.local: Head = START
        #: The head of etcd when it was read last.
        self.head: Head = START
        #: Why no row is applied any more until somebody acts; "" while rows are applied.
        self.stopped = Trouble()
        #: What fails and is tried again by itself, by the thread that tries: etcd is away, the disk is full.
        self._failing: dict[str, Trouble] = {}
        self._is_ending = False
        #: The tokens of changes whose command is about to store them itself.
        self._handed: set[str] = set()
        #: Called after each change, without the lock.
        self.listeners: list[Callable[[], None]] = []

    def update(self, **values: Head | Trouble) -> None:
        """Change some of the attributes."""
        with self._changed:
            news = {name: value for name, value in values.items() if getattr(self, name) != value}
            for name, value in news.items():
                setattr(self, name, value)
            self._changed.notify_all()
        if news:
            self.notify()

    @property
    def error(self) -> Trouble:
        """What fails and is tried again by itself."""
        return next(iter(self._failing.copy().values()), Trouble())

    def is_failing(self, what: str) -> bool:
        """Return whether what a thread tries fails."""
        return what in self._failing

    def fail(self, what: str, error: EsmithError | None) -> None:
        """Note that something fails, and is tried again; None: it does not any more.

        :param what: which thread tries.
        """
        before = self.error
        with self._changed:
            self._failing.pop(what, None)
            if error is not None:
                self._failing[what] = trouble_of(error)
        if self.error != before:
            self.notify()

    def ends(self) -> bool:
        """Return whether the agent is about to end."""
        return self._is_ending

    def end(self) -> None:
        """Note that it is, and wake all who wait."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()

    def hand(self, token: str) -> None:
        """Note that a command stores what it changed by itself, when it hears that it landed."""
        with self._changed:
            self._handed.add(token)

    def take_back(self, token: str) -> None:
        """Note that the command has stored it, or is gone."""
        with self._changed:
            self._handed.discard(token)
            self._changed.notify_all()

    def wait_for_command(self, token: str, seconds: float) -> None:
        """Wait until the command of a change has stored it, or is gone, or it takes too long."""
        self._wait(lambda: token not in self._handed, seconds)

    def wait_for_revision(self, revision: int, seconds: float) -> bool:
        """Return whether the store has a fleet revision, at the latest after some seconds."""
        return self._wait(lambda: self.local.number >= revision, seconds) and self.local.number >= revision

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds, or until the agent ends."""
        self._wait(lambda: False, seconds)

    def notify(self) -> None:
        """Have the listeners called."""
        for listener in self.listeners:
            listener()

    def _wait(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so, or the agent ends; return whether it did not take too long."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not (self._is_ending or is_so()):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True
