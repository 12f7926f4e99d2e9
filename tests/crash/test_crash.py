"""The quick form of ``make crash``: a sample of all kills and errors, the same in each run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash import report
from tests.crash.conftest import possible_here
from tests.crash.report import Table
from tests.crash.scenarios import SCENARIOS
from tests.documents import HOME

#: Many times what it takes.
_LIMIT_SECONDS = 1500


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """Attack all commands in processes of their own, and return the figures of each."""
    possible_here()
    place = tmp_path_factory.mktemp("crash") / "figures"
    words = [sys.executable, "-m", "tests.crash", "--quick", "--json", str(place)]
    done = subprocess.run(words, cwd=HOME, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False)
    assert done.returncode in (0, 1), done.stderr
    return {table.name: table for table in report.from_json(place.read_text())}


@pytest.mark.root("owners of files are compared")
@pytest.mark.parametrize("command", [scenario.name for scenario in SCENARIOS])
def test_old_or_new(command: str, tables: dict[str, Table]) -> None:
    """A command that is killed, or gets an error, leaves all as before or all as after, and what it says is true."""
    table = tables[command]
    assert report.unknown(table) == []


@pytest.mark.root("owners of files are compared")
@pytest.mark.parametrize("command", [scenario.name for scenario in SCENARIOS])
def test_attacked(command: str, tables: dict[str, Table]) -> None:
    """Attacks happen: nearly each call that is to be attacked comes, and most errors end the command with a failure."""
    table = tables[command]
    has_few = next(scenario.has_few for scenario in SCENARIOS if scenario.name == command)
    assert table.kills >= (14 if has_few else 20)
    assert table.faults >= (7 if has_few else 10)
    assert table.refused >= table.faults / 3
    assert table.missed <= (table.kills + table.faults) / 10


def test_places_of_figures(tmp_path: Path) -> None:
    """The figures that a process writes are those that another one reads."""
    table = Table("setprop", 12, 8, kills=3, violations={"left over": (2, "first")}, cpu=[0.5])
    place = tmp_path / "figures"
    place.write_text(report.as_json([table]))
    assert report.from_json(place.read_text()) == [table]
