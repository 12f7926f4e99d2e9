"""A request of a command for a row of the journal, and the answers it may get."""

from __future__ import annotations

import threading
import time

from esmith.fleet.agent.state import Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.errors import EsmithError

    Answer = dict[str, Any]

#: A command gets its answer in so many seconds, whatever etcd does.
ANSWER_SECONDS = 1.8


def refusal(message: str, hint: str) -> Answer:
    """Return the answer that nothing was changed.

    :param message: why.
    :param hint: the cure.
    """
    return {"outcome": "refused", "message": message, "hint": hint}


def refusal_of(error: EsmithError) -> Answer:
    """Return the answer that nothing was changed, because of an error."""
    return refusal(f"{error.place}: {error.message}" if error.place else error.message, error.hint)


class Job:
    """A request for a row; it gets one answer.

    :param request: as it came.
    :param seconds: until it is to be answered.
    :param give: takes the answer; called in any thread.
    """

    def __init__(self, request: dict[str, Any], seconds: float, give: Callable[[Answer], None]) -> None:
        self.request = request
        self.deadline = time.monotonic() + seconds
        self._give = give
        self._lock = threading.Lock()
        self._is_answered = False
        self._is_begun = False
        #: Why it takes so long, for those who wait no longer.
        self.trouble = Trouble("etcd does not answer in time", "is it there? esmith fleet status")

    @property
    def is_answered(self) -> bool:
        """Whether it got its answer."""
        return self._is_answered

    def begin(self) -> bool:
        """Note that something may land from now on; return False when it was answered already."""
        with self._lock:
            self._is_begun = not self._is_answered
            return self._is_begun

    def answer(self, answer: Answer) -> bool:
        """Answer it, unless it is answered; return whether this was the answer."""
        with self._lock:
            if self._is_answered:
                return False
            self._is_answered = True
        self._give(answer)
        return True

    def expire(self) -> None:
        """Answer it with what is known now: nothing will be changed, or that is not certain."""
        with self._lock:
            is_begun = self._is_begun
            if self._is_answered:
                return
            self._is_answered = True
        trouble = self.trouble
        self._give(unknown(trouble.message) if is_begun else refusal(trouble.message, trouble.hint))


def unknown(message: str) -> Answer:
    """Return the answer that it is not known whether the change landed."""
    return {"outcome": "unknown", "message": message, "hint": ""}
