"""A user who exchanges names in his home while root installs and restores files there: he wins nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmith.apply.commit import commit_plan
from esmith.apply.generations import finish
from esmith.apply.restore import restore_since
from esmith.plan.host import DiskHost
from tests.apply.kit import only_root
from tests.disk.attacker import attacking, exchange_all, exchange_with_foreign, take_away
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
    generation = commit_plan(plan, DiskHost(house.layout), house.store, "test", house.notes.append)
    assert generation is not None
    assert {output.path for output in plan.left} <= {"/home/tom/.qmail"}
    if fails:
        assert restore_since(generation.number, house.layout, house.store).left.keys() <= {"/home/tom/.qmail"}
    else:
        finish(generation, house.layout, house.store)
        assert house.mail("jack") == f"&round{number}\n"


ROUNDS = pytest.mark.parametrize("rounds", [200, pytest.param(2000, marks=pytest.mark.long)])


@ROUNDS
def test_exchanging_names(house: House, tmp_path: Path, rounds: int) -> None:
    """Whatever is exchanged at whatever moment, a file of root stays as it is, and others' files are made."""
    victim = tmp_path / "secret" / "shadow"
    victim.parent.mkdir(mode=0o700)
    victim.write_text("root's own\n")
    victim.chmod(0o600)
    house.apply(*TEMPLATES)
    before = _look(victim), os.listdir(victim.parent), victim.parent.lstat().st_mode
    with attacking(exchange_all, house.home("tom"), 5001, victim):
        for number in range(rounds):
            _round(house, number, fails=number % 3 > 0)
            assert (_look(victim), os.listdir(victim.parent), victim.parent.lstat().st_mode) == before, number
    assert house.home("jack").lstat().st_uid == 5002


@ROUNDS
def test_exchanging_the_file_with_one_of_root(house: House, tmp_path: Path, rounds: int) -> None:
    """A file of root's in a home keeps its content to itself when files are restored, and the user's text stays his."""
    house.apply(*TEMPLATES)
    home = house.home("tom")
    for name in ("foreign", ".qmail"):
        (home / name).unlink(missing_ok=True)
    with attacking(exchange_with_foreign, home, 5001, tmp_path / "none"):
        for number in range(rounds):
            _put(home, "foreign", "secret of root\n", 0, 0o600)
            _put(home, ".qmail", f"text of tom {number}\n", 5001, 0o755)
            _round(house, number, fails=True)
            for name in ("foreign", ".qmail"):
                _assert_whole(home, name)


def _put(home: Path, name: str, text: str, owner: int, mode: int) -> None:
    new = home / "being made"
    new.write_text(text)
    new.chmod(mode)
    os.chown(new, owner, owner)
    new.rename(home / name)


def _assert_whole(home: Path, name: str) -> None:
    """Assert that a file has the content of its owner."""
    try:
        descriptor = os.open(home / name, os.O_RDONLY)
    except FileNotFoundError:
        return
    with open(descriptor) as file:
        text, owner = file.read(), os.fstat(descriptor).st_uid
    assert (owner == 0) == (text == "secret of root\n"), (name, owner, text)


@ROUNDS
def test_taking_the_file_away(house: House, tmp_path: Path, rounds: int) -> None:
    """A file that comes and goes stops nothing: an event leaves it out at most, and everybody else's file is made."""
    house.apply(*TEMPLATES)
    home = house.home("tom")
    with attacking(take_away, home, 5001, tmp_path / "none"):
        for number in range(rounds):
            if number % 2:
                _put(home, "away", f"text of tom {number}\n", 5001, 0o600)
            _round(house, number, fails=number % 3 == 0)
            result = house.signal()
            assert result.left.keys() <= {"/home/tom/.qmail"}
