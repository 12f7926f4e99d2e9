"""All figures of one measurement, and the file that keeps them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from bench.growth import Growth
from bench.rows import Figures

#: The figures that docs/performance.md shows.
KEPT = Path(__file__).parent / "last.json"


class Report(NamedTuple):
    """One measurement.

    :param machine: what it was made on and with, by name (:func:`bench.machine.described`).
    :param date: when, as YYYY-MM-DD.
    :param commit: of what.
    :param original: what stood for the original; "" for nothing.
    :param rows: the figures by the name of the row.
    :param growth: how commands grow with lists, by the name of both.
    """

    machine: dict[str, str]
    date: str
    commit: str
    original: str
    rows: dict[str, Figures]
    growth: dict[str, Growth]

    def write(self, path: Path) -> None:
        """Write it to a file, as JSON."""
        growth = {
            name: {"exponent": round(one.exponent, 2), "costs": {str(n): round(c, 5) for n, c in one.costs.items()}}
            for name, one in self.growth.items()
        }
        rows = {
            name: {figure: round(value, 5) for figure, value in figures.items()} for name, figures in self.rows.items()
        }
        path.write_text(json.dumps({**self._asdict(), "rows": rows, "growth": growth}, indent=1) + "\n")


def read(path: Path) -> Report:
    """Return the report that a file holds.

    :raises OSError: when it cannot be read.
    :raises ValueError: when it is not such a file.
    """
    found = json.loads(path.read_text())
    growth = {
        name: Growth({int(size): seconds for size, seconds in one["costs"].items()})
        for name, one in found["growth"].items()
    }
    return Report(**{**found, "growth": growth})
