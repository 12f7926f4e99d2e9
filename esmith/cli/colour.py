"""Colour and tables of what commands show to people (docs/commands.md#what-all-have-in-common).

A command whose output may be coloured has ``--color`` (:func:`esmith.cli.program.color_option`) and calls
:func:`choose` with its value. Then it gives :func:`styled` texts to :func:`esmith.cli.output.print_report` or
:func:`esmith.cli.output.print_lines`. Values of others cannot colour anything: what marks a style is a random word of
this process, which becomes a control sequence only after everything else was made printable.
"""

from __future__ import annotations

import os
import sys

from esmith.cli.output import set_painter
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Style:
    """What a text means, as the numbers of a control sequence (ECMA-48, 8.3.117 SGR)."""

    GOOD = "32"
    BAD = "1;31"
    WARNING = "33"
    ADDED = "32"
    REMOVED = "31"
    DIM = "2"
    HEADING = "1"
    PLACE = "36"


class _Chosen:
    """What was chosen for this process."""

    when = "auto"
    #: Begins and ends a styled text; nobody else can have written it.
    mark = ""


def choose(when: str) -> None:
    """Say when texts are coloured.

    :param when: ``always``, ``never``, or ``auto``: at a terminal that can show colours, unless NO_COLOR is set to
        something (https://no-color.org).
    """
    _Chosen.when = when


def is_on(*, err: bool = False) -> bool:
    """Return whether texts are coloured.

    :param err: on stderr; else on stdout.
    """
    if _Chosen.when != "auto":
        return _Chosen.when == "always"
    stream = sys.stderr if err else sys.stdout
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb" and stream.isatty()


def styled(text: str, style: str, *, err: bool = False) -> str:
    """Return a text that is shown in a style, where texts are coloured; else the text.

    It may stand anywhere in a line, but in no other styled text.

    :param style: one of :class:`Style`.
    :param err: whether it is for stderr.
    """
    if not text or not is_on(err=err):
        return text
    if not _Chosen.mark:
        _Chosen.mark = os.urandom(8).hex()
        set_painter(painted)
    return f"{_Chosen.mark}{style}m{text}{_Chosen.mark}0m"


def painted(text: str) -> str:
    """Return a text in which styles have become control sequences; for what prints by itself."""
    if not _Chosen.mark or _Chosen.mark not in text:
        return text
    first, *others = text.split(_Chosen.mark)
    return first + "".join(f"\x1b[{part}" for part in others)


def table(rows: Iterable[Sequence[str]], header: Sequence[str] | None = None) -> list[str]:
    """Return the lines of a table with aligned columns, two blanks between them, and none at the end of a line.

    A cell is one line: what is not printable in it is shown by its code. The last one may be of any width.

    :param rows: the cells, which may be styled. A row may have fewer than the others.
    :param header: the names of the columns; without rows there is no header either.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if cells and header is not None:
        cells.insert(0, [styled(name, Style.HEADING) for name in header])
    widths: list[int] = []
    for row in cells:
        widths += [0] * (len(row) - len(widths))
        # The last one of a row pushes nothing to the right.
        for place, cell in enumerate(row[:-1]):
            widths[place] = max(widths[place], width(cell))
    return ["  ".join(_filled(row, widths)).rstrip() for row in cells]


def _filled(row: list[str], widths: list[int]) -> Iterator[str]:
    for cell, wide in zip(row[:-1], widths, strict=False):
        yield cell + " " * (wide - width(cell))
    yield from row[-1:]


def width(text: str) -> int:
    """Return how many columns of a terminal a printable text takes, styled or not.

    Characters of East Asia take two, those that combine with the one before none (https://www.unicode.org/reports/tr11).
    """
    if _Chosen.mark and _Chosen.mark in text:
        first, *others = text.split(_Chosen.mark)
        text = first + "".join(part.partition("m")[2] for part in others)
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def styled_diff(lines: Iterable[str]) -> Iterable[str]:
    """Return the lines of unified diffs, styled: what is added, removed, and the headings.

    :param lines: one or several diffs; other lines may stand between them.
    """
    return _styled_diff(lines) if is_on() else lines


def _styled_diff(lines: Iterable[str]) -> Iterator[str]:
    # How many lines of the hunk are still to come: a removed "-- x" looks like the beginning of another diff.
    old = new = 0
    for line in lines:
        first = line[:1]
        if old > 0 or new > 0:
            old -= first in ("-", " ")
            new -= first in ("+", " ")
            style = {"-": Style.REMOVED, "+": Style.ADDED}.get(first)
        else:
            old, new = _counts(line)
            style = Style.PLACE if old or new else Style.HEADING if line.startswith(("--- ", "+++ ")) else None
        yield line if style is None else styled(line, style)


def _counts(line: str) -> tuple[int, int]:
    """Return how many lines of the old and the new text a hunk has; (0, 0) for what begins none."""
    words = line.split(" ")
    if len(words) < 4 or words[0] != "@@" or words[1][:1] != "-" or words[2][:1] != "+":
        return 0, 0
    counts = [word.partition(",")[2] or "1" for word in words[1:3]]
    return (int(counts[0]), int(counts[1])) if all(count.isdecimal() for count in counts) else (0, 0)
