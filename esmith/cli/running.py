"""Running a command whose arguments are read without click where that can be (:mod:`esmith.cli.arguments`)."""

from __future__ import annotations

import sys

from esmith.cli.output import ended_by_signal, leave, remember_root, run, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from esmith.cli.arguments import Command
    from esmith.cli.progress import Progress


def run_command(command: Command) -> NoReturn:
    """Run a command on the arguments of this process, and end it. It has to close what it opens.

    When a signal ends it the exit code is 128 and the number of the signal.
    """
    leave(run(command.name, lambda words: run_words(command, words)))


def progress_of_steps() -> Progress | None:
    """Return what shows how far a command has come whose steps may last, where somebody waits for it; else None."""
    if not sys.stderr.isatty():
        return None
    from esmith.cli.progress import Progress

    # A step may last from its beginning on.
    return Progress(silent=0)


def run_words(command: Command, words: list[str]) -> int:
    """Run a command on arguments, and return the exit code."""
    values = command.read(words)
    if values is None:
        from esmith.cli.program import as_click, call_click

        return call_click(as_click(command), command.name, words)
    root = values.pop("root")
    if root is not None:
        remember_root(root)
    if values.pop("trust_owner"):
        from esmith.cli.trusting import trust_owner

        trust_owner(root, warn)
    if command.is_done(root, values):
        return 0
    from esmith.cli.interruption import catch_signals

    catch_signals()
    try:
        return command.carry_out(root, values)
    except KeyboardInterrupt:
        return ended_by_signal(command.name)
