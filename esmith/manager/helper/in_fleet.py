"""Writing settings on a member of a fleet: in which layer, and once more where other servers wrote meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from esmith.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.layout import Layout

_Outcome = TypeVar("_Outcome")
#: What an administrator changes in the panel goes to the layer that each value comes from, as with a plain command.
COMMAND = ""


def in_fleet(layout: Layout, write: Callable[[], _Outcome]) -> _Outcome:
    """Write settings, and return the outcome.

    :param write: does it in a transaction of its own, from its start.
    :raises BusyError: when other servers of the fleet stay ahead; nothing was changed.
    """
    try:
        return write()
    except BusyError as busy:
        if not busy.head:
            raise
        from esmith.fleet.surface.repeating import repeated

        return repeated(layout, write, busy.head)
