"""A user who exchanges names in his home while root installs and restores files there: he wins nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmith.apply.commit import commit_plan
from esmith.apply.generations import finish, restore_since
from tests.apply.kit import only_root
from tests.disk.attacker import attacking
from tests.disk.kit import House

pytestmark = only_root

TEMPLATES = ("/home/{key}/.qmail", "/etc/all")


def _look(victim: Path) -> tuple[int, int, int, int, int, str]:
    status = victim.lstat()
    return status.st_uid, status.st_gid, status.st_mode, status.st_nlink, status.st_ino, victim.read_text()


def _round(house: House, number: int, *, fails: bool) -> None:
    """Install new files; then restore the old ones, as a failed event does, or keep the new ones."""
    house.forward(f"round{number}")
    plan = house.plan(*TEMPLATES)
    generation = commit_plan(plan, house.layout, house.store, "test", house.notes.append)
    assert generation is not None
    assert {output.path for output in plan.left} <= {"/home/tom/.qmail"}
    if fails:
        assert restore_since(generation.number, house.layout, house.store).left.keys() <= {"/home/tom/.qmail"}
    else:
        finish(generation, house.layout, house.store)
        assert house.mail("jack") == f"&round{number}\n"


@pytest.mark.parametrize("rounds", [200, pytest.param(2000, marks=pytest.mark.long)])
def test_exchanging_names(house: House, tmp_path: Path, rounds: int) -> None:
    """Whatever is exchanged at whatever moment, a file of root stays as it is, and others' files are made."""
    victim = tmp_path / "secret" / "shadow"
    victim.parent.mkdir(mode=0o700)
    victim.write_text("root's own\n")
    victim.chmod(0o600)
    house.apply(*TEMPLATES)
    before = _look(victim), os.listdir(victim.parent), victim.parent.lstat().st_mode
    with attacking(house.home("tom"), 5001, victim):
        for number in range(rounds):
            _round(house, number, fails=number % 3 > 0)
            assert (_look(victim), os.listdir(victim.parent), victim.parent.lstat().st_mode) == before, number
    assert house.home("jack").lstat().st_uid == 5002
