"""Running the tests that reach a fault."""

from __future__ import annotations

import ast
import enum
import os
from collections import Counter
from pathlib import Path

from tests.mutants.mutate import Mutant, find_mutants
from tests.mutants.reach import ROOT, Reach, Tree

#: The folders of tests that are about each package, the nearest first. Only tests of these are measured and run: those
#: of other folders need minutes, other programs or a whole machine.
OWN_TESTS = {
    "store": ("store",),
    "schema": ("schema",),
    "fragments": ("fragments",),
    "plan": ("apply", "events"),
    "checks": ("apply",),
    "apply": ("apply",),
    "events": ("events",),
}
#: These kill hundreds of commands, or fill disks: far too slow to be repeated for each fault.
NOT_MEASURED = (
    "tests/store/test_concurrency.py",
    "tests/store/test_flat_processes.py",
    "tests/store/test_full_disk.py",
    "tests/store/test_full_disk_scan.py",
    "tests/store/test_killed.py",
)
#: Besides the time the tests took without a fault: for a slow machine, and for starting pytest.
_SPARE_SECONDS = 60.0
_SLOWER = 4.0
#: Their names have to fit into a command line.
_MOST_TESTS = 2000


class Outcome(enum.Enum):
    """What became of a fault."""

    KILLED = "killed"
    KILLED_BY_TIME = "killed, tests did not end"
    SURVIVED = "survived"
    UNREACHED = "survived, no measured test reaches it"


def list_mutants(packages: list[str], ignored: set[str]) -> list[Mutant]:
    """Return the faults that can be put into some packages of the engine.

    :param ignored: keys of faults that change nothing anybody could see.
    """
    files = [path for package in packages for path in sorted((ROOT / "esmith" / package).rglob("*.py"))]
    found = [mutant for path in files for mutant in find_mutants(str(path.relative_to(ROOT)), path.read_bytes())]
    return [mutant for mutant in found if mutant.key not in ignored]


def choose_tests(mutant: Mutant, reach: Reach, seconds: float) -> list[str]:
    """Return the tests to run: those of the package first, and of these those that call the least.

    One that does not fit into the time that is left is left out; at least one is chosen.

    :param seconds: about how long they may take together.
    """
    calls = Counter(name for names in reach.callers.values() for name in names)
    folders = tuple(f"tests/{folder}/" for folder in OWN_TESTS[package_of(mutant)])
    names = set(reach.callers.get(f"{mutant.path}:{mutant.function}", []))
    if not mutant.function or (not names and not reach.is_of_this_engine):
        names = {name for place, some in reach.callers.items() if place.startswith(f"{mutant.path}:") for name in some}
    chosen: list[str] = []
    turns: Counter[str] = Counter()
    rank: dict[str, int] = {}
    for name in sorted(names, key=lambda name: (calls[name], name)):
        # Cases of one test call much the same: a later one counts as one that calls more.
        test = name.partition("[")[0]
        turns[test] += 1
        rank[name] = calls[name] * turns[test]
    for name in sorted(names, key=lambda name: (not name.startswith(folders), rank[name], calls[name], name)):
        if chosen and reach.seconds[name] > seconds:
            # A shorter one may fit.
            continue
        seconds -= reach.seconds[name]
        chosen.append(name)
        if len(chosen) == _MOST_TESTS:
            break
    return chosen


def try_mutant(tree: Tree, mutant: Mutant, reach: Reach, seconds: float, number: int) -> Outcome:
    """Put a fault into the copy, run the tests that reach it, and take it out again.

    :param seconds: about how long the tests may take without the fault.
    :param number: a number no other fault has.
    """
    tests = choose_tests(mutant, reach, seconds)
    if not tests:
        return Outcome.UNREACHED
    file = tree.path / mutant.path
    own, times = file.read_bytes(), file.stat()
    try:
        file.write_bytes(mutant.apply(own))
        # Python takes a compiled file for the current one by the size and the whole seconds of its source.
        os.utime(file, (times.st_atime, times.st_mtime + number))
        limit = sum(reach.seconds[name] for name in tests) * _SLOWER + _SPARE_SECONDS
        code = tree.pytest(["-x", *tests], timeout=limit)
    finally:
        file.write_bytes(own)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    if code is None:
        return Outcome.KILLED_BY_TIME
    return Outcome.KILLED if code else Outcome.SURVIVED


def folders_for(mutants: list[Mutant]) -> list[str]:
    """Return the folders of tests that are about some faults, each once."""
    return list(dict.fromkeys(folder for mutant in mutants for folder in OWN_TESTS[package_of(mutant)]))


def package_of(mutant: Mutant) -> str:
    """Return the package of the engine a fault is in."""
    return Path(mutant.path).parts[1]


def compiles(mutant: Mutant) -> bool:
    """Return whether the file with the fault is Python."""
    try:
        ast.parse(mutant.apply((ROOT / mutant.path).read_bytes()))
    except SyntaxError:
        return False
    return True
