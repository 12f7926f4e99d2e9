"""The table: goals, cells, the document that is made of the kept figures, and that all rows are measured."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from bench import document, lists, report, table
from bench.growth import Growth
from bench.report import KEPT, Report
from bench.rows import Figures, Row, compare_rows, parse_goal, rows

MACHINE = {"processor": "P", "kernel": "6"}


@pytest.mark.parametrize(
    ("text", "figure", "limit"),
    [
        ("interpreter <= 1.2", "interpreter", 1.2),
        ("original <= 3", "original", 3.0),
        ("cpu <= 0.3 s", "cpu", 0.3),
        ("cpu <= 250 ms", "cpu", 0.25),
        ("peak <= 60 MB", "peak", 60.0),
        ("size <= 10 MB", "size", 10.0),
        ("against <= 1.5", "against", 1.5),
    ],
)
def test_a_goal(text: str, figure: str, limit: float) -> None:
    """A goal names a figure and its limit, which is met at the limit and not above."""
    goal = parse_goal(text)
    assert goal.figure == figure
    assert goal.limit == pytest.approx(limit)
    assert goal.is_met({figure: goal.limit}) is True
    assert goal.is_met({figure: goal.limit * 1.01}) is False
    assert goal.is_met({}) is None


@pytest.mark.parametrize(
    "text",
    ["", "cpu", "cpu <= 1", "cpu <= 1 MB", "cpu < 1 s", "original <= 1 s", "peak <= 60", "size <= x MB", "speed <= 1"],
)
def test_what_is_no_goal(text: str) -> None:
    """Another form, an unknown figure, or a unit that the figure does not have is refused."""
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_goal(text)


def test_the_rows() -> None:
    """Each row has a title of its own, what it means in sentences, and is compared with a row that is there."""
    found = rows()
    assert len({row.title for row in found.values()}) == len(found) > 30
    assert [row.name for row in found.values() if not row.meaning.endswith(".")] == []
    assert [row.name for row in found.values() if row.against and row.against not in found] == []
    assert any(row.goals for row in found.values())


def test_a_row_against_another() -> None:
    """A row that is compared with another gets the ratio of their processor times once both are measured."""
    measured: dict[str, Figures] = {"users-10000-changed": {"cpu": 3.0}}
    compare_rows(measured)
    assert "against" not in measured["users-10000-changed"]
    measured["users-100-changed"] = {"cpu": 2.0}
    compare_rows(measured)
    assert measured["users-10000-changed"]["against"] == pytest.approx(1.5)


def test_cells() -> None:
    """A row shows what was measured, and for each goal whether it is met, is not met, or was not measured."""
    row = Row(
        "x", "do x", "It does.", "", [parse_goal(f"{name} <= 1") for name in ("interpreter", "original", "against")]
    )
    figures = {"cpu": 0.0123, "interpreter": 0.9, "original": 1.1, "peak": 59.6, "size": 38.2, "files": 411}
    assert table.cells(row, figures) == [
        "do x",
        "12.3 ms",
        "",
        "0.90",
        "1.10",
        "",
        "60 MB",
        "38.2 MB data file, 411 files",
        "interpreter <= 1: met; original <= 1: NOT MET; against <= 1: not measured",
    ]
    assert table.unmet(row, figures) == ["original <= 1"]
    assert table.seconds(61.234) == "61.23 s"


def test_the_least_work_for_a_row() -> None:
    """A goal that is not met says what the least is where even that does not meet it, and not where it does."""
    row = Row("x", "do x", "It does.", "", [parse_goal(f"{name} <= 1") for name in ("interpreter", "original")])
    figures = {"cpu": 0.03, "interpreter": 1.5, "original": 1.2, "peak": 9.0}
    figures |= {"least cpu": 0.02, "least interpreter": 0.9, "least original": 1.1}
    assert table.cells(row, figures)[2] == "20.0 ms"
    assert table.unmet(row, figures) == ["interpreter <= 1", "original <= 1 (the least is 1.10)"]
    assert table.unmet(row, {**figures, "original": 0.9}) == ["interpreter <= 1"]


def test_the_least_work_against_another_row() -> None:
    """It is what the command takes in the other row, and what the least work takes more than there."""
    measured: dict[str, Figures] = {
        "users-4000-unchanged": {"cpu": 5.0, "least cpu": 2.5},
        "users-1-unchanged": {"cpu": 2.0, "least cpu": 1.0},
    }
    compare_rows(measured)
    assert measured["users-4000-unchanged"]["least against"] == pytest.approx(1.75)
    del measured["users-1-unchanged"]["least cpu"], measured["users-4000-unchanged"]["least against"]
    compare_rows(measured)
    assert "least against" not in measured["users-4000-unchanged"]


def _report(growth: dict[str, Growth]) -> Report:
    measured: dict[str, Figures] = {"getprop": {"cpu": 0.01, "interpreter": 1.5, "original": 0.5, "peak": 10.0}}
    return Report(MACHINE, "2026-01-01", "0123abcd", "a stand-in", measured, growth)


def test_a_report_is_kept(tmp_path: Path) -> None:
    """What was written to a file is read as it was."""
    written = _report({"users: print": Growth({0: 0.1, 100: 0.2, 1_000: 1.1})})
    written.write(tmp_path / "figures.json")
    assert report.read(tmp_path / "figures.json") == written


def test_the_document_is_made_of_the_figures() -> None:
    """The made part has the machine, each row and its meaning, the goals that are not met, and what is marked."""
    growth = {
        "users: print": Growth({0: 0.1, 100: 0.2, 1_000: 10.1}),
        "hosts: print": Growth({0: 0.1, 100: 0.2, 1_000: 1}),
    }
    text = document.made(_report(growth))
    assert "Measured on 2026-01-01, commit 0123abcd: processor P, kernel 6. The original is a stand-in." in text
    assert "| config getprop KEY PROP | 10.0 ms |  | 1.50 | 0.50 |" in text
    assert "1 of 2 goals are met. These are not; 0 of them are below" in text
    assert "- config getprop KEY PROP: interpreter <= 1.2\n" in text
    assert "| config getprop KEY PROP | One property is read" in text
    assert "| users: print | 100.0 ms | 200.0 ms | 10.10 s | 2.00 | SUPER-LINEAR |" in text
    assert "1 of 2 grow faster than their list." in text


def test_only_the_made_part_is_written() -> None:
    """What stands before and after the marks stays, and a document without them is refused."""
    text = f"before\n{document.BEGIN}old\n{document.END}after\n"
    assert document.rewritten(text, "new") == f"before\n{document.BEGIN}\nnew\n{document.END}after\n"
    for mark in (document.BEGIN, document.END):
        with pytest.raises(ValueError, match="lacks the line"):
            document.rewritten(text.replace(mark, ""), "new")


def test_the_document_agrees_with_the_kept_figures() -> None:
    """docs/performance.md shows the figures of bench/last.json: ``python -m bench.document`` makes it so."""
    text = document.DOCUMENT.read_text()
    assert document.rewritten(text, document.made(report.read(KEPT))) == text


def test_nothing_is_missing_in_the_kept_figures() -> None:
    """They have each row and each list: what could not be measured is not left out without a word."""
    kept = report.read(KEPT)
    assert set(rows()) - set(kept.rows) == set()
    assert {listed.name for listed in lists.LISTS} - {name.partition(":")[0] for name in kept.growth} == set()


def test_every_list_is_there_once() -> None:
    """Each list of the product has its name once, and something that grows with it."""
    names = [listed.name for listed in lists.LISTS]
    assert len(set(names)) == len(names) >= 12
    assert all(listed.event or listed.commands for listed in lists.LISTS)
    assert [a for a, b in itertools.pairwise(lists.LONG_SIZES) if a >= b] == []
