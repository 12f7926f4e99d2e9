"""Comparing generations: all cases of which two moments are asked for, and of what happened to a file."""

from __future__ import annotations

from typing import TypeAlias

import pytest

from esmith.apply.compare import compare
from esmith.apply.generations import list_generations
from esmith.errors import UsageError
from tests.apply.kit import Bench

#: What differs: path, content before and after.
Found: TypeAlias = list[tuple[str, bytes | None, bytes | None]]

FIRST: Found = [("/etc/a", None, b"1\n"), ("/etc/b", b"foreign\n", b"1\n")]
#: The numbers asked for, counted from the first generation (0 is the state before it); None is left to the command.
MOMENTS: dict[str, tuple[int | None, int | None, Found]] = {
    "the last install": (None, None, [("/etc/b", b"3\n", b"edited\n")]),
    "the one before the last, to the last": (None, 5, [("/etc/b", b"3\n", b"edited\n")]),
    "from the start to now": (0, None, [("/etc/b", b"foreign\n", b"edited\n")]),
    "from the start to the first": (0, 1, FIRST),
    "from the start to the last": (0, 5, [("/etc/b", b"foreign\n", b"edited\n")]),
    "one install": (1, 2, [("/etc/a", b"1\n", b"2\n")]),
    "an install of mode only": (2, 3, []),
    "a content across an install of mode only": (1, 3, [("/etc/a", b"1\n", b"2\n")]),
    "a removal": (3, 4, [("/etc/a", b"2\n", None), ("/etc/b", b"1\n", b"3\n")]),
    "made and removed": (0, 4, [("/etc/b", b"foreign\n", b"3\n")]),
    "nothing between": (3, 3, []),
    "the first and the first": (0, 0, []),
    "the last and the last": (5, 5, []),
    "the last to now": (5, None, []),
}
#: The same for what is refused, with a part of the message and of the hint.
REFUSED: dict[str, tuple[int | None, int | None, str, str]] = {
    "first unknown": (-1, None, "there is no generation {first}", "'esmith generations' lists them"),
    "last unknown": (1, 6, "there is no generation {last}", "'esmith generations' lists them"),
    "both unknown": (-1, 6, "there is no generation {first}", "'esmith generations' lists them"),
    "last before the first": (3, 1, "generation {last} is older than {first}", "esmith diff {last} {first}"),
    "last before the default": (None, 2, "generation {last} is older than", "esmith diff {last} "),
}


@pytest.fixture
def changed(bench: Bench) -> Bench:
    """Give a root with five generations, which make, change and remove one file and change another."""
    bench.foreign("/etc/b", "foreign\n")
    bench.template("/etc/a", "1\n")
    bench.template("/etc/b", "1\n")
    bench.apply("/etc/a", "/etc/b")
    bench.template("/etc/a", "2\n")
    bench.apply("/etc/a", "/etc/b")
    bench.template("/etc/a", "2\n", 'mode = "0600"')
    bench.apply("/etc/a", "/etc/b")
    bench.template("/etc/a", "2\n", 'delete-when = "true"')
    bench.template("/etc/b", "3\n")
    bench.apply("/etc/a", "/etc/b")
    bench.template("/etc/b", "4\n")
    bench.apply("/etc/b")
    bench.file("/etc/b").write_text("edited\n")
    return bench


def _number(bench: Bench, count: int | None) -> int | None:
    with bench.store.snapshot() as snapshot:
        kept = list_generations(snapshot)
    assert len(kept) == 5
    return None if count is None else kept[-1].number - 1 + count


def _compared(bench: Bench, first: int | None, last: int | None, path: str = "") -> Found:
    with bench.store.snapshot() as snapshot:
        found = compare(bench.layout, snapshot, first, last, path)
    return [(one.path, one.old, one.new) for one in found]


@pytest.mark.parametrize(("first", "last", "found"), MOMENTS.values(), ids=MOMENTS.keys())
def test_two_moments(changed: Bench, first: int | None, last: int | None, found: Found) -> None:
    """Each file that differs is shown once, by what it held at the two moments; the last generation lasts until now."""
    assert _compared(changed, _number(changed, first), _number(changed, last)) == found


@pytest.mark.parametrize(("first", "last", "message", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_moments_that_do_not_exist(
    changed: Bench, first: int | None, last: int | None, message: str, hint: str
) -> None:
    """A generation that is not kept, and a second one older than the first, are refused with what to do."""
    numbers = {"first": _number(changed, first), "last": _number(changed, last)}
    with pytest.raises(UsageError) as caught:
        _compared(changed, numbers["first"], numbers["last"])
    assert message.format(**numbers) in caught.value.message
    assert hint.format(**numbers) in caught.value.hint


@pytest.mark.parametrize(("path", "found"), [("/etc/a", FIRST[:1]), ("/etc/b", FIRST[1:]), ("/etc/c", [])])
def test_one_path(changed: Bench, path: str, found: Found) -> None:
    """With a path only that file is looked at."""
    assert _compared(changed, _number(changed, 0), _number(changed, 1), path) == found


def test_no_generation(bench: Bench) -> None:
    """Before the first install the error says how a generation comes about."""
    with pytest.raises(UsageError, match="no generation is kept yet"):
        _compared(bench, None, None)


def test_a_single_generation(bench: Bench) -> None:
    """With one generation the default is what it changed."""
    bench.template("/etc/a", "1\n")
    bench.apply("/etc/a")
    assert _compared(bench, None, None) == [("/etc/a", None, b"1\n")]
