"""Ending a command by a signal: what it has begun is taken back first, and the exit code says which signal it was.

SIGTERM and SIGHUP do what SIGINT (^C) does: they raise KeyboardInterrupt where the command is. Whatever restores after
a failure restores then, too.
"""

from __future__ import annotations

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_received: list[int] = []


def catch_signals() -> None:
    """Have the first of these signals end the command, and later ones not disturb it while it restores.

    One that is ignored at the start, as SIGHUP is by nohup(1), stays ignored.
    """
    _received.clear()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def received() -> signal.Signals:
    """Return the signal that ended the command."""
    return signal.Signals(_received[0]) if _received else signal.SIGINT


def _end(number: int, _frame: FrameType | None) -> None:
    if not _received:
        _received.append(number)
        raise KeyboardInterrupt
