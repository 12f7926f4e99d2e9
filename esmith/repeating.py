"""Repeating a command that other servers of a fleet were ahead of (docs/fleet.md#where-a-command-writes).

On a server in no fleet nothing is ahead of a command, and nothing of the fleet is imported.
"""

from __future__ import annotations

from esmith.errors import BusyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from esmith.layout import Layout

    Outcome = TypeVar("Outcome")

#: How long a command is repeated while others are ahead of it, in seconds.
PATIENCE = 10.0
#: How long it waits before it is repeated, in seconds: at most at first, and at most at all.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


def repeat(layout: Layout, attempt: Callable[[], Outcome]) -> Outcome:
    """Do something in a transaction, again where other servers of the fleet wrote meanwhile; return its outcome.

    :param attempt: does it in a transaction of its own, from its start.
    :raises BusyError: when the others stay ahead; nothing was changed.
    """
    try:
        return attempt()
    except BusyError as busy:
        if not busy.head:
            raise
        return repeated(layout, attempt, busy.head)


def repeated(layout: Layout, attempt: Callable[[], Outcome], head: int, *, patience: float = PATIENCE) -> Outcome:
    """Repeat a command that other servers were ahead of, and return its outcome.

    :param attempt: does it in a transaction of its own; nothing of one that failed is stored.
    :param head: the fleet revision that they had reached when it failed the first time.
    :param patience: how long it is repeated, in seconds.
    :raises BusyError: when others stay ahead for so long; nothing was changed.
    """
    import random
    import time

    from esmith.fleet.replica import asking

    end = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        asking.wait(layout.root, head, left)
        # Of several that wait for one revision, one is to be the first.
        time.sleep(min(random.uniform(0, pause), left))
        pause = min(2 * pause, _LONGEST_PAUSE)
        try:
            return attempt()
        except BusyError as busy:
            if not busy.head:
                raise
            head = busy.head
    raise BusyError(
        f"other servers of the fleet changed settings all the time, for {patience:g} s",
        hint="nothing was changed; run it again in a moment",
    )
