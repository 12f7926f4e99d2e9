"""Prints the table of performance: ``make bench``, or ``python -m bench PART...`` for some of it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import accounts, fleet, importing, lists, machine, manager, networks, recovery, settings, table, templates
from bench.growth import Growth
from bench.measuring import CommandError, Runner
from bench.original import NoOriginalError, Original
from bench.report import Report
from bench.rows import Figures, compare_rows, rows
from bench.workshop import Measured, Workshop

ROUNDS = 41
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
    "panel": manager.measure,
    "fleet": fleet.measure,
}


def main(words: list[str]) -> int:
    """Print the table, or the parts of it that are named.

    :return: the exit code: 1 when something could not be measured.
    """
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
        report, complete = _measured(shop, options)
        runner.close()
    if options.json:
        report.write(options.json)
    return 0 if complete else 1


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


def _measured(shop: Workshop, options: argparse.Namespace) -> tuple[Report, bool]:
    """Print what is asked for, each row when it is measured.

    :return: all figures, and whether all could be measured.
    """
    described = machine.described()
    original = shop.original.name if shop.original else ""
    print(", ".join(f"{name} {value}" for name, value in described.items()))
    parts = [part for part in PARTS if part in (options.parts or PARTS)]
    failures = _Failures()
    measured: dict[str, Figures] = {}
    if parts:
        print(f"x original: {original or 'not measured'}\n\n{table.text_line(list(table.COLUMNS))}")
    for part in parts:
        with failures:
            for name, figures in PARTS[part](shop):
                measured[name] = figures
                compare_rows(measured)
                print(table.text_line(table.cells(rows()[name], figures)), flush=True)
    if parts:
        unmet = [
            f"  {rows()[name].title}: {goal}" for name in measured for goal in table.unmet(rows()[name], measured[name])
        ]
        print("\n".join(["", "Goals that are not met:", *(unmet or ["  none"])]))
    growth: dict[str, Growth] = {}
    if not options.parts or GROWTH in options.parts:
        sizes = lists.LONG_SIZES if options.long else lists.SIZES
        shown = sorted({0, *sizes, *lists.GENERATIONS})
        print(f"\n{table.growth_line(table.growth_columns(shown))}")
        empty: dict[str, float] = {}
        for listed in lists.LISTS:
            if options.list and listed.name not in options.list:
                continue
            with failures:
                for name, one in lists.measure(shop, sizes, listed, empty):
                    growth[name] = one
                    print(table.growth_line(table.growth_cells(name, one, shown)), flush=True)
    return Report(described, machine.today(), machine.commit(), original, measured, growth), not failures.happened


class _Failures:
    """Prints why a part could not be measured, and lets the others go on: all of them take minutes."""

    def __init__(self) -> None:
        self.happened = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, CommandError):
            return False
        print(error, file=sys.stderr)
        self.happened = True
        return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
