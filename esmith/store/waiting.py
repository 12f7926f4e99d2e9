"""Waiting for another process that writes: says for whom, and ends after :data:`WRITE_TIMEOUT`.

LMDB's own lock for writers has no time limit, and neither has flock(2): behind a process that sleeps or was stopped
(SIGSTOP) a command would wait for good. So each writer takes a lock of ours first, by trying again and again.
"""

from __future__ import annotations

import os
import sys
import time

from esmith.errors import BusyError, StoreError
from esmith.printable import printable
from esmith.processes import status_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: How long a writer waits for another one, in seconds.
WRITE_TIMEOUT = 60.0
#: How long it waits without saying so, in seconds.
_SILENT_SECONDS = 1.0
#: How long it sleeps between two tries, in seconds: at first, and at most.
_FIRST_SLEEP, _LONGEST_SLEEP = 0.001, 0.05
#: As the shell and perl, these are not the command but run it.
_INTERPRETERS = ("python", "perl", "sh", "bash", "dash", "env")


class WriterBusyError(BusyError, StoreError):
    """Another process wrote for so long that this one gave up, with nothing of its transaction stored."""


def wait_until(take: Callable[[], bool], find_holder: Callable[[], int | None], place: str) -> None:
    """Wait until a lock could be taken.

    :param take: tries to take it and returns whether it could.
    :param find_holder: returns the number of the process that holds the lock, None when that is not known.
    :param place: what is locked, for the error.
    :raises WriterBusyError: when it is not free after :data:`WRITE_TIMEOUT`.
    """
    begin = time.monotonic()
    sleep = _FIRST_SLEEP
    is_reported = False
    while not take():
        waited = time.monotonic() - begin
        if waited >= WRITE_TIMEOUT:
            raise _busy(find_holder(), place)
        if waited >= _SILENT_SECONDS and not is_reported:
            _say(f"waiting for {describe(find_holder())} to end")
            is_reported = True
        time.sleep(sleep)
        sleep = min(2 * sleep, _LONGEST_SLEEP)


def describe(process: int | None) -> str:
    """Return a process for a message, e.g. ``config setprop (process 123)``.

    Of its command line only the program and the verb: other words may be secrets.
    """
    if process is None:
        return "another command"
    return f"{_command(_words(process)) or 'another command'} (process {process})"


def flock_holder(path: str) -> int | None:
    """Return the process that holds a flock(2) on a file, as proc_locks(5) has it; None when that does not show."""
    try:
        status = os.stat(path)
        with open("/proc/locks", encoding="ascii") as file:
            lines = [line.split() for line in file]
    except (OSError, UnicodeDecodeError):
        return None
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for words in lines:
        # Who waits for a lock has a line with "->".
        if len(words) > 5 and words[1] == "FLOCK" and words[5] == device and int(words[4]) > 0:
            return int(words[4])
    return None


def _busy(process: int | None, place: str) -> WriterBusyError:
    hint = "try again when it has ended"
    if process is not None:
        hint = f"wait for it, or end it with: kill {process:d}"
        if _is_stopped(process):
            hint = f"it was stopped; let it go on with: kill -CONT {process:d}\n  or end it: kill -KILL {process:d}"
    who = describe(process)
    return WriterBusyError(f"{who} has been writing for more than {WRITE_TIMEOUT:g} seconds", place=place, hint=hint)


def _words(process: int) -> list[str]:
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def _command(words: list[str]) -> str:
    """Return the program and the verb of a command line, without the interpreter and the options."""
    if len(words) > 1 and _is_interpreter(os.path.basename(words[0])) and not {"-c", "-e"} & set(words[1:3]):
        words = words[1:]
    names = [word for word in words if not word.startswith("-")]
    if not names:
        return ""
    program, verb = os.path.basename(names[0]), names[1] if len(names) > 1 else ""
    if program == "esmith-perl-server":
        # It writes for the script that is its argument.
        return printable(os.path.basename(verb) or program)
    is_verb = verb.isascii() and verb.replace("-", "").isalpha() and verb.islower()
    return printable(f"{program} {verb}" if is_verb else program)


def _is_interpreter(name: str) -> bool:
    return name.rstrip("0123456789.") in _INTERPRETERS


def _is_stopped(process: int) -> bool:
    try:
        return status_of(process)[0] == b"T"
    except OSError:
        return False


def _say(text: str) -> None:
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    program = name if name and not name.endswith(".py") and name not in ("-c", "-m") else "esmith"
    if sys.stderr is not None:
        print(f"{program}: {text}", file=sys.stderr, flush=True)
