"""After a power loss and ``esmith recover`` the files are all old or all new, and acknowledged settings are there.

The commands are run and their system calls recorded; then every state that the disk may have at a moment of the run is
built, recovered, and compared with what the root held before and after each command. What a disk may have is in
tests/power/disk.py.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS
from tests.power.scenarios import SCENARIOS, Run, play, violations
from tests.power.states import build

pytestmark = pytest.mark.program("strace")

#: How many states of a scenario the short form tries.
STATES = 8
#: The long form tries all states of moments with up to eight pending changes, and so many of the others.
SAMPLE = 1000


@pytest.mark.parametrize("name", SCENARIOS)
def test_power_loss(name: str, _office: Path, tmp_path: Path) -> None:
    """Some of the states that a power loss may leave, of each moment as many, are recovered."""
    run = play(SCENARIOS[name], _office, tmp_path)
    _require_whole_model(run, tmp_path)
    tried, found = violations(run, tmp_path, sample=STATES, most=STATES)
    assert not found, f"{len(found)} of {tried}: {found[0]}"


@pytest.mark.parametrize(
    "name", ["event", pytest.param("rollback", marks=pytest.mark.long), pytest.param("init", marks=pytest.mark.long)]
)
def test_power_loss_when_synced_together(name: str, _office: Path, tmp_path: Path) -> None:
    """The same holds where files are synced together, as they are when there are many."""
    run = play(SCENARIOS[name], _office, tmp_path, "batched")
    _require_whole_model(run, tmp_path)
    tried, found = violations(run, tmp_path, sample=STATES, most=STATES)
    assert not found, f"{len(found)} of {tried}: {found[0]}"


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_power_loss(name: str, _office: Path, tmp_path: Path) -> None:
    """All states of moments with few pending changes, and a sample of the others, are recovered."""
    run = play(SCENARIOS[name], _office, tmp_path)
    _require_whole_model(run, tmp_path)
    tried, found = violations(run, tmp_path, sample=SAMPLE, most=10**6)
    moments = len(run.moments)
    large = sum(not moment.is_small for moment in run.moments)
    print(f"power loss: {name}: {moments} moments ({large} sampled), {tried} states, {len(found)} violations")
    assert not found, f"{len(found)} of {tried}: {found[0]}"


@pytest.mark.parametrize(
    ("scenario", "without"),
    [
        ("event", "batch-sync"),
        ("setprop", "store-sync"),
        pytest.param("event", "host-sync", marks=pytest.mark.long),
        pytest.param("event", "kept-sync", marks=pytest.mark.long),
        pytest.param("event", "file-sync", marks=pytest.mark.long),
        pytest.param("backup", "backup-sync", marks=pytest.mark.long),
        pytest.param("restore", "backup-sync", marks=pytest.mark.long),
        pytest.param("restore", "host-sync", marks=pytest.mark.long),
        pytest.param("restore", "kept-sync", marks=pytest.mark.long),
        pytest.param("restore", "file-sync", marks=pytest.mark.long),
    ],
)
def test_a_missing_sync_is_noticed(scenario: str, without: str, _office: Path, tmp_path: Path) -> None:
    """A command that leaves out one kind of sync loses or tears something in one of the states."""
    run = play(SCENARIOS[scenario], _office, tmp_path, without)
    _, found = violations(run, tmp_path, sample=500, most=500, enough=1)
    assert found


def _require_whole_model(run: Run, folder: Path) -> None:
    """Require that the modelled disk, when all changes are on it, holds what the real one holds: no call was missed."""
    build(run.disk.now, folder / "built")
    words = ["diff", "-r", "--no-dereference", "--exclude=lock.mdb", "--exclude=data.verified"]
    places = [str(folder / "played"), str(folder / "built")]
    done = subprocess.run([*words, *places], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    assert done.stdout == "", done.stdout
