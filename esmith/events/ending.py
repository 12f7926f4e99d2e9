"""Ending a process with all that it started, when a signal ends the command that waits for it."""

from __future__ import annotations

import os
import select
import time

from esmith.contexts import contextmanager, suppress
from esmith.events.errors import ActionError
from esmith.processes import all_children
from esmith.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long a process has to end by itself, in seconds. An event among them restores its files in this time.
_PATIENCE = 30.0


@contextmanager
def ended_with_us(process: int) -> Iterator[None]:
    """Have a child end, with what it started, when a signal ends what is done here, or its time is up.

    What has left its family, as a daemon does, goes on.

    :param process: the number of the child.
    """
    try:
        yield
    except (KeyboardInterrupt, ActionError):
        from contextlib import ExitStack

        with ExitStack() as stack:
            handles = []
            for number in [process, *_descendants(process)]:
                with suppress(OSError):
                    handles.append(os.pidfd_open(number))
                    stack.callback(os.close, handles[-1])
            _end(handles)
        raise


def ends_within(process: int, seconds: float) -> bool:
    """Wait for a child, and return whether it has ended in time; it is still to be asked how.

    :param process: the number of the child.
    """
    handle = os.pidfd_open(process)
    try:
        return _waits(handle, seconds)
    finally:
        os.close(handle)


def _waits(handle: int, seconds: float) -> bool:
    """Wait until a process ends, and return whether it has."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(max(seconds, 0) * 1000))


def _end(handles: list[int]) -> None:
    _send(handles, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    for handle in handles:
        _waits(handle, deadline - time.monotonic())
    _send(handles, signal.SIGKILL)


def _send(handles: list[int], number: int) -> None:
    for handle in handles:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)


def _descendants(process: int) -> list[int]:
    """Return what a process started, and what that started."""
    children = all_children()
    found: list[int] = []
    pending = [process]
    while pending:
        more = children.get(pending.pop(), [])
        found += more
        pending += more
    return found
