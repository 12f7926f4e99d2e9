"""What every command shares: its arguments as UTF-8, its output, and errors as a line or two on stderr."""

from __future__ import annotations

import os
import sys

from esmith.errors import EsmithError, ExitCode, RefusedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def run(program: str, main: Callable[[list[str]], int]) -> int:
    """Run a command on the arguments of this process and return its exit code.

    :param program: the name errors begin with.
    """
    try:
        return main(arguments())
    except EsmithError as error:
        complain(program, str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, grep -q) has what it wanted; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.OK


def arguments() -> list[str]:
    """Return this process's arguments, read as UTF-8 whatever the locale is.

    :raises RefusedError: when one is not UTF-8.
    """
    try:
        return [os.fsencode(word).decode() for word in sys.argv[1:]]
    except UnicodeDecodeError as error:
        raise RefusedError(
            f"an argument is not UTF-8: {error.object!r}", hint="convert it, e.g. with iconv, or use a UTF-8 terminal"
        ) from None


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to stdout as UTF-8, all at once."""
    text = "".join(f"{line}\n" for line in lines)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def complain(program: str, text: str) -> None:
    """Write a message to stderr, after the program's name."""
    sys.stdout.flush()
    sys.stderr.buffer.write(f"{program}: {text}\n".encode("utf-8", "backslashreplace"))
    sys.stderr.buffer.flush()


def shown_time(seconds: float) -> str:
    """Return a moment as local date and time.

    :param seconds: since 1970.
    """
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
