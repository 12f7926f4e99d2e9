"""Writes the tables of ``docs/performance.md``: ``python -m bench.document [FILE]``.

FILE is what ``python -m bench --json FILE`` wrote. It is kept as ``bench/last.json``, and the part of the document
between its two marks is made from it. Without FILE the document is made from the kept figures again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import report, table
from bench.report import KEPT, Report
from bench.rows import rows

DOCUMENT = Path(__file__).parent.parent / "docs/performance.md"
BEGIN, END = "<!-- python -m bench.document: begin -->\n", "<!-- python -m bench.document: end -->\n"


def made(found: Report) -> str:
    """Return the part of the document that is made from figures."""
    measured = [(row, found.rows[name]) for name, row in rows().items() if name in found.rows]
    goals = sum(len(row.goals) for row, _ in measured)
    unmet = [f"{row.title}: {goal}" for row, figures in measured for goal in table.unmet(row, figures)]
    never = sum(
        not goal.can_be_met(figures) for row, figures in measured for goal in row.goals if not goal.is_met(figures)
    )
    machine = ", ".join(f"{name} {value}" for name, value in found.machine.items())
    parts = [
        f"Measured on {found.date}, commit {found.commit or 'unknown'}: {machine}. "
        f"The original is {found.original or 'not there'}.\n",
        table.markdown(table.COLUMNS, [table.cells(row, figures) for row, figures in measured]),
        f"{goals - len(unmet)} of {goals} goals are met{':' if unmet else '.'}\n"
        if not unmet
        else f"{goals - len(unmet)} of {goals} goals are met. These are not; {never} of them are below the "
        "[least](#what-the-figures-are) that is possible:\n\n" + "".join(f"- {line}\n" for line in unmet),
        "### What each row means\n",
        table.markdown(("row", "meaning"), [[row.title, row.meaning] for row, _ in measured]),
    ]
    if found.growth:
        sizes = table.sizes_of(found.growth)
        lines = [table.growth_cells(name, one, sizes) for name, one in found.growth.items()]
        faster = sum(one.is_super_linear for one in found.growth.values())
        parts += [
            "### Growth\n",
            table.markdown(table.growth_columns(sizes), lines),
            f"{faster} of {len(lines)} grow faster than their list.\n",
        ]
    return "\n".join(parts)


def rewritten(text: str, part: str, marks: tuple[str, str] = (BEGIN, END), name: str = DOCUMENT.name) -> str:
    """Return the text of a document with another part between its marks.

    :param marks: the two lines.
    :param name: of the document, for the message.
    :raises ValueError: when it does not have both marks.
    """
    before, begin, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (begin and end):
        raise ValueError(f"{name} lacks the line {marks[0].strip()} or {marks[1].strip()}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def main(words: list[str]) -> None:
    """Write the document, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.document", description=__doc__)
    parser.add_argument("file", nargs="?", metavar="FILE", type=Path, default=KEPT)
    found = report.read(parser.parse_args(words).file)
    found.write(KEPT)
    DOCUMENT.write_text(rewritten(DOCUMENT.read_text(), made(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
