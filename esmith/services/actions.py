"""The service actions that ``services2adjust`` may hold, what each does, and which of several is the strongest.

They are the original's (its ``adjust-services`` and ``serviceControl``), systemctl's, and the letters of svc(8)
and sv(8). Case does not matter, because signals are written in capitals everywhere else.
"""

from __future__ import annotations

from esmith.errors import UsageError
from esmith.names import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from signal import Signals


class Effect:
    """What a service action does, the weakest first.

    START is the weakest although it starts a process: an enabled service is brought up whatever the action is, and to
    a service that is up START does nothing. If it won over RELOAD, a pending reload would be lost.
    """

    #: Brings the service up if it is not.
    START = 1
    #: Says whether the service starts with its supervisor.
    BOOT = 2
    #: Sends a signal whose meaning is the service's own.
    SIGNAL = 3
    #: Sends USR1 or USR2, by which several daemons reopen or reread files.
    USER_SIGNAL = 4
    #: Has the service read its files again without ending it.
    RELOAD = 5
    #: Brings the service up, and leaves it down when it ends.
    ONCE = 6
    #: Ends the process without asking it; its supervisor starts another.
    KILL = 7
    #: Replaces the process by a new one.
    RESTART = 8
    #: Brings the service down, and leaves it down.
    STOP = 9


#: The effects that decide whether the service is up: nothing is started afterwards.
HOLDING = frozenset({Effect.STOP, Effect.ONCE})
#: The effects that only reach a process that runs; a process that starts anyway makes up for them.
SIGNALLING = frozenset({Effect.KILL, Effect.RELOAD, Effect.USER_SIGNAL, Effect.SIGNAL})

#: Each service action that supervisors implement, its effect, and its other names.
ACTIONS: dict[str, tuple[int, tuple[str, ...]]] = {
    "stop": (Effect.STOP, ("down", "d")),
    "exit": (Effect.STOP, ("x",)),
    "restart": (Effect.RESTART, ("sigterm", "term", "t")),
    "try-restart": (Effect.RESTART, ()),
    "kill": (Effect.KILL, ("sigkill", "k")),
    "once": (Effect.ONCE, ("o",)),
    "hup": (Effect.RELOAD, ("sighup", "adjust", "graceful", "h")),
    "reload": (Effect.RELOAD, ()),
    "reload-or-restart": (Effect.RELOAD, ()),
    "reload-or-try-restart": (Effect.RELOAD, ()),
    "usr1": (Effect.USER_SIGNAL, ("sigusr1", "1")),
    "usr2": (Effect.USER_SIGNAL, ("sigusr2", "2")),
    "alarm": (Effect.SIGNAL, ("sigalrm", "a")),
    "interrupt": (Effect.SIGNAL, ("sigint", "i")),
    "quit": (Effect.SIGNAL, ("sigquit", "q")),
    "pause": (Effect.SIGNAL, ("sigstop", "p")),
    "cont": (Effect.SIGNAL, ("sigcont", "c")),
    "enable": (Effect.BOOT, ("enable -now",)),
    "disable": (Effect.BOOT, ("svdisable",)),
    "start": (Effect.START, ("up", "u")),
}

_SIGNALS = {
    "hup": "SIGHUP",
    "usr1": "SIGUSR1",
    "usr2": "SIGUSR2",
    "alarm": "SIGALRM",
    "interrupt": "SIGINT",
    "quit": "SIGQUIT",
    "kill": "SIGKILL",
    "pause": "SIGSTOP",
    "cont": "SIGCONT",
}

_SAME_AS = {other: action for action, (_, others) in ACTIONS.items() for other in (action, *others)}


def check_action(action: str) -> str:
    """Return the action the supervisors implement that means the same: ``restart`` for ``sigterm``.

    Besides :data:`ACTIONS` every signal of the system may be named, as ``sigwinch``.

    :raises UsageError: when there is no such action, naming the nearest and all there are.
    """
    lower = action.strip().lower()
    if lower in _SAME_AS:
        return _SAME_AS[lower]
    if lower.startswith("sig"):
        from signal import Signals

        if lower.upper() in Signals.__members__:
            return lower
    known = [other for other in _SAME_AS if len(other) > 1]
    close = nearest(lower, known)
    meant = f"did you mean {close!r}? " if close else ""
    raise UsageError(
        f"there is no service action {action!r}",
        hint=f"{meant}The service actions are: {' '.join(sorted(known))}, and sigNAME for other signals",
    )


def effect_of(action: str) -> int:
    """Return what a service action does, one of :class:`Effect`.

    :raises UsageError: when there is no such action.
    """
    known = ACTIONS.get(check_action(action))
    return Effect.SIGNAL if known is None else known[0]


def signal_of(action: str) -> Signals | None:
    """Return the signal that an action of :func:`check_action` is; None when it does more than sending one."""
    from signal import Signals

    name = _SIGNALS.get(action) if action in ACTIONS else action.upper()
    return None if name is None else Signals[name]


def strongest(actions: Iterable[str]) -> str:
    """Return the one action to carry out when there are several reasons to adjust a service.

    The order is that of :class:`Effect`: stop, restart, kill, once, reload, USR1 and USR2, other signals, enable and
    disable, start. Of equally strong actions the first is taken.

    :param actions: one for each reason.
    :return: as :func:`check_action` writes it.
    :raises UsageError: when one of them is unknown.
    :raises ValueError: when there are none.
    """
    return max([check_action(action) for action in actions], key=effect_of)
