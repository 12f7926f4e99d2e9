"""Running the actions of an event: executables that are given the event's name and arguments."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from typing import Protocol

from esmith.environment import clean_environment
from esmith.errors import ActionError, ExitCode
from esmith.events.definition import Event
from esmith.events.log import EventLog
from esmith.layout import Layout
from esmith.perl.modules import perl_modules

#: How many of the last lines of a failed action are shown.
_SHOWN_LINES = 10


class ActionRunner(Protocol):
    """Runs actions, or only remembers them."""

    def run(self, event: Event, name: str, arguments: list[str]) -> str | None:
        """Run an action.

        :return: what it printed last when it ended with exit code 11: it did all but what a single fault stopped.
            None when it did everything.
        :raises ActionError: when it cannot be run, fails, or is killed.
        """


class ProcessRunner:
    """Runs actions as processes.

    They get no standard input: an action that reads it would eat the input of the shell loop around signal-event.

    :param layout: the root; the actions find it in ESMITH_ROOT, its commands on PATH, the Perl modules in PERL5LIB.
    :param log: where their output goes.
    :param environment: what is added to the environment.
    """

    def __init__(self, layout: Layout, log: EventLog, environment: dict[str, str]) -> None:
        self._log = log
        path = f"{layout.commands}:{os.environ.get('PATH', os.defpath)}"
        ours = {"ESMITH_ROOT": layout.root, "PATH": path, "PERL5LIB": perl_modules()}
        self._environment = {**clean_environment(), **ours, **environment}

    def run(self, event: Event, name: str, arguments: list[str]) -> str | None:
        """Run an action; what it prints is logged."""
        path = os.path.join(event.directory, name)
        self._log.write(f"Running event handler: {path}")
        start = time.monotonic()
        # A file, not a pipe: a daemon that an action starts would keep a pipe open, and the event waiting.
        with tempfile.TemporaryFile() as output:
            try:
                done = subprocess.run(
                    [path, event.name, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    check=False,
                )
            except OSError as error:
                raise ActionError(
                    f"cannot be run: {error.strerror}", place=path, hint="check its first line (#!) and its permissions"
                ) from error
            output.seek(0)
            text = output.read().decode("utf-8", "backslashreplace")
        if text:
            self._log.write_output(text)
        self._log.write(f"{name} ended with status {done.returncode} after {time.monotonic() - start:.3f} s")
        if done.returncode == ExitCode.PARTIAL:
            return _last_lines(text) or "it printed nothing"
        if done.returncode != 0:
            raise ActionError(
                _reason(done.returncode),
                place=path,
                hint=_last_lines(text) or "it printed nothing; the actions after it did not run",
            )
        return None


class RecordingRunner:
    """Remembers the actions in ``actions``, for ``--dry-run`` and for tests."""

    def __init__(self) -> None:
        self.actions: list[str] = []

    def run(self, event: Event, name: str, arguments: list[str]) -> str | None:
        """Remember it."""
        self.actions.append(name)
        return None


def _reason(status: int) -> str:
    return f"failed with exit status {status}" if status > 0 else f"was killed by signal {-status}"


def _last_lines(text: str) -> str:
    lines = text.splitlines()[-_SHOWN_LINES:]
    return "it printed:\n    " + "\n    ".join(lines) if lines else ""
