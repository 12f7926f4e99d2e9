"""Running the programs of the steps: what they print goes to a log, and its end into the message of a failure."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from esmith.directories import make_directory, open_file
from esmith.environment import PATH, clean_environment
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import trouble
from esmith.printable import printable
from esmith.setup.machine.progress import Progress

#: What everything that is started prints.
LOG = "/var/log/e-smith/setup.log"
_LOOK_EVERY = 0.2
#: How much of the end of the output a message shows.
_LINES, _BYTES = 12, 4000


class ProgramError(InstallError):
    """A program of a step failed.

    :param code: its exit code.
    """

    def __init__(self, message: str, *, place: str = "", hint: str = "", code: int = 1) -> None:
        super().__init__(message, place=place, hint=hint)
        self.code = code


class Programs:
    """Runs programs for the steps.

    :param layout: the root; its commands are found first.
    :param progress: what shows that one goes on.
    """

    def __init__(self, layout: Layout, progress: Progress) -> None:
        self._layout = layout
        self.progress = progress
        self.log = layout.under(LOG)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment that programs get: the cleaned one, with the commands of the root in PATH."""
        found = {**clean_environment(), "PATH": f"{self._layout.commands}:{PATH}", "LC_ALL": "C.UTF-8"}
        if not self._layout.is_machine:
            found["ESMITH_ROOT"] = self._layout.root
        return {**found, **(more or {})}

    def run(
        self,
        words: Sequence[str],
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        within: float = 3600.0,
        hint: str = "",
    ) -> str:
        """Run a program to its end, and return what it printed.

        :param words: the program and its arguments.
        :param stdin: what it reads; it is in no log.
        :param environment: variables besides those of :meth:`environment`.
        :param within: seconds after which it is ended.
        :param hint: the cure when it fails.
        :raises ProgramError: when it fails, with the end of what it printed.
        :raises InstallError: when it cannot be run, or the log cannot be written.
        """
        with _opened(self.log) as log:
            try:
                log.write(f"$ {shlex.join(words)}\n".encode("utf-8", "surrogateescape"))
            except OSError as error:
                raise trouble(self.log, error) from error
            begin = os.fstat(log.fileno()).st_size
            code = self._wait(words, stdin, self.environment(environment), log.fileno(), within)
            missing = _unwritten(log) if code else ""
        with open(self.log, "rb") as written:
            written.seek(begin)
            printed = written.read().decode("utf-8", "replace")
        if code != 0:
            hint = "\n  ".join(filter(None, [missing, hint or f"all it printed is in {LOG}"]))
            raise ProgramError(_failure(words, code, printed), hint=hint, code=code)
        return printed

    def _wait(self, words: Sequence[str], stdin: bytes, environment: dict[str, str], log: int, within: float) -> int:
        program = shutil.which(words[0], path=environment["PATH"])
        if program is None:
            raise InstallError(f"there is no program {words[0]}", hint="install the Debian package that has it")
        begin = time.monotonic()
        try:
            # A group of its own: ^C at the terminal is for this command, which ends the program in its turn.
            process = subprocess.Popen(
                [program, *words[1:]],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                process_group=0,
            )
        except OSError as error:
            raise InstallError(f"cannot run {program}: {error.strerror}") from error
        with process:
            try:
                assert process.stdin is not None
                # One that ends without reading has what it wanted, and its exit code says whether that was enough.
                with suppress(BrokenPipeError):
                    process.stdin.write(stdin)
                    process.stdin.close()
                while (code := process.poll()) is None:
                    seconds = time.monotonic() - begin
                    if seconds > within:
                        raise InstallError(
                            f"{shlex.join(words)} did not end within {within:g} s",
                            hint=f"it was ended; what it printed is in {LOG}",
                        )
                    self.progress.goes_on(_last_line(self.log), seconds)
                    time.sleep(_LOOK_EVERY)
            finally:
                self.progress.clear()
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        return code


def own_command() -> list[str]:
    """Return how this ``esmith`` is called once more."""
    called = os.path.abspath(sys.argv[0])
    if os.path.basename(called) == "esmith" and os.access(called, os.X_OK):
        return [called]
    return [sys.executable, "-I", "-m", "esmith"]


def _opened(path: str) -> IO[bytes]:
    """Open the log to add to its end; nobody else may read what programs of root print."""
    try:
        make_directory(os.path.dirname(path))
        return os.fdopen(open_file(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab", buffering=0)
    except OSError as error:
        raise trouble(path, error) from error


def _unwritten(log: IO[bytes]) -> str:
    """Return the message for where the disk had no place for what a program printed, which no program reports."""
    try:
        log.write(b"\n")
    except OSError as error:
        return f"the log cannot hold all it printed: {error.strerror}; to see the disk: df {os.path.dirname(LOG)}"
    return ""


def _last_line(path: str) -> str:
    """Return the last line of a log, as far as it is printable."""
    with open(path, "rb") as log:
        log.seek(max(0, os.fstat(log.fileno()).st_size - _BYTES))
        lines = log.read().decode("utf-8", "replace").replace("\r", "\n").split("\n")
    return printable(next((line.strip() for line in reversed(lines) if line.strip()), ""))


def _failure(words: Sequence[str], code: int, printed: str) -> str:
    lines = [line.rstrip() for line in printed[-_BYTES:].replace("\r", "\n").splitlines() if line.strip()]
    return "\n  ".join([f"{shlex.join(words)} failed with exit code {code}; it printed:", *lines[-_LINES:]])
