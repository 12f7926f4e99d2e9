"""Where the lines of an output come from: the fragment, and the line of it where that is certain."""

from __future__ import annotations

import re
from collections import Counter

from esmith.explain.slices import cells_of
from esmith.fields import dataclass, field
from esmith.fragments.metadata import NO_BLANK_LINES
from esmith.fragments.reads import Reads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.explain.slices import Names
    from esmith.explain.tracing import Block, Traced
    from esmith.explain.values import Cell
    from esmith.fragments.rendering import Rendering

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


@dataclass
class Maker:
    """What a fragment does for one line of an output.

    :param traced: the fragment.
    :param lines: the lines of the fragment that it comes from, from 1; empty when they are not certain.
    :param parts: for each piece of the line the settings that decide on it, as far as this fragment knows.
    :param blocks: of a Perl fragment whose parts are known, the numbers of those that made the line, from 0.
    :param has_text: whether a piece of the line is of it.
    """

    traced: Traced
    lines: set[int] = field(default_factory=set)
    parts: list[set[Cell]] = field(default_factory=list)
    blocks: set[int] = field(default_factory=set)
    has_text: bool = False

    @property
    def cells(self) -> set[Cell]:
        """The settings that decide on the line."""
        return set().union(*self.parts)

    @property
    def reads(self) -> Reads:
        """All that was read where the line was made: by these blocks, else by the fragment."""
        return self._of_blocks(self.blocks) if self.blocks else self.traced.reads

    @property
    def earlier(self) -> Reads:
        """What the blocks before these read, which may have left it in a variable; nothing where that cannot be."""
        blocks = self.traced.blocks or []
        code = [number for number in self.blocks if blocks[number].is_code]
        return self._of_blocks(set(range(max(code, default=0))) - self.blocks)

    def _of_blocks(self, numbers: set[int]) -> Reads:
        found = Reads()
        for number in numbers:
            found.add((self.traced.blocks or [])[number].reads)
        return found


@dataclass
class Made:
    """One line of an output.

    :param text: the line, with its end.
    :param makers: the fragments it comes from: several where one does not end its last line.
    """

    text: bytes
    makers: list[Maker] = field(default_factory=list)


@dataclass(frozen=True)
class _Segment:
    text: bytes
    lines: tuple[int, ...]
    names: Names | None = None
    block: int = -1


def made_lines(rendering: Rendering, traced: list[Traced]) -> list[Made] | None:
    """Return the lines of an output with where they come from; None when its lines are not those of its fragments.

    :param traced: what its fragments did.
    """
    if not rendering.parts and rendering.content:
        return None  # a filter of the whole file
    found: list[Made] = []
    known = _KnownCells()
    text = b""
    segments: list[tuple[Traced, _Segment]] = []
    for one in traced:
        silent: list[tuple[Traced, _Segment]] = []
        for segment in _segments(one):
            if not segment.text and segments and segments[-1][0] is one:
                segments.append((one, segment))
            elif not segment.text and segment.block >= 0:
                # It could have given something at the beginning of the line.
                silent.append((one, segment))
            elif segment.text:
                segments += silent
                silent = []
            for piece in _LINE.findall(segment.text):
                text += piece
                segments.append((one, segment))
                if piece.endswith(b"\n"):
                    found.append(_made(text, segments, known))
                    text, segments = b"", []
    if text:
        found.append(_made(text, segments, known))
    if NO_BLANK_LINES in rendering.metadata.filters:
        found = [one for one in found if one.text.strip()]
    return found if b"".join(one.text for one in found) == rendering.content else None


class _KnownCells:
    """The settings that pieces depend on; a loop prints the same piece for each of a thousand users."""

    def __init__(self) -> None:
        self._reads: dict[int, Reads] = {}
        self._cells: dict[tuple[int, int], set[Cell]] = {}

    def of(self, traced: Traced, names: Names | None) -> set[Cell]:
        """Return the settings that a piece of a fragment depends on.

        :param names: what decides on it; None when that is not known.
        """
        place = id(traced), id(names)
        if place not in self._cells:
            reads = self._reads.setdefault(id(traced), traced.reads)
            if names is not None and traced.names is not None:
                self._cells[place] = cells_of(names, traced.names, reads)
            else:
                self._cells[place] = set(reads.props)
        return self._cells[place]


def _made(text: bytes, segments: list[tuple[Traced, _Segment]], cells: _KnownCells) -> Made:
    makers: dict[int, Maker] = {}
    for traced, segment in segments:
        known = makers.get(id(traced))
        maker = makers[id(traced)] = known or Maker(traced)
        if segment.block >= 0 and traced.blocks is not None:
            maker.blocks.add(segment.block)
            maker.parts.append(set(traced.blocks[segment.block].reads.props))
        else:
            maker.parts.append(cells.of(traced, segment.names))
        if not segment.text:
            continue
        # Where one piece is not certain the line is not.
        if segment.lines and (known is None or known.lines or not known.has_text):
            maker.lines.update(segment.lines)
        else:
            maker.lines.clear()
        maker.has_text = True
    return Made(text, list(makers.values()))


def _segments(traced: Traced) -> Iterator[_Segment]:
    """Yield the pieces of what a fragment gave; each ends with a line or before the next piece."""
    if traced.pieces is not None:
        for piece in traced.pieces:
            yield _Segment(piece.text, (piece.line,) if piece.line else (), piece.names)
        return
    if traced.blocks is not None:
        yield from _segments_of_blocks(traced.blocks, _LINE.findall(traced.source))
        return
    source = _LINE.findall(traced.source)
    if traced.text == traced.source:
        for number, line in enumerate(source, 1):
            yield _Segment(line, (number,))
        return
    given = _LINE.findall(traced.text)
    counts, there = Counter(given), Counter(source)
    for line in given:
        # A line that stands in the fragment as it is, and only once there and here, is that line.
        once = line.strip() and counts[line] == 1 and there[line] == 1
        yield _Segment(line, (source.index(line) + 1,) if once else ())


def _segments_of_blocks(blocks: list[Block], source: list[bytes]) -> Iterator[_Segment]:
    """Yield the pieces of what a Perl fragment gave.

    :param source: the lines of the fragment.
    """
    for number, block in enumerate(blocks):
        lines = tuple(range(block.first, block.last + 1))
        if not block.text and block.first:
            yield _Segment(b"", (), block=number)
        given = _LINE.findall(block.text)
        counts, there = Counter(given), Counter(source[block.first - 1 : block.last])
        for more, line in enumerate(given):
            if not block.is_code:
                yield _Segment(line, (block.first + more,), block=number)
            elif line.strip() and counts[line] == 1 and there[line] == 1:
                # A line that stands in the block as it is, and only once there and here, is that line.
                yield _Segment(line, (source.index(line, block.first - 1) + 1,), block=number)
            else:
                yield _Segment(line, lines, block=number)
