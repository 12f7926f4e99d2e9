"""Signals, as :mod:`signal` has them, which takes long to make names for all of them; and as something to wait for.

Python does what a signal asks for between two steps of the main thread. One that comes just before a wait does not end
it, and a process that waits without an end does not notice it. A descriptor that can be read after a signal has no such
gap (signal.set_wakeup_fd).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    try:
        import _signal as signal
    except ImportError:
        import signal

__all__ = ["readable_signals", "signal"]


def readable_signals(*numbers: signal.Signals) -> int:
    """Return a descriptor that can be read after a signal of this process that Python has a handler for.

    :param numbers: signals that have to do nothing else.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return reader
