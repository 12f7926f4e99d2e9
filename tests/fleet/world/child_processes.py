"""Starting the processes of :mod:`tests.fleet.world.child`, talking with them, and ending them by their ids."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.fleet.cluster import PATIENCE

REPOSITORY = Path(__file__).parents[3]


class EndedError(Exception):
    """The process ended before it answered."""


class Child:
    """One process, which ends with the tests, also when these are killed.

    :param words: of :mod:`tests.fleet.world.child`.
    :param log: gets its standard error.
    :param before: words before the command, as those of ``ip netns exec``.
    :param stdin: a descriptor for its standard input; a pipe by default.
    """

    def __init__(
        self,
        *words: str,
        log: Path,
        before: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        stdin: int = subprocess.PIPE,
    ) -> None:
        self.log = log
        command = ["setpriv", "--pdeathsig", "KILL", *before, sys.executable, "-m", "tests.fleet.world.child", *words]
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=REPOSITORY,
                env={**os.environ, **(env or {})},
            )
        self._rest = b""

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it is there, paused or not."""
        return self.process.poll() is None

    def line(self, seconds: float = PATIENCE) -> bytes:
        """Return its next line.

        :raises EndedError: there is none any more.
        """
        assert self.process.stdout is not None
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self.process.stdout], [], [], seconds)
            assert ready, f"waited {seconds:.0f} s for an answer; {self.printed()}"
            part = os.read(self.process.stdout.fileno(), 65536)
            if not part:
                raise EndedError(self.printed())
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def wait_ready(self) -> None:
        """Wait until it says that it is ready."""
        assert self.line() == b'"ready"', self.printed()

    def printed(self) -> str:
        """Return the end of what it wrote to its standard error."""
        return self.log.read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """End it by SIGKILL, paused or not, and wait for that."""
        self.end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it where it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it, wait for that, and return its exit code; negative for a signal."""
        if self.is_running:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
            try:
                self.process.wait(PATIENCE / 3)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                # What was not read by a process that is gone any more is nobody's loss.
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return code

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
