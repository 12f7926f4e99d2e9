"""Instruction counts: what a comparison with the kept ones says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench.counts import BUILD, KEPT, Counts, compare, count, started_by

BEFORE: Counts = {BUILD: 1_000, "getprop": 1_000, "setprop": 2_000}


@pytest.mark.parametrize(
    ("changes", "failed", "line"),
    [
        ({}, False, ""),
        ({"getprop": 1_099}, False, ""),
        ({"getprop": 1_102}, True, "getprop: over 10% more than is kept"),
        ({"getprop": 1_102, "setprop": 1_000}, True, "make it cheaper"),
        ({"setprop": 2_500}, True, "setprop: over 10% more than is kept"),
        ({"getprop": 800}, False, "some are much lower"),
        ({"getprop": 5_000, BUILD: 1_100}, False, "another build"),
        ({"getprop": 5_000, BUILD: 900}, False, "another build"),
        ({"new": 10}, True, "new: no count is kept"),
    ],
    ids=["same", "little more", "more", "more and less", "another more", "less", "slower", "faster", "new"],
)
def test_a_comparison(changes: Counts, failed: bool, line: str) -> None:
    """A count over a tenth higher fails and is named; a lower one, and all of another build of Python, do not."""
    verdict = compare(BEFORE, {**BEFORE, **changes}, "3.99")
    assert verdict.failed is failed
    assert line in "\n".join(verdict.lines)
    assert (verdict.lines == compare(BEFORE, BEFORE, "3.99").lines) is (not changes)


def test_a_command_that_is_no_longer_counted() -> None:
    """A kept count without a counted one fails: the command would not be watched any more."""
    verdict = compare(BEFORE, {BUILD: 1_000, "getprop": 1_000}, "3.99")
    assert verdict.failed
    assert "setprop: it is kept and was not counted" in verdict.lines


def test_another_version_is_not_judged() -> None:
    """Where no counts of this version of Python are kept, that is printed, and nothing fails."""
    verdict = compare(None, BEFORE, "3.99")
    assert not verdict.failed
    assert verdict.lines[-1] == "no counts of Python 3.99 are kept, so nothing is judged"


def test_the_kept_counts() -> None:
    """The kept file has the same commands for each version, and a start of Python among them."""
    kept: dict[str, Counts] = json.loads(KEPT.read_text())
    (commands,) = {frozenset(counts) for counts in kept.values()}
    assert BUILD in commands
    assert len(commands) >= 5


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("#!/v/bin/python -ISXutf8\nimport sys\n", ["/v/bin/python", "-PsSXutf8"]),
        ("#!/v/bin/python -SI\n", ["/v/bin/python", "-SPs"]),
        ("#!/bin/sh\n", ["/bin/sh"]),
        ("\x7fELF", []),
    ],
)
def test_a_command_is_started_as_its_first_line_has_it(tmp_path: Path, line: str, words: list[str]) -> None:
    """The options of the first line stay, but for those that have Python ignore its variables."""
    program = tmp_path / "program"
    program.write_text(line)
    assert started_by(program) == words


@pytest.mark.program("valgrind")
def test_counting() -> None:
    """A command is counted together with what it starts, and two runs of it differ by less than a hundredth."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    alone = count(["/bin/sh", "-c", "exit 0"], environment)
    assert alone > 10_000
    assert count(["/bin/sh", "-c", "exit 0"], environment) == pytest.approx(alone, rel=0.01)
    both = count(["/bin/sh", "-c", "/bin/sh -c 'exit 0'; exit 0"], environment)
    assert both > 1.5 * alone
