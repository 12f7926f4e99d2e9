"""How the time of a command grows with a list: the exponent of the growth.

The time of a command is a constant part (the start of Python, all that does not depend on the list) and a growing
one, ``cost(n) = constant + a * n ** exponent``. The constant part is the cost with an empty list, so
``cost(n) - cost(0)`` is the growing one, and its logarithm is a straight line over that of n. The slope of the line
through the measured points, by least squares, is the exponent: 1 where ten times as many take ten times as long, 2
where they take a hundred times as long, 0 where nothing grows.

A growing part that is smaller than the noise of the measurement says nothing. It counts as just as large as the noise,
and of several such points only the one with the longest list. What is fitted then is the least that the exponent can
be, so a growth which begins late is still found. Without any point above the noise the exponent is 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

#: What grows faster than this is marked: n log n is about 1.15 between 100 and 1,000.
SUPER_LINEAR = 1.2
#: The noise of a measurement: this part of the constant cost, and at least so many seconds.
NOISE_PART, NOISE_SECONDS = 0.1, 0.003


class Growth(NamedTuple):
    """How one command grows with one list.

    :param costs: processor seconds by the length of the list, with that of 0.
    """

    costs: dict[int, float]

    @property
    def exponent(self) -> float:
        """The exponent of the growth over the constant part."""
        return fit(self.costs)

    @property
    def is_super_linear(self) -> bool:
        """Whether it grows clearly faster than the list."""
        return self.exponent > SUPER_LINEAR


def fit(costs: dict[int, float]) -> float:
    """Return the exponent of the growth over the constant part.

    :param costs: seconds by the length of the list: that of the empty one, and two or more.
    :raises ValueError: when there are fewer.
    """
    sizes = sorted(size for size in costs if size > 0)
    if 0 not in costs or len(sizes) < 2:
        raise ValueError("a growth is fitted through the cost of an empty list and two more")
    noise = max(NOISE_PART * costs[0], NOISE_SECONDS)
    first = next((at for at, size in enumerate(sizes) if costs[size] - costs[0] > noise), None)
    if first is None:
        return 0.0
    points = [(math.log(size), math.log(max(costs[size] - costs[0], noise))) for size in sizes[max(first - 1, 0) :]]
    if len(points) < 2:
        return 0.0
    return max(_slope(points), 0.0)


def _slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the straight line through points, by least squares."""
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / sum((x - middle_x) ** 2 for x, _ in points)
