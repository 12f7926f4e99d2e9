"""The processes of the demo: each is started with a log, waited for and ended by its pid."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from esmith.errors import InstallError

#: How long a state is waited for, in seconds: etcd begins in one, on a busy disk in ten.
PATIENCE_SECONDS = 60.0
_END_SECONDS = 10.0
_LINES = 5


def wait_for(state: Callable[[], bool], what: str) -> None:
    """Wait for a state.

    :raises InstallError: when it does not come.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not state():
        if time.monotonic() > end:
            raise InstallError(f"{what}: it was waited for {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.05)


class Process:
    """One program that goes on.

    :param name: what it is called.
    :param words: its command.
    :param log: where its output goes.
    :param variables: what its environment has besides that of this process.
    """

    def __init__(self, name: str, words: list[str], log: Path, variables: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._words, self._log, self._variables = words, log, variables or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its number; it has been started."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it. It ends with this process, also when that is killed."""
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*guard, *self._words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._variables},
                start_new_session=True,
            )

    def check(self) -> None:
        """Look whether it still runs.

        :raises InstallError: when it has ended, with the end of its log.
        """
        if not self.is_running:
            lines = self._log.read_text(errors="replace").splitlines()[-_LINES:]
            raise InstallError("\n".join([f"{self.name} has ended; the end of {self._log}:", *lines]))

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal and wait for its end; nothing when it does not run."""
        if self._process is None:
            return
        if self.is_running:
            self._process.send_signal(number)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
