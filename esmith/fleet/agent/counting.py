"""How many findings this host has, as ``esmith status`` counts them: run as a process when something has changed."""

from __future__ import annotations

import json
import os
import threading
import time

from esmith.fields import dataclass
from esmith.store import changing_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.fleet.agent.children import Children
    from esmith.fleet.agent.state import State
    from esmith.layout import Layout

#: ``esmith status`` may take so many seconds.
_SECONDS = 120.0
#: Files that somebody edits change no store: so many seconds after the last count it is done again.
_LONGEST = 3600.0


@dataclass(frozen=True)
class Counts:
    """What ``esmith status`` found; None where that is not known.

    :param drift: files that are not as they were generated.
    :param pending: settings that no event has made effective.
    :param findings: all findings.
    """

    drift: int | None = None
    pending: int | None = None
    findings: int | None = None


class Counting:
    """Counts for one root.

    :param layout: the root.
    :param children: runs the command.
    :param gap: seconds from one count to the next, at least; 0 for never.
    """

    def __init__(self, layout: Layout, children: Children, gap: float) -> None:
        self._layout = layout
        self._children = children
        self._gap = gap
        self._looks: tuple[int, int] | None = None
        self._time = 0.0
        #: The last ones.
        self.counts = Counts()
        self._wanted = threading.Event()

    def look(self) -> None:
        """Have it count where that is due; called by any thread."""
        self._wanted.set()

    def run(self, state: State) -> None:
        """Count when that is due, until the agent ends.

        :param state: of the agent.
        """
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if state.ends():
                return
            if self._gap and self.is_due():
                self.count()
                state.notify()

    def is_due(self) -> bool:
        """Return whether something may have changed, and the last count is long enough ago."""
        passed = time.monotonic() - self._time if self._time else _LONGEST
        return passed >= _LONGEST or (passed >= self._gap and self._look() != self._looks)

    def count(self) -> None:
        """Count; where that fails nothing is known."""
        self._looks = self._look()
        self._time = time.monotonic()
        try:
            ended = self._children.run(["status", "--json"], _SECONDS)
            data = json.loads(ended.output.splitlines()[-1])
            self.counts = _counts_of(data)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            self.counts = Counts()

    def _look(self) -> tuple[int, int] | None:
        """Return what differs after each change of the store; what is installed is recorded there, too."""
        try:
            status = os.stat(changing_file(self._layout))
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino


def _counts_of(data: dict[str, Any]) -> Counts:
    """Return the counts of what ``esmith status --json`` printed.

    :raises LookupError, TypeError, AttributeError: when that is something else.
    """
    waiting = (data["outstanding"] or {}).get("waiting")
    pending = None if waiting is None else len({tuple(one) for group in waiting for one in group["settings"]})
    return Counts(len(data["files"]["differing"]), pending, len(data["findings"]))
