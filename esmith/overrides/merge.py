"""Merging two changes of one text, line by line: that of the administrator and that of an upgrade."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

#: Before my lines of a conflict, those of the base, those that are shipped, and after all of them.
MARKS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")


@dataclass(frozen=True)
class Merged:
    """What a merge came to.

    :param text: the merged text; where both changed the same lines differently all of these, between marks.
    :param conflicts: how many such places there are.
    """

    text: bytes
    conflicts: int = 0


def merge(base: bytes, shipped: bytes, mine: bytes) -> Merged:
    """Merge two changes of a text.

    Lines that only one of both changed are taken from that one, and those that both changed to the same are taken once.

    :param base: what both were made from.
    :param shipped: the text as an upgrade changed it.
    :param mine: the text as the administrator changed it.
    """
    old, theirs, ours = lines_of(base), lines_of(shipped), lines_of(mine)
    found: list[bytes] = []
    conflicts = 0
    place = their_place = our_place = 0
    for old_end, their_end, our_end, length in [*_common(old, theirs, ours), (len(old), len(theirs), len(ours), 0)]:
        was = old[place:old_end]
        their_part, our_part = theirs[their_place:their_end], ours[our_place:our_end]
        if their_part in (was, our_part):
            found += our_part
        elif our_part == was:
            found += their_part
        else:
            conflicts += 1
            found += _marked(was, their_part, our_part)
        place, their_place, our_place = old_end + length, their_end + length, our_end + length
        found += old[old_end:place]
    return Merged(b"".join(found), conflicts)


def has_marks(text: bytes) -> bool:
    """Return whether a text still has the marks of a conflict: the first and the last of them at the begin of lines."""
    lines = lines_of(text)
    return all(any(line.startswith(mark + b" ") for line in lines) for mark in (MARKS[0], MARKS[3]))


def count_differences(old: bytes, new: bytes) -> tuple[int, int]:
    """Return how many lines a text has that another has not, and the other way round."""
    before, after = lines_of(old), lines_of(new)
    same = sum(block.size for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks())
    return len(after) - same, len(before) - same


def likeness(one: bytes, other: bytes) -> float:
    """Return how much of two texts is the same, line by line, from 0 to 1."""
    return SequenceMatcher(None, lines_of(one), lines_of(other), autojunk=False).ratio()


def lines_of(text: bytes) -> list[bytes]:
    """Return the lines of a text, each with its end; the last may have none."""
    lines = text.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _common(old: list[bytes], theirs: list[bytes], ours: list[bytes]) -> list[tuple[int, int, int, int]]:
    """Return the runs of lines that neither changed: where each begins in the three texts, and its length."""
    their_places, our_places = _places(old, theirs), _places(old, ours)
    runs: list[tuple[int, int, int, int]] = []
    for line in range(len(old)):
        if line not in their_places or line not in our_places:
            continue
        start = (line, their_places[line], our_places[line])
        if runs and tuple(part + runs[-1][3] for part in runs[-1][:3]) == start:
            runs[-1] = (*runs[-1][:3], runs[-1][3] + 1)
        else:
            runs.append((*start, 1))
    return runs


def _places(old: list[bytes], new: list[bytes]) -> dict[int, int]:
    """Return where the lines of a text are in another, for those that are in both."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return {block.a + step: block.b + step for block in blocks for step in range(block.size)}


def _marked(was: list[bytes], theirs: list[bytes], ours: list[bytes]) -> list[bytes]:
    found = []
    for mark, name, part in zip(MARKS, (b" mine", b" base", b"", b" shipped"), (ours, was, theirs, []), strict=True):
        found.append(mark + name + b"\n")
        found += part
        if part and not part[-1].endswith(b"\n"):
            found[-1] += b"\n"
    return found
