"""The rows of the table: what ``bench/rows.toml`` has about each, and whether the figures meet the goals."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

#: The figures of one row, by name: cpu (seconds), interpreter, original, against (ratios), peak, size (MB), counts; and
#: of a clock, where what is waited for is done by several processes: p50, p95, last (seconds).
Figures = dict[str, float]

#: What the figures of the least work for a row begin with (``bench/least.py``).
LEAST = "least "
ROWS = Path(__file__).parent / "rows.toml"
#: The unit that the goal of a figure names, and how much of the figure's own unit it is.
_TIME = {"s": 1.0, "ms": 0.001}
UNITS = {"cpu": _TIME, "peak": {"MB": 1.0}, "size": {"MB": 1.0}, "p50": _TIME, "p95": _TIME, "last": _TIME}
RATIOS = ("interpreter", "original", "against")
_GOAL = re.compile(r"(\w+) <= (\d+(?:\.\d+)?)(?: (\w+))?")


class Goal(NamedTuple):
    """What a figure is aimed at.

    :param text: as it is written in ``bench/rows.toml``.
    :param figure: its name.
    :param limit: the largest value that is good, in the figure's own unit.
    """

    text: str
    figure: str
    limit: float

    def is_met(self, figures: Figures) -> bool | None:
        """Return whether figures meet it, None when the figure was not measured."""
        value = figures.get(self.figure)
        return None if value is None else value <= self.limit

    def least(self, figures: Figures) -> float | None:
        """Return the figure of the least work for it; None where that was not measured."""
        return figures.get(f"{LEAST}{self.figure}")

    def can_be_met(self, figures: Figures) -> bool:
        """Return whether the least work for it would meet it, or was not measured."""
        least = self.least(figures)
        return least is None or least <= self.limit


def parse_goal(text: str) -> Goal:
    """Return the goal that a text names, such as ``cpu <= 0.3 s`` or ``original <= 0.55``.

    :raises ValueError: for another form, another figure, or a unit that the figure does not have.
    """
    match = _GOAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not FIGURE <= NUMBER [UNIT]")
    figure, number, unit = match.groups()
    if figure in RATIOS and unit is None:
        return Goal(text, figure, float(number))
    if figure in UNITS and unit in UNITS[figure]:
        return Goal(text, figure, float(number) * UNITS[figure][unit])
    raise ValueError(f"{text!r}: {figure} is not a figure with the unit {unit}")


class Row(NamedTuple):
    """One row of the table.

    :param against: the name of the row whose processor time it is compared with; "" for none.
    """

    name: str
    title: str
    meaning: str
    against: str
    goals: list[Goal]


@cache
def rows() -> dict[str, Row]:
    """Return the rows of ``bench/rows.toml`` by name, in their order."""
    tables = tomllib.loads(ROWS.read_text())
    return {
        name: Row(
            name,
            table["title"],
            table["meaning"],
            table.get("against", ""),
            [parse_goal(text) for text in table["goals"]],
        )
        for name, table in tables.items()
    }


def compare_rows(measured: dict[str, Figures]) -> None:
    """Give each row that is compared with another its figure ``against``, where both were measured.

    The least that it can be is what the other row takes, and what the least work for this row takes more than that for
    the other.
    """
    for row in rows().values():
        if row.against and {row.name, row.against} <= measured.keys():
            figures, other = measured[row.name], measured[row.against]
            figures["against"] = figures["cpu"] / other["cpu"]
            least = f"{LEAST}cpu"
            if least in figures and least in other:
                figures[f"{LEAST}against"] = (other["cpu"] + figures[least] - other[least]) / other["cpu"]
