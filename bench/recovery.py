"""What follows a command that was killed: the first command after a killed writer, and ``esmith recover``."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench import roots
from bench.measuring import Cost
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
#: Begins to change the databases of the root that is its argument, and is killed inside of the transaction.
_KILLED = """
import os, signal, sys
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
with open_store(Layout(sys.argv[1]), write=True).transaction(Author("bench", "", ["bench"])) as transaction:
    for number in range(100):
        transaction.set_type("hosts", f"killed{number}", "host")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def measure_large(shop: Workshop) -> Measured:
    """Measure the first command after a killed writer and after a copy, with a data file of 100 MB."""
    root = shop.root("large", _fill_large)
    getprop = shop.command(root, "config", "getprop", "qpsmtpd", "DNSBL")
    recover = shop.command(root, "esmith", "recover")
    for name, prepare, task in (
        ("getprop-after-kill", lambda: _kill_writer(root), getprop),
        ("getprop-after-copy", lambda: _copy_data_file(root), getprop),
        ("recover-100mb", lambda: _kill_writer(root), recover),
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


def _kill_writer(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, str(root)], check=False)
    assert done.returncode == -signal.SIGKILL, "the writer was not killed inside of its transaction"


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
        assert process.poll() is None, "the event ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
    return sum(path.stat().st_ino != inode for path, inode in before.items())
