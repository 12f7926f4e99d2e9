"""Many processes on one flat file, and processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from esmith.store.flat.file import FlatFile
from esmith.store.model import Record
from tests.commands import TIMEOUT_SECONDS, Root
from tests.store.stores import AUTHOR, bare_root, release, start_child, wait_ready

PROCESSES = 8
EACH = 100
#: The same through the command, which starts a process for every setprop.
EACH_COMMAND = 10
#: At how many of its lines of code a command is killed.
LINES = 50


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return the path of a flat file that does not exist yet."""
    (tmp_path / "own").mkdir()
    return tmp_path / "own" / "configuration"


def record_of(file: Path, key: str) -> Record:
    """Return a record of a flat file, which has to be there."""
    with FlatFile(str(file)).snapshot() as snapshot:
        record = snapshot.record(str(file), key)
    assert record is not None
    return record


def test_eight_processes(own: Path) -> None:
    """Of 8 processes x 100 setprop on a file that was not there all are there; a counter they share has counted all."""
    writers = [start_child("write-flat", str(own), f"writer{number}", str(EACH)) for number in range(PROCESSES)]
    try:
        for writer in writers:
            wait_ready(writer)
        for writer in writers:
            release(writer)
        assert [writer.wait(TIMEOUT_SECONDS) for writer in writers] == [0] * PROCESSES
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    props = record_of(own, "shared").props
    assert props.pop("total") == str(PROCESSES * EACH)
    assert props == {
        f"writer{number}-{index:03}": f"writer{number}" for number in range(PROCESSES) for index in range(EACH)
    }
    assert os.listdir(own.parent) == [own.name]


def test_eight_shells(own: Path, tmp_path: Path) -> None:
    """Of 8 shells that each run the command again and again every property and every record is there."""
    root = bare_root(tmp_path / "root")
    root.db(str(own), "set", "shared", "v")
    script = 'n=0; while [ $n -lt "$4" ]; do "$1" "$2" setprop shared "$3-$n" "$n" || exit; n=$((n+1)); done'
    program = str(root.path / "sbin/e-smith/db")
    shells = [
        subprocess.Popen(
            ["sh", "-c", script, "sh", program, str(own), f"shell{number}", str(EACH_COMMAND)],
            env={"ESMITH_ROOT": str(root.path), "PATH": "/usr/bin:/bin"},
        )
        for number in range(PROCESSES)
    ]
    try:
        assert [shell.wait(TIMEOUT_SECONDS) for shell in shells] == [0] * PROCESSES
    finally:
        for shell in shells:
            shell.kill()
            shell.wait()
    assert record_of(own, "shared").props == {
        f"shell{number}-{index}": str(index) for number in range(PROCESSES) for index in range(EACH_COMMAND)
    }


def test_who_made_a_file_only_to_lock_it_does_not_take_it_away(own: Path) -> None:
    """A transaction that finds nothing to do removes the empty file it locked; a process which waited still writes."""
    waiting = start_child("write-flat", str(own), "late", "1")
    try:
        wait_ready(waiting)
        with FlatFile(str(own)).transaction(AUTHOR):
            release(waiting)
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(0.3)
        assert waiting.wait(TIMEOUT_SECONDS) == 0
    finally:
        waiting.kill()
        waiting.communicate()
    assert record_of(own, "shared").props == {"late-000": "late", "total": "1"}


def test_killed_at_any_line(own: Path, tmp_path: Path) -> None:
    """Killed at any line of its code a setprop leaves the old file or the new one, and no lock."""
    root = bare_root(tmp_path / "root")
    first = ["set", "k", "v", "first", "start", "second", "start"]
    root.db(str(own), *first)
    total = run_until(root, own, 0, "counted")
    assert total > 100
    last, outcomes = "counted", []
    for line in sorted({1 + index * (total - 1) // (LINES - 1) for index in range(LINES)}):
        run_until(root, own, line, f"line{line}")
        props = record_of(own, "k").props
        assert props in ({"first": last, "second": last}, {"first": f"line{line}", "second": f"line{line}"})
        outcomes.append(props["first"] != last)
        last = props["first"]
    assert outcomes == sorted(outcomes), "once it is in place it stays so"
    assert {True, False} == set(outcomes)
    root.db(str(own), "setprop", "k", "first", "end")


def run_until(root: Root, file: Path, line: int, value: str) -> int:
    """Run a setprop on a flat file and kill it at a line of its code; with line 0 return how many lines there are."""
    words = ["setprop", "k", "first", value, "second", value]
    env = {"ESMITH_ROOT": str(root.path), "DBPATH": str(file.parent)}
    child = start_child("kill-at", str(line), *words, env=env)
    out, _ = child.communicate(timeout=TIMEOUT_SECONDS)
    assert child.returncode == (-signal.SIGKILL if line else 0)
    return int(out) if not line else 0
