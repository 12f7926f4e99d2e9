"""What follows a command that was killed: the first command after a killed writer, and ``esmith recover``."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import statistics
import subprocess
import time
from pathlib import Path

from bench import roots
from bench.measuring import CommandError, Cost
from bench.rows import Figures
from bench.workshop import Measured, Workshop

USERS = 1_000
#: How many users a usual change is about.
SOME = 20
LARGE_MEGABYTES = 100
_ROUNDS = 3
_LOOK_EVERY_SECONDS = 0.002
_LONGEST_SECONDS = 300.0
#: Records that a large data file gets at once.
_AT_ONCE = 50_000
#: How many records a writer changes that is killed: enough that its commit can be seen.
_CHANGED = 10_000
_TRIES = 20


def measure_large(shop: Workshop) -> Measured:
    """Measure the first command after a killed writer and after a copy, with a data file of 100 MB."""
    root = shop.root("large", _fill_large)
    getprop = shop.command(root, "config", "getprop", "qpsmtpd", "DNSBL")
    recover = shop.command(root, "esmith", "recover")
    kill = _KilledWriter(root)
    for name, prepare, task in (
        ("getprop-after-kill", kill, getprop),
        ("getprop-after-copy", lambda: _copy_data_file(root), getprop),
        ("recover-100mb", kill, recover),
    ):
        figures = shop.compare(shop.prepared(prepare, task), rounds=_ROUNDS)
        yield name, {**figures, "size": roots.data_file_megabytes(root)}


def _fill_large(root: Path) -> None:
    """Add records until the data file is large."""
    done = 0
    while roots.data_file_megabytes(root) < LARGE_MEGABYTES:
        numbers = range(done, done + _AT_ONCE)
        roots.batch(root, "hosts", (f"set h{n}.example.com host HostType Self static yes" for n in numbers))
        done += _AT_ONCE


class _KilledWriter:
    """Changes many records, and is killed as soon as the data file is another one than before: while it commits."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kinds = itertools.cycle(("Local", "Self"))

    def __call__(self) -> None:
        for _ in range(_TRIES):
            if self._was_killed():
                return
        raise CommandError(f"no writer could be killed while it commits, {_TRIES} times")

    def _was_killed(self) -> bool:
        kind, path = next(self._kinds), self._root / roots.DATA_FILE
        lines = self._root / "killed-batch"
        lines.write_text("".join(f"setprop h{number}.example.com HostType {kind}\n" for number in range(_CHANGED)))
        before = path.stat().st_mtime_ns
        environment = {**os.environ, **roots.variables_of(self._root)}
        argv = roots.words_of(self._root, "db", "hosts", "batch")
        with lines.open() as source, subprocess.Popen(argv, env=environment, stdin=source) as process:
            # Without a pause: a commit takes some milliseconds.
            while path.stat().st_mtime_ns == before and process.poll() is None:
                pass
            process.kill()
        return process.returncode == -signal.SIGKILL


def _copy_data_file(root: Path) -> None:
    """Put a copy in the place of the data file, as a backup program does."""
    path = root / roots.DATA_FILE
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    copy.rename(path)


def measure_events(shop: Workshop) -> Measured:
    """Measure the recovery of events that were killed while they installed the files of users."""
    root = shop.root("recovering")
    roots.add_users(root, USERS)
    forward(root, "first@example.org", USERS)
    for users in (USERS, SOME):
        # What the settings say and a recovery took back is made first.
        roots.signal(root)
        if users == SOME:
            # Few files are installed too soon for somebody to kill the event meanwhile.
            _add_waiting_action(root)
        recovering, idle = [], []
        for number in range(_ROUNDS):
            forward(root, f"round{number}-of-{users}@example.org", users)
            files = killed_event(root, users)
            recover = shop.command(root, "esmith", "recover")
            recovering.append(recover())
            idle.append(recover())
        interpreter = shop.runner.interpreter().cpu
        if users == SOME:
            yield "recover-idle", _figures(idle, interpreter)
        yield f"recover-{SOME if users == SOME else 'all'}", {**_figures(recovering, interpreter), "files": files}


def _figures(costs: list[Cost], interpreter: float) -> Figures:
    cpu = statistics.median(cost.cpu for cost in costs)
    return {"cpu": cpu, "interpreter": cpu / interpreter, "peak": statistics.median(cost.peak for cost in costs)}


def forward(root: Path, address: str, users: int) -> None:
    """Change the files of the first users: mail is forwarded."""
    lines = (f"setprop user{number} EmailForward both ForwardAddress {address}" for number in range(users))
    roots.batch(root, "accounts", lines)


def _add_waiting_action(root: Path) -> None:
    """Give the event an action that waits until it is killed."""
    action = root / "etc/e-smith/events" / roots.EVENT / "S99wait"
    action.write_text("#!/bin/sh\nexec sleep 600\n")
    action.chmod(0o755)


def killed_event(root: Path, users: int) -> int:
    """Signal the event, kill it when half of the changed users have their new file, and return how many have.

    :param users: how many were changed.
    """
    before = {root / roots.HOMES / f"user{number}/.qmail": 0 for number in range(USERS)}
    before = {path: path.stat().st_ino for path in before}
    changed = sorted(root / roots.HOMES / f"user{number}/.qmail" for number in range(users))
    half = changed[len(changed) // 2]
    environment = {**os.environ, **roots.variables_of(root)}
    deadline = time.monotonic() + _LONGEST_SECONDS
    with subprocess.Popen(
        roots.words_of(root, "signal-event", roots.EVENT),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while half.stat().st_ino == before[half] and process.poll() is None and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_SECONDS)
        ended = process.poll() is not None
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
    if ended:
        raise CommandError("the event ended before it could be killed")
    return sum(path.stat().st_ino != inode for path, inode in before.items())
