"""Running the actions of an event: executables that are given the event's name and arguments."""

from __future__ import annotations

import errno
import os
import time

from esmith.contexts import suppress
from esmith.disk import read_file
from esmith.environment import EVENT_DEPTH, clean_environment
from esmith.errors import ExitCode
from esmith.events.ending import ended_with_us, ends_within
from esmith.events.errors import ActionError
from esmith.expressions import expression
from esmith.perl.modules import perl_modules
from esmith.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

    from esmith.events.definition import Event
    from esmith.events.session import Session

#: What runs a text whose first line names no interpreter.
SHELL = "/bin/sh"
#: How many of the last lines of a failed action are shown.
_SHOWN_LINES = 10
#: What no script begins with: a program of another machine is none for sh.
_BINARY = expression(rb"[\x00-\x08\x0e-\x1f]")
_LOOKED_AT = 512
#: The most of them. The events of the original are three deep at most.
_DEEPEST = 8


def run_action(
    session: Session,
    event: Event,
    name: str,
    arguments: Sequence[str],
    environment: dict[str, str],
    *,
    timeout: float | None = None,
) -> str | None:
    """Run an action of an event; what it prints is logged.

    It finds the root in ESMITH_ROOT, the commands on PATH, the Perl modules in PERL5LIB. It gets no standard input: an
    action that reads it would eat the input of the shell loop around signal-event.

    :param environment: what is added to the environment.
    :param timeout: how long it may take, in seconds; then it is ended with what it started. None for any time.
    :return: what it printed last when it ended with exit code 11: it did all but what a single fault stopped.
        None when it did everything.
    :raises ActionError: when it cannot be run, fails, or is killed.
    """
    layout, log = session.layout, session.log
    path = os.path.join(event.directory, name)
    depth = _depth(path) + 1
    ours = {
        EVENT_DEPTH: str(depth),
        "ESMITH_ROOT": layout.root,
        "PATH": f"{layout.commands}:{os.environ.get('PATH', os.defpath)}",
        "PERL5LIB": perl_modules(),
    }
    log.write(f"Running event handler: {path}")
    start = time.monotonic()
    # A file, not a pipe: a daemon that an action starts would keep a pipe open, and the event waiting.
    with _unnamed_file() as output:
        variables = {**clean_environment(), **ours, **environment}
        words = [path, event.name, *arguments]
        try:
            process = _started(words, output, variables)
        except OSError as error:
            raise ActionError(
                f"cannot be run: {error.strerror}", place=path, hint="check its first line (#!) and its permissions"
            ) from error
        status = _wait(process, timeout, path)
        output.seek(0)
        text = output.read().decode("utf-8", "backslashreplace")
        missing = _missing(output) if status else ""
    if text:
        log.write_output(text)
    log.write(f"{name} ended with status {status} after {time.monotonic() - start:.3f} s")
    if status == ExitCode.PARTIAL:
        return _last_lines(text) or missing or "it printed nothing"
    if status != 0:
        raise ActionError(
            _reason(status),
            place=path,
            hint="\n  ".join(filter(None, [_last_lines(text), missing])) or "it printed nothing",
        )
    return None


def _missing(output: IO[bytes]) -> str:
    """Return the message for where the disk had no place for what an action printed."""
    try:
        # Not by the buffer of the file, which would be written once more when it is closed.
        os.write(output.fileno(), b"\n")
    except OSError as error:
        import tempfile

        return f"what it printed is not all there: {error.strerror}; to see the disk: df {tempfile.gettempdir()}"
    return ""


def _unnamed_file() -> IO[bytes]:
    """Return a new file that has no name; :mod:`tempfile` takes longer to import than an action may to run."""
    try:
        return open(os.open("/tmp", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b")
    except OSError:
        import tempfile

        return tempfile.TemporaryFile()


def _started(words: Sequence[str], output: IO[bytes], environment: Mapping[str, str]) -> int:
    """Start a program, and return the number of its process.

    A text whose first line names no interpreter is run by sh, as by the original's ``system``. It is started without
    :mod:`subprocess`, which takes longer to import than an action may to run.
    """
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
        (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
    ]

    def start(words: Sequence[str]) -> int:
        # Python ignores these two; a program expects to be ended by them.
        ignored = (signal.SIGPIPE, signal.SIGXFSZ)
        return os.posix_spawn(words[0], tuple(words), environment, file_actions=streams, setsigdef=ignored)

    try:
        return start(words)
    except OSError as error:
        if error.errno != errno.ENOEXEC or not is_text(read_file(words[0])):
            raise
        return start([SHELL, *words])


def is_text(data: bytes) -> bool:
    """Return whether an action is a text, so that an interpreter can run it."""
    return not _BINARY.search(data[:_LOOKED_AT])


def _depth(path: str) -> int:
    """Return how many actions are above this command.

    :raises ActionError: when there are so many that they start each other without end.
    """
    depth = int(found) if (found := os.environ.get(EVENT_DEPTH, "")).isascii() and found.isdecimal() else 0
    if depth >= _DEEPEST:
        raise ActionError(
            f"{depth} actions have started one another, this one would be the next",
            place=path,
            hint="an action of this event signals the event again; see the log for the others",
        )
    return depth


def _wait(process: int, timeout: float | None, path: str) -> int:
    """Return how a process ended: its exit code, or the number of the signal that ended it, negative."""
    try:
        with ended_with_us(process):
            if timeout is not None and not ends_within(process, timeout):
                raise ActionError(
                    f"did not end within {timeout:g} s, so it was ended", place=path, hint="run it by hand to see why"
                )
            return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    except (KeyboardInterrupt, ActionError):
        # It was ended, and is a zombie until somebody asks how.
        with suppress(ChildProcessError):
            os.waitpid(process, 0)
        raise


def _reason(status: int) -> str:
    return f"failed with exit status {status}" if status > 0 else f"was killed by signal {-status}"


def _last_lines(text: str) -> str:
    lines = text.splitlines()[-_SHOWN_LINES:]
    return "it printed:\n    " + "\n    ".join(lines) if lines else ""
