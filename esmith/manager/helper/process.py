"""A process of its own for a job: it goes on when the helper or the web process is killed."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING

from esmith.environment import PATH, clean_environment
from esmith.trust import ENVIRONMENT as TRUST_OWNER

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

#: What a job keeps of the environment of the helper.
_KEPT = ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME", "TZ", TRUST_OWNER)
#: The limits that the helper sets for each of its verbs.
_LIMITS = (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_AS)
_UMASK = 0o022
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: More descriptors than these no process of ours has.
_MOST_DESCRIPTORS = 2**20


def start(work: Callable[[], None], descriptor: int, environment: dict[str, str]) -> None:
    """Do something in a new process of its own session, whose parent is init; nothing is waited for.

    It has no open files but one, no streams, and an environment of few variables. A process that starts it must
    have closed its databases: they cannot be used in both.

    :param work: what is done; signals that end a process raise KeyboardInterrupt in it, once.
    :param descriptor: the file that stays open.
    :param environment: variables that are added.
    :raises OSError: when there can be no more processes.
    """
    first = os.fork()
    if first == 0:
        code = 1
        try:
            os.setsid()
            if os.fork() == 0:
                _become(descriptor, environment)
                work()
            code = 0
        finally:
            # Neither what the caller would do at its end, nor its traceback.
            os._exit(code)
    if os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) != 0:
        raise OSError("the process of the job cannot be started")


def _become(descriptor: int, environment: dict[str, str]) -> None:
    # What the helper holds is never collected here: it would close descriptors by numbers that are other files by now.
    gc.freeze()
    kept = {name: value for name, value in clean_environment().items() if name in _KEPT}
    os.environ.clear()
    os.environ.update({"PATH": PATH, **kept, **environment})
    os.chdir("/")
    os.umask(_UMASK)
    _reset_signals()
    for limit in _LIMITS:
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (hard, hard))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, _MOST_DESCRIPTORS)
    # Those of the helper may be others than the descriptors that were just opened.
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) not in (signal.SIG_DFL, signal.SIG_IGN, None):
            signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGPIPE else signal.SIG_DFL)
    catch_ending()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def catch_ending() -> None:
    """Have the first signal that ends a process raise KeyboardInterrupt, and later ones not disturb its end."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for one in _ENDING:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in _ENDING:
        signal.signal(number, end)
