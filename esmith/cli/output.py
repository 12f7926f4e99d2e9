"""What every command shares: its arguments as UTF-8, its output, and errors as a line or two on stderr."""

from __future__ import annotations

import os
import sys

from esmith.environment import clean
from esmith.errors import EsmithError, ExitCode, RefusedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NoReturn

#: What stays as it is in a text of several lines.
_LINES = "\n\t"
#: How many parts of a long text are written at once.
_PARTS = 10_000
#: The root that --root named; "" where it was not given.
_given_root = ""
#: The name that messages of this process begin with.
_program = "esmith"
#: Makes control sequences of styles (:mod:`esmith.cli.colour`); None as long as nothing is styled.
_painter: Callable[[str], str] | None = None


def run(program: str, main: Callable[[list[str]], int]) -> int:
    """Run a command on the arguments of this process and return its exit code.

    :param program: the name messages begin with.
    """
    global _program
    _program = program
    _open_closed_streams()
    clean()
    try:
        return main(arguments())
    except EsmithError as error:
        complain(program, str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, grep -q) has what it wanted.
        _give_up(1)
        return ExitCode.OK
    except EOFError:
        # Python writes a part of what it compiles where the disk is full, and does not read it again later.
        folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        hint = f"to remove them, which are made again: find {folder} -name '*.pyc' -delete"
        complain(program, f"a file that Python has compiled is incomplete, as after a full disk\n  {hint}")
        return ExitCode.FAILED
    except OSError as error:
        # Nothing else that the system refuses gets here unsaid; a help page on a full disk does.
        _give_up(1)
        # What tempfile says where none of its places takes a byte.
        cure = "\n  see whether the disk is full: df /tmp" if "temporary directory" in f"{error.strerror}" else ""
        complain(program, (f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror}") + cure)
        return ExitCode.FAILED


def leave(code: int) -> NoReturn:
    """End this process without what Python does at its end, which takes as long as reading a property.

    For commands that have closed what they opened. What they printed is flushed already, but for a help page of click.

    :param code: the exit code.
    """
    os._exit(flushed(code))


def flushed(code: int) -> int:
    """Flush what was printed, so that Python need not at its end, and return the exit code.

    :param code: what it is when that succeeds; it stays when it says already that something failed.
    """
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            # A command may have taken its output away, when its reader had what it wanted.
            if stream is not None:
                stream.flush()
        except OSError:
            _give_up(number)
            code = code or ExitCode.FAILED
    return code


def remember_root(root: str) -> None:
    """Have the commands that messages show be for a root.

    :param root: the value of ``--root``.
    """
    global _given_root
    _given_root = root


def set_painter(painter: Callable[[str], str]) -> None:
    """Have what is styled painted, after it was made printable."""
    global _painter
    _painter = painter


def _for_root(text: str) -> str:
    if not _given_root:
        return text
    from esmith.status.cures import with_root

    return with_root(text, _given_root)


def _open_closed_streams() -> None:
    """Open what the caller closed of stdin, stdout and stderr, on nothing.

    Otherwise the next file to be opened, the databases perhaps, would get the number, and a child would write to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _give_up(stream: int) -> None:
    """Have what is still buffered for a stream go nowhere: Python would fail once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


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
    """Write lines of data to stdout as UTF-8, all at once; to the byte, as :func:`print_text` says.

    :raises EsmithError: when they cannot be written.
    """
    print_text("\n".join([*lines, ""]))


def print_report(lines: Iterable[str], *, cures: bool = False) -> None:
    """Write lines for people to stdout: what is not printable is shown by its code, wherever stdout leads.

    :param cures: whether they show commands to type, which are then for the root that was given.
    :raises EsmithError: when they cannot be written.
    """
    from esmith.printable import printable

    print_lines(printable(_for_root(line) if cures else line, keep="\t") for line in lines)


def print_text(text: str) -> None:
    """Write data to stdout as UTF-8, to the byte; at a terminal what is not printable is shown by its code.

    A reader that has gone away (head, grep -q) is no error.

    :param text: bytes that are not UTF-8 are surrogates, as PEP 383 has them.
    :raises EsmithError: when it cannot be written.
    """
    if _painter is not None or sys.stdout.isatty():
        from esmith.printable import printable

        text = printable(text, keep=_LINES)
    if _painter is not None:
        text = _painter(text)
    _write(text.encode("utf-8", "surrogateescape"))


def print_bytes(data: bytes) -> None:
    """Write data to stdout as :func:`print_text` does.

    :param data: whole lines.
    :raises EsmithError: when it cannot be written.
    """
    if sys.stdout.isatty():
        print_text(data.decode("utf-8", "surrogateescape"))
    else:
        _write(data)


def print_parts(parts: Iterable[str]) -> None:
    """Write parts of a text to stdout as :func:`print_text` does the whole, many at once.

    :raises EsmithError: when they cannot be written.
    """
    kept: list[str] = []
    for part in parts:
        kept.append(part)
        if len(kept) == _PARTS:
            print_text("".join(kept))
            kept.clear()
    print_text("".join(kept))


def _write(data: bytes) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _give_up(1)
    except OSError as error:
        _give_up(1)
        raise EsmithError(f"cannot write the output: {error.strerror}") from error


def complain(program: str, text: str) -> None:
    """Write a message to stderr, after the program's name; each further line of it is indented.

    Commands that it shows are for the root that was given.
    """
    from esmith.printable import printable_message

    print_error(printable_message(f"{program}: {_for_root(text)}"))


def warn(text: str) -> None:
    """Show a message on stderr while a command runs."""
    complain(_program, text)


def ended_by_signal(program: str) -> int:
    """Say that a signal ended the command, and return the exit code: 128 and the number of the signal."""
    from esmith.cli.interruption import received

    # It may have come while what a check prints was about to be discarded, or no longer.
    if not hasattr(sys.stderr, "buffer"):
        sys.stdout, sys.stderr = sys.__stdout__ or sys.stdout, sys.__stderr__ or sys.stderr
    number = received()
    complain(program, f"ended by {number.name}")
    return 128 + number


def print_error(text: str) -> None:
    """Write to stderr, what is not printable by its code; where that cannot be, the exit code alone has to say it."""
    from esmith.printable import printable

    text = printable(text, keep=_LINES)
    if _painter is not None:
        text = _painter(text)
    try:
        sys.stdout.flush()
    except OSError:
        _give_up(1)
    try:
        sys.stderr.buffer.write(f"{text}\n".encode())
        sys.stderr.buffer.flush()
    except OSError:
        _give_up(2)
