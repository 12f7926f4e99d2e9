"""Many writers at the same time: no update is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS, Root
from tests.store.stores import last_revision, opened, release, shared_root, start_child, wait_ready

PROCESSES = 8
EACH = 500
#: The same through the command, which starts a process for every setprop.
EACH_COMMAND = 15


@pytest.fixture
def shared(tmp_path: Path) -> Root:
    """Return a root with the record that everybody writes to."""
    return shared_root(tmp_path / "root")


def test_eight_processes_setting_500_properties_each(shared: Root) -> None:
    """Of 8 processes x 500 setprop on one record all 4,000 properties are there, and none was overwritten."""
    writers = [start_child("write", str(shared.path), f"writer{number}", str(EACH)) for number in range(PROCESSES)]
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
    expected = {f"writer{number}-{index:03}": f"writer{number}" for number in range(PROCESSES) for index in range(EACH)}
    with opened(shared.path, write=False) as store, store.snapshot() as snapshot:
        record = snapshot.record("t", "shared")
        assert record is not None
        assert record.props.pop("total") == str(PROCESSES * EACH)
        assert record.props == expected
        assert snapshot.revision() == 1 + PROCESSES * EACH
        assert [revision.number for revision in snapshot.revisions()] == list(range(1 + PROCESSES * EACH, 0, -1))


def test_eight_shells_running_setprop(shared: Root) -> None:
    """Of 8 shells that each run the command again and again on one record every property is there."""
    script = 'n=0; while [ $n -lt "$3" ]; do "$1" t setprop shared "$2-$n" "$n" || exit; n=$((n+1)); done'
    program = str(shared.path / "sbin/e-smith/db")
    shells = [
        subprocess.Popen(
            ["sh", "-c", script, "sh", program, f"shell{number}", str(EACH_COMMAND)],
            env={"ESMITH_ROOT": str(shared.path), "PATH": "/usr/bin:/bin"},
        )
        for number in range(PROCESSES)
    ]
    try:
        assert [shell.wait(TIMEOUT_SECONDS) for shell in shells] == [0] * PROCESSES
    finally:
        for shell in shells:
            shell.kill()
            shell.wait()
    with opened(shared.path, write=False) as store:
        with store.snapshot() as snapshot:
            record = snapshot.record("t", "shared")
            assert record is not None
            assert record.props == {
                f"shell{number}-{index}": str(index) for number in range(PROCESSES) for index in range(EACH_COMMAND)
            }
        assert last_revision(store) == 1 + PROCESSES * EACH_COMMAND
