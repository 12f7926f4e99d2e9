"""What has to be done in time without anybody's command."""

from __future__ import annotations

from collections.abc import Callable

from esmith.apply.generations import list_generations, recover
from esmith.events.lock import EventLock
from esmith.layout import Layout
from esmith.store.protocol import Snapshot, Store


def next_due(snapshot: Snapshot) -> float | None:
    """Return when :func:`carry_out` has something to do next, in seconds since 1970; None for never."""
    interrupted = any(not generation.complete for generation in list_generations(snapshot))
    return 0.0 if interrupted else None


def carry_out(layout: Layout, store: Store, *, say: Callable[[str], None], timeout: float) -> None:
    """Put back what was interrupted.

    :raises InstallError: when a file cannot be put back.
    :raises BusyError: when a running event does not end in time.
    """
    with EventLock(layout, "esmith watch", timeout=timeout, say=say):
        for note in recover(layout, store):
            say(note)
