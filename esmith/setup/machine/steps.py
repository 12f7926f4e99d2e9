"""The steps in their order: one that is done already is left out, and the first that fails ends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from esmith.errors import EsmithError, InstallError
from esmith.setup.machine.progress import Progress
from esmith.store.cures import CURES


def _never() -> str:
    return ""


@dataclass(frozen=True)
class Step:
    """One step.

    :param title: what it sees to.
    :param shown: returns the lines that a dry run shows: the commands, as an administrator would type them.
    :param run: does it.
    :param already: returns why there is nothing to do, "" when there is. By default there always is: the step changes
        nothing where all is as it should be.
    """

    title: str
    shown: Callable[[], list[str]]
    run: Callable[[], None]
    already: Callable[[], str] = _never


def show_steps(steps: Sequence[Step], progress: Progress) -> None:
    """Show what the steps would do, and change nothing."""
    for number, step in enumerate(steps, 1):
        progress.begin(number, len(steps), step.title)
        reason = step.already()
        for line in [f"already so: {reason}"] if reason else step.shown():
            progress.note(line)


def run_steps(steps: Sequence[Step], progress: Progress, again: str) -> None:
    """Do the steps.

    :param again: the command that goes on after a failure.
    :raises EsmithError: of the first step that fails, with the cure; those before it stay done.
    """
    for number, step in enumerate(steps, 1):
        progress.begin(number, len(steps), step.title)
        try:
            _run(step, progress)
        except EsmithError as error:
            progress.clear()
            # On a line of its own, so that it can be pasted.
            lines = [
                f"step {number} of {len(steps)}, {step.title}: what was done before it stays",
                f"to go on: {again}",
            ]
            error.hint = "\n  ".join([*([error.hint] if error.hint else []), *lines])
            raise


def _run(step: Step, progress: Progress) -> None:
    try:
        if reason := step.already():
            progress.note(f"already so: {reason}")
        else:
            step.run()
    except OSError as error:
        # That the disk is full may show at any place.
        place = str(error.filename or "")
        raise InstallError(error.strerror or str(error), place=place, hint=CURES.get(error.errno or 0, "")) from error
