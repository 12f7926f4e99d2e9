"""``make mutants``: put a sample of faults into a copy of the engine, and print those that no test noticed."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

from tests.mutants.mutate import Mutant
from tests.mutants.reach import ROOT, Reach, Tree
from tests.mutants.run import (
    NOT_MEASURED,
    OWN_TESTS,
    Outcome,
    compiles,
    folders_for,
    list_mutants,
    package_of,
    try_mutant,
)

#: The faults that change nothing anybody could see, each with the reason in the line before it.
_EQUIVALENT = Path(__file__).with_name("equivalent.txt")


def main() -> int:
    """Take a sample and try it."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=100, help="how many faults (100); 0 for all")
    parser.add_argument("--seed", type=int, default=1, help="another number takes another sample (1)")
    parser.add_argument("--seconds", type=float, default=40, help="of tests for each fault, the nearest first (40)")
    parser.add_argument("--fresh", action="store_true", help="forget what tests called the last time")
    parser.add_argument("--tests", action="append", default=[], metavar="FOLDER", help="run also tests of tests/FOLDER")
    parser.add_argument("--list", action="store_true", help="print the sample only")
    parser.add_argument("--at", action="append", help="only the faults at esmith/FILE:LINE, all of them")
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(OWN_TESTS)}; all of them")
    options = parser.parse_args()
    mutants = list_mutants(options.packages or list(OWN_TESTS), ignored_keys())
    sample = _take(mutants, options.at, options.sample, options.seed)
    if options.list:
        print(*sample, sep="\n")
        return 0
    tree = Tree(ROOT / ".mutants")
    if options.fresh:
        tree.forget()
    tree.make()
    reach = _measure(tree, list(dict.fromkeys([*folders_for(sample), *options.tests])))
    print(f"{len(sample)} of {len(mutants)} faults, seed {options.seed}, {len(reach.seconds)} tests", flush=True)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    for ending in (signal.SIGINT, signal.SIGTERM):
        # In the background Python ignores SIGINT.
        signal.signal(ending, signal.default_int_handler)
    try:
        for number, mutant in enumerate(sample, 1):
            started = time.monotonic()
            outcome = try_mutant(tree, mutant, reach, options.seconds, number)
            outcomes[package_of(mutant)].append(outcome)
            print(f"{number:4} {time.monotonic() - started:5.0f} s  {outcome.value}: {mutant}", flush=True)
    except KeyboardInterrupt:
        print("ended early")
    _print_score(outcomes)
    return 0


def _measure(tree: Tree, folders: list[str]) -> Reach:
    """Find out which tests of some folders call what, where that is not known."""
    for folder, modules in tree.unmeasured(folders, NOT_MEASURED).items():
        started = time.monotonic()
        print(f"which functions tests/{folder} calls: {len(modules)} modules ...", flush=True)
        passed = tree.measure(modules)
        print(f"{passed} tests, {time.monotonic() - started:.0f} s", flush=True)
    return tree.reach(folders)


def ignored_keys() -> set[str]:
    """Return the faults that change nothing anybody could see, as the file names them."""
    lines = _EQUIVALENT.read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def _take(mutants: list[Mutant], places: list[str] | None, sample: int, seed: int) -> list[Mutant]:
    """Return the faults to try. The order is by chance, so a run that is ended early has tried a sample too."""
    if places:
        return [mutant for mutant in mutants if f"{mutant.path}:{mutant.line}" in places and compiles(mutant)]
    shuffled = random.Random(seed).sample(mutants, len(mutants))
    return [mutant for mutant in shuffled[: sample or None] if compiles(mutant)]


def _print_score(outcomes: dict[str, list[Outcome]]) -> None:
    """Print how many faults were noticed, by package and in all."""
    print(f"{'package':10} faults killed survived score")
    together = [outcome for some in outcomes.values() for outcome in some]
    for name, some in [*sorted(outcomes.items()), ("all", together)]:
        killed = sum(outcome in (Outcome.KILLED, Outcome.KILLED_BY_TIME) for outcome in some)
        score = f"{killed / len(some):.0%}" if some else "-"
        print(f"{name:10} {len(some):6} {killed:6} {len(some) - killed:8} {score:>5}")


if __name__ == "__main__":
    sys.exit(main())
