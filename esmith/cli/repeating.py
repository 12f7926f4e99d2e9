"""Repeating a command that other servers of a fleet were ahead of."""

from __future__ import annotations

from esmith.errors import BusyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from esmith.layout import Layout

    Outcome = TypeVar("Outcome")


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
        from esmith.fleet.surface.repeating import repeated

        return repeated(layout, attempt, busy.head)
