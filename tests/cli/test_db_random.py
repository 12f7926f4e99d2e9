"""Commands of ``db`` at random, each compared with the oracle: exit code, output, and what is stored afterwards.

The long form is 100,000 commands: ``pytest -m long tests/cli/test_db_random.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.oracle import Oracle
from tests.cli.random_commands import Generator, run
from tests.store.stores import bare_root


def _compare(tmp_path: Path, seed: int, commands: int, *, flat: bool) -> dict[int, int]:
    """Run commands on a new database or flat file, compare each, and return how often each exit code came."""
    root = str(bare_root(tmp_path / "root").path)
    file = tmp_path / "own.db"
    database = str(file) if flat else "t"
    oracle, generator = Oracle(flat=flat), Generator(seed)
    codes: dict[int, int] = {}
    for number in range(commands):
        words = generator.words()
        expected = oracle.run(words)
        code, out, err = run(root, [database, *words])
        where = f"seed {seed}, command {number}: {[word[:60] for word in words]}: {err!r}"
        assert (code, out) == (expected.code, expected.out), where
        if expected.err is None:
            assert err.startswith("db: "), where
        else:
            assert err == expected.err, where
        codes[code] = codes.get(code, 0) + 1
        if words and words[0].startswith(("set", "del")):
            assert run(root, [database, "print"])[1] == oracle.dump(), where
            assert not flat or _lines(file) == oracle.file_lines(), where
    return codes


def _lines(file: Path) -> list[str]:
    """Return the lines of a flat file that are no comments."""
    text = file.read_bytes().decode() if file.exists() else ""
    return [line for line in text.split("\n") if line and not line.startswith("#")]


@pytest.mark.parametrize("flat", [False, True], ids=["database", "flat file"])
def test_some_commands(tmp_path: Path, flat: bool) -> None:
    """A thousand commands do what the oracle says, and every exit code of the contract comes among them."""
    assert set(_compare(tmp_path, 1, 1_000, flat=flat)) == {0, 1, 2, 3}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("flat", [False, True], ids=["database", "flat file"])
def test_many_commands(tmp_path: Path, seed: int, flat: bool) -> None:
    """A hundred thousand commands in all do what the oracle says."""
    assert set(_compare(tmp_path, 1_000 + seed, 5_000, flat=flat)) == {0, 1, 2, 3}
