"""Merging two changes of one text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.overrides.merge import Merged, count_differences, has_marks, lines_of, merge
from tests.examples import examples

_LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"\n"]), max_size=8).map(b"".join)
#: Also texts whose last line has no end.
TEXTS = st.tuples(_LINES, st.sampled_from([b"", b"", b"z"])).map(b"".join)


@settings(max_examples=examples(120), deadline=None)
@given(TEXTS, TEXTS)
def test_a_change_of_one_side_is_taken(base: bytes, changed: bytes) -> None:
    """What only one side changed is taken from it, and what both changed to the same is taken once."""
    assert merge(base, base, changed) == Merged(changed)
    assert merge(base, changed, base) == Merged(changed)
    assert merge(base, changed, changed) == Merged(changed)


@settings(max_examples=examples(120), deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_no_new_line_is_lost(base: bytes, shipped: bytes, mine: bytes) -> None:
    """Each line that a side has and the base has not is in the merged text; marks are there for a conflict only."""
    merged = merge(base, shipped, mine)
    there = {line.rstrip(b"\n") for line in lines_of(merged.text)}
    new = {line.rstrip(b"\n") for text in (shipped, mine) for line in set(lines_of(text)) - set(lines_of(base))}
    assert new <= there
    assert has_marks(merged.text) == (merged.conflicts > 0)


@settings(max_examples=examples(120), deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_both_sides_are_alike(base: bytes, shipped: bytes, mine: bytes) -> None:
    """A merge without a conflict comes to the same when the sides are exchanged."""
    merged, other = merge(base, shipped, mine), merge(base, mine, shipped)
    assert merged.conflicts == other.conflicts
    if not merged.conflicts:
        assert merged == other


@pytest.mark.parametrize(
    ("base", "shipped", "mine", "merged"),
    [
        ("1\n2\n3\n", "one\n2\n3\n", "1\n2\nthree\n", "one\n2\nthree\n"),
        ("1\n2\n3\n", "1\n3\n", "1\n2\n3\n4\n", "1\n3\n4\n"),
        ("1\n2\n3\n", "1\nnew\n2\n3\n", "1\n2\n", "1\nnew\n2\n"),
        ("1\n2\n", "1\n2\n3", "0\n1\n2\n", "0\n1\n2\n3"),
    ],
)
def test_changes_in_other_places_are_joined(base: str, shipped: str, mine: str, merged: str) -> None:
    """Changes of both sides that do not touch are both in the merged text."""
    assert merge(base.encode(), shipped.encode(), mine.encode()) == Merged(merged.encode())


def test_a_conflict_shows_all_three() -> None:
    """Where both changed a line differently all three texts are there, between marks, each on lines of its own."""
    merged = merge(b"1\n2\n3\n", b"1\ntwo\n3\n", b"1\nzwei\n3\n")
    assert merged.conflicts == 1
    assert merged.text == b"1\n<<<<<<< mine\nzwei\n||||||| base\n2\n=======\ntwo\n>>>>>>> shipped\n3\n"
    assert b"\nx\n|||||||" in merge(b"1", b"y", b"x").text


@pytest.mark.parametrize(("old", "new", "counts"), [(b"", b"a\nb\n", (2, 0)), (b"a\nb\n", b"a\nc\nd\n", (2, 1))])
def test_differences_are_counted(old: bytes, new: bytes, counts: tuple[int, int]) -> None:
    """Lines count that are only in the one text, and those that are only in the other."""
    assert count_differences(old, new) == counts
