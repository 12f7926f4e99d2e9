"""How far a command has come: one line at a terminal, which the next one takes the place of, and nothing elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from esmith.printable import printable

#: Often enough to be seen moving, and no work.
_EVERY_SECONDS = 0.1
#: Nobody waits for what is over so soon.
_SILENT_SECONDS = 0.5
#: How wide a terminal is that does not say it.
_COLUMNS = 80


_Shown = TypeVar("_Shown")


class Progress:
    """The line of a command at a terminal.

    It stands on stderr, which is a terminal also where the report goes to a file.

    :param silent: for how long nothing is shown, in seconds: what is over so soon needs no line.
    """

    def __init__(self, *, silent: float = _SILENT_SECONDS) -> None:
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        # A dumb terminal, such as the shell of an editor, may not go back in a line.
        self._is_shown = is_terminal and os.environ.get("TERM", "dumb") != "dumb"
        self._begin = self._next = time.monotonic() + silent
        self._what = ""
        self._width = 0

    def show(self, what: str, done: int, total: int) -> None:
        """Say how much of a step is done.

        :param what: the step, e.g. ``accounts: storing``.
        :param done, total: how many of how many things.
        """
        now = time.monotonic()
        is_new = what != self._what and now >= self._begin
        if not self._is_shown or (now < self._next and not is_new):
            return
        self._what, self._next = what, now + _EVERY_SECONDS
        try:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
        except OSError:
            columns = _COLUMNS
        self._write(printable(f"{what} {done:,} of {total:,}")[: max(columns - 1, 1)])

    @property
    def count(self) -> Callable[[str, int, int], None] | None:
        """What shows how much of a step is done; None where nothing is shown, so that nobody needs to count."""
        return self.show if self._is_shown else None

    def before(self, show: Callable[[_Shown], object]) -> Callable[[_Shown], None]:
        """Return what takes the line away before it shows something else."""

        def shown(what: _Shown) -> None:
            self.clear()
            show(what)

        return shown

    def clear(self) -> None:
        """Take the line away, so that the report stands alone."""
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(f"\r{text:<{self._width}}\r" if not text else f"\r{text:<{self._width}}")
            sys.stderr.flush()
        except OSError:
            self._is_shown = False
        self._width = len(text)
