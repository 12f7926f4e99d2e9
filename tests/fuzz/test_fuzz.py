"""The targets of the fuzzing on their seeds and on a few random inputs; ``make fuzz`` runs them for long."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.fuzz.targets import TARGETS, run, seeds_of

SEEDS = [pytest.param(name, data, id=f"{name}-{file}") for name in TARGETS for file, data in seeds_of(name).items()]


@pytest.mark.parametrize(("name", "data"), SEEDS)
def test_seed(name: str, data: bytes) -> None:
    """What once was found, and what is shipped, gives no other error than one for the administrator."""
    run(name, data)


@st.composite
def _mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Return a seed in which a few pieces are replaced, by pieces of others or by random bytes."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        other = draw(st.sampled_from(seeds))
        place = draw(st.integers(0, len(other)))
        piece = other[place : place + draw(st.integers(0, 40))]
        data = data[:start] + draw(st.just(piece) | st.binary(max_size=4)) + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_random_inputs(name: str) -> None:
    """Random inputs near the seeds give no other error than one for the administrator."""

    @settings(
        max_examples=examples(200),
        phases=[Phase.explicit, Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.binary(max_size=60) | _mutated(list(seeds_of(name).values())))
    def try_out(data: bytes) -> None:
        run(name, data)

    try_out()
