"""The table, as text for a terminal and as Markdown: the same cells in both."""

from __future__ import annotations

from bench.growth import Growth
from bench.rows import LEAST, Figures, Goal, Row

COLUMNS = ("what", "CPU", "least", "x Python", "x original", "x other row", "memory", "more", "goals")
_WIDTHS = (58, 9, 9, 9, 10, 11, 7, 24, 0)
#: Figures of the column "more", with the word that follows the number.
_MORE = {"size": "MB data file", "files": "files", "syncs": "syncs"}
#: Those that are times of a clock, with the word before each.
_TIMES = {"p50": "half within", "p95": "95 % within", "last": "all within"}


def seconds(value: float) -> str:
    """Return processor time as it is shown: in ms below a second."""
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def cells(row: Row, figures: Figures) -> list[str]:
    """Return the cells of a row, "" where nothing was measured."""
    ratios = [f"{figures[name]:.2f}" if name in figures else "" for name in ("interpreter", "original", "against")]
    more = [f"{figures[name]:.3g} {word}" for name, word in _MORE.items() if name in figures]
    more += [f"{word} {seconds(figures[name])}" for name, word in _TIMES.items() if name in figures]
    return [
        row.title,
        seconds(figures["cpu"]),
        seconds(figures[f"{LEAST}cpu"]) if f"{LEAST}cpu" in figures else "",
        *ratios,
        f"{figures['peak']:.0f} MB" if "peak" in figures else "",
        ", ".join(more),
        "; ".join(f"{goal.text}: {_MET[goal.is_met(figures)]}{_least(goal, figures)}" for goal in row.goals),
    ]


_MET = {True: "met", False: "NOT MET", None: "not measured"}


def _least(goal: Goal, figures: Figures) -> str:
    """Return why a goal that is not met cannot be met; "" when it can, or that is not known."""
    least = goal.least(figures)
    if least is None or goal.is_met(figures) or goal.can_be_met(figures):
        return ""
    return f" (the least is {least:.2f})"


def unmet(row: Row, figures: Figures) -> list[str]:
    """Return the goals of a row that its figures do not meet."""
    return [f"{goal.text}{_least(goal, figures)}" for goal in row.goals if goal.is_met(figures) is False]


def growth_columns(sizes: list[int]) -> list[str]:
    """Return the heads of the table of growth."""
    return ["list: command", *(f"{size:,}" for size in sizes), "exponent", ""]


def growth_cells(name: str, growth: Growth, sizes: list[int]) -> list[str]:
    """Return the cells of a line of the table of growth.

    :param sizes: the lengths that have a column.
    """
    costs = [seconds(growth.costs[size]) if size in growth.costs else "" for size in sizes]
    return [name, *costs, f"{growth.exponent:.2f}", "SUPER-LINEAR" if growth.is_super_linear else ""]


def sizes_of(growths: dict[str, Growth]) -> list[int]:
    """Return all lengths of lists that were measured."""
    return sorted({size for growth in growths.values() for size in growth.costs})


def text_line(row: list[str]) -> str:
    """Return cells of the table as a line of text."""
    first, *others = (
        cell.ljust(width) if at in (0, len(row) - 2) else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, _WIDTHS, strict=True))
    )
    return " ".join([first, *others]).rstrip()


def growth_line(row: list[str]) -> str:
    """Return cells of the table of growth as a line of text."""
    first, *others = row
    return " ".join([f"{first:<44}", *(f"{cell:>10}" for cell in others)]).rstrip()


def markdown(head: list[str] | tuple[str, ...], lines: list[list[str]]) -> str:
    """Return a table in Markdown."""
    rows = [list(head), ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)
