"""Which examples are left out where another step of ``.ci/run`` plays all of them."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.examples import left_out


def test_few_cases_stay() -> None:
    """A test with up to ten cases plays all of them, and one without cases is played."""
    assert left_out(["a.py::test_a", "a.py::test_b", *(f"a.py::test_c[{number}]" for number in range(10))]) == set()


def test_of_many_cases_one_of_five() -> None:
    """Of more cases one of five is played, the first one among them."""
    names = [f"a.py::test_a[x[{number}]]" for number in range(11)]
    assert set(names) - left_out(names) == {names[0], names[5], names[10]}


def test_what_is_played_nowhere_else_stays() -> None:
    """A test with the marker each_case or plain_user plays every case; what is left out counts as deselected."""
    words = ["-q", "--collect-only", "-p", "no:cacheprovider", "tests/page/test_sections.py", "tests/test_printable.py"]
    counted = []
    for fewer in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            env={**os.environ, "ESMITH_FEWER_EXAMPLES": fewer, "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        sections = {line for line in done.stdout.splitlines() if line.startswith("tests/page/test_sections.py::")}
        others = {line for line in done.stdout.splitlines() if line.startswith("tests/test_printable.py::")}
        counted.append((sections, others))
        assert ("deselected" in done.stdout) == bool(fewer)
    (all_sections, all_others), (sections, others) = counted
    assert sections == all_sections
    assert others < all_others
