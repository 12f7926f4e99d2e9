"""The exponent of the growth, from costs that are made up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.growth import NOISE_PART, NOISE_SECONDS, SUPER_LINEAR, Growth, fit
from tests.examples import examples

SIZES = st.sampled_from([(100, 1_000), (10, 100), (100, 1_000, 10_000)])


def costs(constant: float, exponent: float, sizes: tuple[int, ...], *, least: float) -> dict[int, float]:
    """Return the costs of a list that grows by a power, the least of which is so many seconds above the constant."""
    factor = least / sizes[0] ** exponent
    return {0: constant, **{size: constant + factor * size**exponent for size in sizes}}


@settings(max_examples=examples(100))
@given(st.floats(0.01, 2), st.floats(0.2, 3), SIZES, st.floats(1.1, 50))
def test_a_power_is_found(constant: float, exponent: float, sizes: tuple[int, ...], times: float) -> None:
    """The exponent of costs that are a constant and a power is that of the power, whatever the constant and factor."""
    noise = max(NOISE_PART * constant, NOISE_SECONDS)
    assert fit(costs(constant, exponent, sizes, least=noise * times)) == pytest.approx(exponent, abs=0.01)


@settings(max_examples=examples(100))
@given(st.floats(0.1, 2), SIZES, st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_noise_is_no_growth(constant: float, sizes: tuple[int, ...], errors: list[float]) -> None:
    """Costs that differ from the constant by less than the noise have the exponent 0."""
    noise = 0.99 * NOISE_PART * constant
    found = {0: constant, **{size: constant + noise * error for size, error in zip(sizes, errors, strict=False)}}
    assert fit(found) == 0.0


@settings(max_examples=examples(100))
@given(st.floats(0.2, 2), st.floats(1.5, 3), st.floats(0.001, 0.99))
def test_what_begins_in_the_noise_is_not_overrated(constant: float, exponent: float, part: float) -> None:
    """Where the shorter list is within the noise, the exponent is no higher than it is."""
    sizes = (100, 1_000)
    found = costs(constant, exponent, sizes, least=part * NOISE_PART * constant)
    assert fit(found) <= exponent + 0.01


def test_a_square_that_begins_in_the_noise_is_marked() -> None:
    """A list whose longest takes long is super-linear, though the shorter ones cost nothing that can be seen."""
    assert Growth({0: 0.5, 100: 0.51, 1_000: 0.5, 10_000: 3.0}).is_super_linear
    assert Growth({0: 0.5, 100: 0.51, 1_000: 5.0}).is_super_linear


@pytest.mark.parametrize(
    ("found", "marked"),
    [
        ({0: 0.1, 100: 0.2, 1_000: 1.1}, False),
        ({0: 0.1, 100: 0.2, 1_000: 2.5}, True),
        (
            {0: 0.1, 1_000: 0.1 + 1_000 * math.log(1_000) / 9_000, 10_000: 0.1 + 10_000 * math.log(10_000) / 9_000},
            False,
        ),
        ({0: 0.1, 100: 0.1, 1_000: 0.1}, False),
        ({0: 0.2, 100: 0.1, 1_000: 0.1}, False),
    ],
    ids=["linear", "faster", "n log n", "constant", "shrinking"],
)
def test_what_is_marked(found: dict[int, float], marked: bool) -> None:
    """What grows as its list, or by a logarithm faster, is not marked; what grows clearly faster is."""
    assert Growth(found).is_super_linear is marked
    assert SUPER_LINEAR > 1


@pytest.mark.parametrize("found", [{}, {0: 1.0}, {0: 1.0, 100: 2.0}, {100: 1.0, 1_000: 2.0}])
def test_too_few_points(found: dict[int, float]) -> None:
    """Without the empty list, or with one length only, there is no exponent."""
    with pytest.raises(ValueError, match="empty list and two more"):
        fit(found)
