"""What is shown while a machine is set up: one line a step, and how far a long program is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

#: At a terminal the last line is written again, otherwise a line a while says that it still goes on.
_TERMINAL_SECONDS, _PLAIN_SECONDS = 1.0, 30.0
_WIDTH = 100


class Progress:
    """Shows the steps.

    :param say: prints a line for people.
    :param draw: writes over the current line of a terminal; None where stdout is none.
    """

    def __init__(self, say: Callable[[str], None], draw: Callable[[str], None] | None) -> None:
        self.say = say
        self._draw = draw
        self._last = time.monotonic()
        self._drawn = False

    @classmethod
    def of_stdout(cls, say: Callable[[str], None]) -> Progress:
        """Return what shows steps on the stdout of this process."""
        return cls(say, _draw if sys.stdout.isatty() else None)

    def begin(self, number: int, count: int, title: str) -> None:
        """Show that a step begins."""
        self.say(f"[{number}/{count}] {title}")
        self._last = time.monotonic()

    def note(self, text: str) -> None:
        """Show what became of a step, or what somebody has to know of it."""
        self.clear()
        self.say(f"      {text}")

    def goes_on(self, what: str, seconds: float) -> None:
        """Show that a program still runs.

        :param what: what it printed last.
        :param seconds: how long it has run.
        """
        now = time.monotonic()
        # Measured from both: the last line, and the start of this program.
        if min(now - self._last, seconds) < (_TERMINAL_SECONDS if self._draw else _PLAIN_SECONDS):
            return
        self._last = now
        line = f"      {seconds:.0f} s: {what}"[:_WIDTH]
        if self._draw is None:
            self.say(line)
        else:
            self._drawn = True
            self._draw(line)

    def clear(self) -> None:
        """Take the line away that was drawn."""
        if self._drawn and self._draw is not None:
            self._draw("")
            self._drawn = False


def _draw(text: str) -> None:
    # To the beginning of the line, and what was there is erased.
    sys.stdout.write(f"\r\x1b[K{text}")
    sys.stdout.flush()
