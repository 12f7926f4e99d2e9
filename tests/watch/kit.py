"""A watcher with a clock and a source of events that the test turns by hand, and the real one as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from esmith.store.protocol import Store
from esmith.watch.places import Places
from esmith.watch.source import Kind, Notice
from esmith.watch.watcher import Watcher
from tests.commands import DEFAULT_SIGNALS, Root
from tests.events.kit import DEADLINE_SECONDS, Scene

#: What happens at a moment; it returns what inotify would report.
Act = Callable[[], list[Notice]]
#: No test goes on for longer, on its own clock.
_END_SECONDS = 1000.0


class FakeSource:
    """Reports what a test lets happen, and turns the clock instead of waiting."""

    def __init__(self) -> None:
        self.start = self.clock = time.time()
        self.timeouts: list[float | None] = []
        self.wanted: Places = {}
        self.cannot: list[str] = []
        #: The files that somebody has open for writing.
        self.opened: set[str] = set()
        self._acts: list[tuple[float, Act]] = []

    def at(self, seconds: float, act: Act) -> None:
        """Let something happen so many seconds after the beginning."""
        self._acts.append((self.start + seconds, act))

    def wait(self, timeout: float | None) -> list[Notice]:
        """Turn the clock to what happens next, or by the timeout; stop when nothing will ever happen."""
        self.timeouts.append(timeout)
        assert len(self.timeouts) < 5000, "it turns in a circle"
        moment = self._acts[0][0] if self._acts else None
        if moment is None and timeout is None or self.clock > self.start + _END_SECONDS:
            return [Notice(Kind.STOP)]
        if moment is None or timeout is not None and self.clock + timeout < moment:
            self.clock += timeout or 0.0
            return []
        self.clock = max(moment, self.clock)
        return self._acts.pop(0)[1]()

    def watch(self, wanted: Places) -> tuple[bool, list[str]]:
        """Remember what is to be watched."""
        added = not wanted.keys() <= self.wanted.keys()
        self.wanted = wanted
        return added, self.cannot

    def is_open(self, path: str) -> bool:
        """Return whether the test says that somebody has a file open for writing."""
        return path in self.opened

    def close(self) -> None:
        """Have nothing to release."""


class _Kept:
    """A store that stays open: a process may open its databases only once."""

    def __init__(self, store: Store) -> None:
        self.snapshot = store.snapshot
        self.transaction = store.transaction
        self.reserve = store.reserve

    def close(self) -> None:
        """Leave it open."""


class Post(Scene):
    """A root that is watched with a clock of its own. The event ``try`` expands ``/etc/a``.

    :param path: the root.
    """

    def __init__(self, path: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(path, patch)
        patch.setattr("esmith.watch.watcher.open_store", lambda *_, **__: _Kept(self.store))
        self.template("/etc/a", "one\n")
        self.event("/etc/a\n")
        self.signal()
        self.source = FakeSource()
        self.reports: list[str] = []

    def save(self, path: str, text: str) -> Act:
        """Return the saving of a file of templates-custom."""

        def act() -> list[Notice]:
            place = str(self.trees.custom(path, text))
            self.source.opened.discard(place)
            return [Notice(Kind.WRITING, place), Notice(Kind.DONE, place)]

        return act

    def happens(self, act: Callable[[], object], path: Path | str = "") -> Act:
        """Return something else that happens, reported as a change of a path."""

        def report() -> list[Notice]:
            act()
            return [Notice(Kind.DONE, str(path) or str(self.path))]

        return report

    def watch(self, event: str = "") -> list[str]:
        """Watch until nothing will ever happen; return the reports, without their times."""
        watcher = Watcher(
            self.layout,
            self.source,
            say=self._say,
            event=event,
            clock=lambda: self.source.clock,
            now=lambda: self.source.clock,
        )
        with mock.patch("time.time", lambda: self.source.clock):
            watcher.run()
        return [report for report in self.reports if not report.startswith("watching")]

    def output(self, path: str) -> Path:
        """Return where an output is."""
        return Path(self.layout.under(path))

    def _say(self, text: str) -> None:
        stamp, text = text[:20], text[20:]
        assert re.fullmatch(r"[-0-9]+ [0-9:]+ ", stamp)
        self.reports.append(text.replace(str(self.path), ""))


class Process:
    """``esmith watch`` as a process.

    :param root: the root.
    :param words: its options.
    """

    def __init__(self, root: Root, *words: str) -> None:
        self._process = subprocess.Popen(
            [*DEFAULT_SIGNALS, str(root.path / "sbin/e-smith/esmith"), "watch", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "ESMITH_ROOT": str(root.path)},
        )
        self._ended: tuple[int, str] | None = None
        self._lines: list[str] = []
        self._arrived = threading.Condition()
        self._read = 0
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        self.until("watching")

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def until(self, text: str) -> list[str]:
        """Wait for a line that holds a text; return the lines since the last one that was waited for."""
        with self._arrived:
            found = self._arrived.wait_for(lambda: self._find(text), DEADLINE_SECONDS)
            assert found, f"timed out: no {text!r} in {self._lines}"
            start, self._read = self._read, self._find(text)
            return self._lines[start : self._read]

    def seen(self, text: str) -> int:
        """Return how many lines so far hold a text."""
        with self._arrived:
            return sum(text in line for line in self._lines)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Stop it; return its exit code and what it wrote to stderr."""
        if self._ended is not None:
            return self._ended
        self._process.send_signal(number)
        assert self._process.stderr is not None
        errors = self._process.stderr.read().decode()
        code = self._process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        self._process.stderr.close()
        self._ended = code, errors
        return self._ended

    def _find(self, text: str) -> int:
        """Return how many lines there are up to the first new one that holds a text; 0 for none."""
        for place, line in enumerate(self._lines[self._read :], self._read + 1):
            if text in line:
                return place
        return 0

    def _collect(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                with self._arrived:
                    self._lines.append(line.decode().rstrip("\n"))
                    self._arrived.notify_all()
