"""Commands of this root that the agent runs: as processes with a time limit, their output bounded and printable."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile

from esmith.environment import clean_environment
from esmith.fields import dataclass
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.layout import Layout

#: Of what a command printed, the last bytes and lines are shown.
_LAST_BYTES, _LAST_LINES, _LONGEST_LINE = 8192, 12, 300
#: As nice(1) has it.
_LOW_PRIORITY = 10
#: No command prints more that is read as a whole.
_MOST_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    :param code: its exit code; None when it was killed, because it took too long.
    :param output: what it printed.
    """

    code: int | None
    output: bytes

    @property
    def lines(self) -> list[str]:
        """The last lines of what it printed."""
        text = self.output[-_LAST_BYTES:].decode("utf-8", "surrogateescape")
        return [printable(line)[:_LONGEST_LINE] for line in text.splitlines() if line.strip()][-_LAST_LINES:]


class Children:
    """Runs commands, each in a thread that waits for it."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._running: set[subprocess.Popen[bytes]] = set()

    def run(self, words: Sequence[str], seconds: float) -> Ended:
        """Run a command of this program for this root, and wait for it.

        :param words: as after ``esmith`` on a command line.
        :param seconds: after which it is killed, with all it has started that is in its group.
        :raises OSError: when it cannot be started.
        """
        return self._run(["-m", "esmith", "--root", self._layout.root, *words], seconds, goes_on=False)

    def signal_event(self, event: str, seconds: float) -> Ended:
        """Signal an event in this root, and wait for its end. It goes on when the agent ends, which it may restart.

        :param event: its name.
        :param seconds: as for :meth:`run`.
        :raises OSError: when it cannot be started.
        """
        code = "from esmith.cli.start import signal_event; signal_event()"
        return self._run(["-c", code, "--root", self._layout.root, "--", event], seconds, goes_on=True)

    def _run(self, words: Sequence[str], seconds: float, *, goes_on: bool) -> Ended:
        argv = [sys.executable, "-IXutf8", *words]
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=clean_environment(),
                start_new_session=True,
            )
            if not goes_on:
                self._running.add(process)
                with contextlib.suppress(OSError):
                    # What is counted is wanted some time. Changes and mail are not to wait for it.
                    os.setpriority(os.PRIO_PROCESS, process.pid, _LOW_PRIORITY)
            try:
                code: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _kill(process)
                self._running.discard(process)
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - _MOST_BYTES))
            return Ended(code, output.read())

    def end(self) -> None:
        """Kill what runs, but for events."""
        for process in list(self._running):
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and its group, where it runs; and wait for it."""
    if process.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
