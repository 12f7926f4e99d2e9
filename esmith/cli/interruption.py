"""Ending a command by a signal: what it has begun is taken back first, and the exit code says which signal it was.

SIGTERM and SIGHUP do what SIGINT (^C) does: they raise KeyboardInterrupt where the command is. Whatever restores after
a failure restores then, too.
"""

from __future__ import annotations

import sys

from esmith.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import Signals
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_received: list[int] = []
#: When what was raised and lost is raised again, in seconds.
_SOON = 0.01


def catch_signals() -> None:
    """Have the first of these signals end the command, and later ones not disturb it while it restores.

    One that is ignored at the start, as SIGHUP is by nohup(1), stays ignored.
    """
    _received.clear()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    sys.unraisablehook = _unraisable


def ignore_signals() -> None:
    """Have signals not disturb what Python does at the end of the process: all is done and printed by then."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_IGN)


def received() -> Signals:
    """Return the signal that ended the command: the first that came, else SIGINT, which Python itself noticed."""
    from signal import Signals

    return Signals(_received[0]) if _received else Signals.SIGINT


def _end(number: int, _frame: FrameType | None) -> None:
    if not _received:
        _received.append(number)
        raise KeyboardInterrupt


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Raise KeyboardInterrupt again where Python has lost it: a function that it calls by itself raises nothing.

    So it is when a lock of an import goes (importlib), and when an object does. The command would go on to its end.
    """
    if isinstance(lost.exc_value, KeyboardInterrupt) and _received:
        signal.signal(signal.SIGALRM, _again)
        signal.setitimer(signal.ITIMER_REAL, _SOON)
    else:
        sys.__unraisablehook__(lost)


def _again(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
