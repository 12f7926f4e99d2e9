"""The search for one order of a register's history."""

from __future__ import annotations

import math
import random

import pytest

from tests.fleet.world.linear import Access, is_linearizable


def _write(invoked: float, ended: float, value: int) -> Access:
    return Access(invoked, ended, "ok", written=value)


def _read(invoked: float, ended: float, value: object) -> Access:
    return Access(invoked, ended, "ok", read=value)


@pytest.mark.parametrize(
    ("accesses", "fits"),
    [
        ([_write(1, 2, 1), _read(3, 4, 1)], True),
        ([_write(1, 2, 1), _read(3, 4, None)], False),
        # While a write goes on a reader may see either, but not the old value after the new one was seen.
        ([_write(1, 9, 1), _read(2, 3, None), _read(4, 5, 1)], True),
        ([_write(1, 9, 1), _read(2, 3, 1), _read(4, 5, None)], False),
        ([_write(1, 4, 1), _write(2, 5, 2), _read(6, 7, 1)], True),
        ([_write(1, 4, 1), _write(2, 5, 2), _read(6, 7, 1), _read(8, 9, 2)], False),
        # What nobody knows the outcome of may have happened late, or never; what was refused has not.
        ([Access(1, math.inf, "info", written=7), _read(2, 3, None), _read(4, 5, 7)], True),
        ([Access(1, math.inf, "info", written=7), _read(2, 3, 7), _read(4, 5, None)], False),
        ([Access(1, 2, "fail", written=7), _read(3, 4, 7)], False),
        # Two that both saw the same value and both changed it: one update is lost.
        ([Access(1, 4, "ok", None, 1), Access(2, 5, "ok", None, 2)], False),
        ([Access(1, 4, "ok", None, 1), Access(2, 5, "ok", 1, 2)], True),
    ],
)
def test_small_histories(accesses: list[Access], fits: bool) -> None:
    """A history fits one order of its operations, or it does not."""
    assert is_linearizable(accesses) is fits


def test_random_histories_of_a_register_fit() -> None:
    """Whatever a single register answers to overlapping operations is found to fit; one wrong answer is not."""
    for seed in range(40):
        chance = random.Random(seed)
        value: object = None
        accesses = []
        for number in range(25):
            before, value = value, number
            accesses.append(Access(number - chance.random() * 3, number + chance.random() * 3, "ok", before, value))
        assert is_linearizable(accesses)
        broken = accesses[12]
        accesses[12] = Access(broken.invoked, broken.ended, "ok", "never", broken.written)
        assert not is_linearizable(accesses)


def test_a_long_history_does_not_go_too_deep() -> None:
    """A thousand operations one after the other are no trouble."""
    accesses = [Access(number, number + 0.5, "ok", number - 1, number) for number in range(1000)]
    assert is_linearizable(accesses, first=-1)
