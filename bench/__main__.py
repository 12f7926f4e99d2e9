"""Prints the table of performance: ``make bench``, or ``python -m bench PART...`` for some of it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import accounts, importing, lists, machine, networks, recovery, settings, table, templates
from bench.growth import Growth
from bench.measuring import Runner
from bench.original import NoOriginalError, Original
from bench.report import Report
from bench.rows import Figures, compare_rows, rows
from bench.workshop import Measured, Workshop

ROUNDS = 11
GROWTH = "growth"
#: The parts of the table by the name that prints one of them.
PARTS: dict[str, Callable[[Workshop], Measured]] = {
    "settings": settings.measure,
    "templates": templates.measure_fragments,
    "events": templates.measure_events,
    "networks": networks.measure,
    "accounts": accounts.measure,
    "import": importing.measure,
    "killed": recovery.measure_large,
    "recover": recovery.measure_events,
}


def main(words: list[str]) -> None:
    """Print the table, or the parts of it that are named."""
    options = _parse(words)
    with tempfile.TemporaryDirectory(prefix="esmith-bench-") as directory:
        runner = Runner(Path(directory))
        try:
            original = Original(runner, options.original)
        except NoOriginalError as reason:
            if options.original:
                raise SystemExit(str(reason)) from None
            print(f"The original's work is not measured: {reason}")
            original = None
        shop = Workshop(Path(directory), runner, options.rounds, original)
        report = _measured(shop, options)
        runner.close()
    if options.json:
        report.write(options.json)


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ", ".join([*PARTS, GROWTH])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{names}; all of them without a name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    parser.add_argument("--long", action="store_true", help="the growth of lists also at 10,000; takes hours")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"how often short commands are run; {ROUNDS}")
    parser.add_argument("--list", action="append", default=[], metavar="NAME", help="the growth of this list only")
    parser.add_argument(
        "--original",
        default=os.environ.get("ORIGINAL", ""),
        metavar="DIR",
        help="the directory of the original's Perl modules; ORIGINAL, or a stand-in without it",
    )
    options = parser.parse_args(words)
    if wrong := [name for name in options.parts if name not in PARTS and name != GROWTH]:
        parser.error(f"there is no part {wrong[0]!r}; there are {names}")
    if wrong := [name for name in options.list if name not in {listed.name for listed in lists.LISTS}]:
        parser.error(f"there is no list {wrong[0]!r}; there are {', '.join(listed.name for listed in lists.LISTS)}")
    return options


def _measured(shop: Workshop, options: argparse.Namespace) -> Report:
    """Print the parts that are asked for, each row when it is measured, and return all figures."""
    described = machine.described()
    print(", ".join(f"{name} {value}" for name, value in described.items()))
    print(f"x original: {shop.original.name if shop.original else 'not measured'}\n")
    print(table.text_line(list(table.COLUMNS)))
    measured: dict[str, Figures] = {}
    growth: dict[str, Growth] = {}
    for part in options.parts or [*PARTS, GROWTH]:
        if part in PARTS:
            for name, figures in PARTS[part](shop):
                measured[name] = figures
                compare_rows(measured)
                print(table.text_line(table.cells(rows()[name], figures)), flush=True)
    unmet = [
        f"  {rows()[name].title}: {goal}" for name in measured for goal in table.unmet(rows()[name], measured[name])
    ]
    print("\n".join(["", "Goals that are not met:", *(unmet or ["  none"])]))
    if GROWTH in (options.parts or [GROWTH]):
        sizes = lists.LONG_SIZES if options.long else lists.SIZES
        shown = sorted({0, *sizes, *lists.GENERATIONS})
        print(f"\n{table.growth_line(table.growth_columns(shown))}")
        for name, one in lists.measure(shop, sizes, options.list):
            growth[name] = one
            print(table.growth_line(table.growth_cells(name, one, shown)), flush=True)
    print(f"\n{time.process_time():.0f} s of processor time went into the measurement itself")
    original = shop.original.name if shop.original else ""
    return Report(described, machine.today(), machine.commit(), original, measured, growth)


if __name__ == "__main__":
    main(sys.argv[1:])
