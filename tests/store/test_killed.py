"""A ``setprop`` that is killed leaves all of its properties or none, and a store that opens."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lmdb.verify import verify

from esmith.store.model import Record
from tests.commands import TIMEOUT_SECONDS, Root
from tests.store.stores import bare_root, data_file, last_revision, opened, put, start_child
from tests.store.test_verified import verifications

PROPS = ("first", "second", "third")
#: How many moments of a command's run are tried.
DELAYS = 60
#: How many of its lines of code are tried.
LINES = 60


def setprop(value: str) -> list[str]:
    """Return the words that set all three properties to one value."""
    return ["setprop", "k", *(word for prop in PROPS for word in (prop, value))]


@pytest.fixture
def triple(tmp_path: Path) -> Iterator[Root]:
    """Return a root with a record of three properties; at the end its data file has to be sound."""
    root = bare_root(tmp_path / "root")
    with opened(root.path) as store:
        put(store, "configuration", "k", "v", dict.fromkeys(PROPS, "start"))
    yield root
    root.config(*setprop("end"))
    assert values(root) == {"end"}
    assert verify(str(data_file(root))) == []  # type: ignore[no-untyped-call]


def values(root: Root) -> set[str]:
    """Return the different values of the three properties; more than one means that a setprop was torn."""
    with opened(root.path) as store, store.snapshot() as snapshot:
        record = snapshot.record("configuration", "k")
    assert isinstance(record, Record)
    assert set(record.props) == set(PROPS)
    return set(record.props.values())


def test_setprop_killed_after_any_time(triple: Root) -> None:
    """A setprop of three properties that is killed at any moment leaves all three or none, with its revision."""
    started = time.monotonic()
    triple.config(*setprop("timed"))
    took = time.monotonic() - started
    last, landed = "timed", 1
    for number in range(DELAYS + 1):
        with subprocess.Popen(
            [str(triple.path / "sbin/e-smith/config"), *setprop(str(number))], env={"ESMITH_ROOT": str(triple.path)}
        ) as command:
            if number < DELAYS:
                # The delay is what is varied here, from nothing to somewhat more than a whole run.
                time.sleep(took * 1.3 * number / DELAYS)
                command.kill()
            assert command.wait(TIMEOUT_SECONDS) in (0, -9)
        found = values(triple)
        assert found in ({last}, {str(number)}), f"torn at {number}: {found}"
        landed += found != {last}
        (last,) = found
    assert last == str(DELAYS), "the last one is not killed"
    with opened(triple.path) as store:
        assert last_revision(store) == 1 + landed


def test_setprop_killed_at_any_line(triple: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any line of its code a setprop of three properties leaves all three or none, and no lock behind.

    The next command has nothing to verify.
    """
    with verifications(monkeypatch) as seen:
        _kill_at_lines(triple)
    assert seen == []


def _kill_at_lines(triple: Root) -> None:
    total = lines(triple, 0, "counted")
    assert total > 100
    outcomes = []
    last = "counted"
    for line in sorted({1 + index * (total - 1) // (LINES - 1) for index in range(LINES)}):
        lines(triple, line, f"line{line}")
        found = values(triple)
        assert found in ({last}, {f"line{line}"}), f"torn at line {line} of {total}: {found}"
        outcomes.append(found != {last})
        (last,) = found
    assert outcomes == sorted(outcomes), "once it is committed it stays so"
    assert True in outcomes
    assert False in outcomes


def lines(root: Root, line: int, value: str) -> int:
    """Run a setprop and kill it at a line of its code; with line 0 return how many lines there are."""
    child = start_child("kill-at", str(line), *setprop(value), env={"ESMITH_ROOT": str(root.path)})
    out, _ = child.communicate(timeout=TIMEOUT_SECONDS)
    assert child.returncode == (-9 if line else 0)
    return int(out) if not line else 0
