"""The long forms: 20,000 operations under kills, pauses and partitions, and 2,000 kills of agents.

``make fleet-long`` plays them and prints figures. How many: ESMITH_FLEET_OPERATIONS and ESMITH_FLEET_KILLS.
"""

from __future__ import annotations

import functools
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.fleet.agent.points import POINTS
from tests.fleet.cluster import Cluster
from tests.fleet.world.fleet import Fleet
from tests.fleet.world.happenings import Storm
from tests.fleet.world.office import Nursery
from tests.fleet.world.test_killed import ELSEWHERE, SETTLING, kill_at_random

pytestmark = pytest.mark.program("etcd")

OPERATIONS = int(os.environ.get("ESMITH_FLEET_OPERATIONS", "20000"))
KILLS = int(os.environ.get("ESMITH_FLEET_KILLS", "2000"))
#: The history is judged after so many operations, and goes on.
_PART = 2000
#: What an agent comes to while hosts work and nothing else happens.
_POINTS = [point for point in POINTS if point not in {*ELSEWHERE, *SETTLING}]


def storm(fleet: Fleet, operations: int, seed: int) -> Counter[str]:
    """Have all hosts work under kills, pauses and partitions, judge the history, and return the figures.

    :param operations: how many.
    """
    weather = Storm(fleet.cluster, list(fleet.hosts.values()), seed)
    with fleet.eye:
        played = fleet.played(seed)
        played.run(operations, weather.happenings(operations, every=20))
        weather.heal()
        fleet.judge()
    figures = Counter[str](operation.outcome for operation in fleet.history.operations)
    figures["samples"] = len(fleet.history.samples)
    figures["revisions"] = len(fleet.history.rows)
    return figures + Counter(weather.counts)


def test_storm(fleet: Fleet) -> None:
    """1,000 operations under kills, pauses and partitions: none is lost or done twice, hosts have whole revisions."""
    figures = storm(fleet, 1000, seed=18)
    assert figures["ok"] > 400, figures


@pytest.mark.long
def test_storm_long(cluster: Cluster, tmp_path: Path, nursery: Nursery) -> None:
    """Under kills, pauses and partitions no change is lost or doubled, and every host has whole revisions."""
    total, began = Counter[str](), time.monotonic()
    for number in range(0, OPERATIONS, _PART):
        with Fleet(cluster, tmp_path / str(number), nursery) as fleet:
            total += storm(fleet, min(_PART, OPERATIONS - number), seed=number)
        _print_figures("operations", number + _PART, total, began)
    assert total["ok"] > total.total() // 10


@pytest.mark.long
def test_kills_long(cluster: Cluster, tmp_path: Path, nursery: Nursery) -> None:
    """Agents that are killed at random moments, and at each of their writes, lose nothing and do nothing twice."""
    total, began = Counter[str](), time.monotonic()
    part = 100
    for number in range(0, KILLS, part):
        chance = random.Random(number)
        with Fleet(cluster, tmp_path / str(number), nursery) as fleet, fleet.eye:
            total["operations"] += kill_at_random(fleet, part // 2, seed=number)
            total["operations"] += _kill_at_points(fleet, part // 2, chance)
            fleet.judge()
            total += Counter(operation.outcome for operation in fleet.history.operations)
        total["kills"] += part
        _print_figures("kills", number + part, total, began)


def _kill_at_points(fleet: Fleet, count: int, chance: random.Random) -> int:
    """Have all hosts work while agents end themselves at one of their writes; return how many operations ended."""
    hosts = list(fleet.hosts.values())
    played = fleet.played(chance.randrange(2**30))
    happenings: list[tuple[int, Callable[[], None]]] = []
    for number in range(count):
        host, point, times = chance.choice(hosts), chance.choice(_POINTS), chance.randrange(1, 4)
        happenings.append((4 * number + 1, functools.partial(host.agent_to_die, point, times)))
        happenings.append((4 * number + 4, host.revive))
    played.run(4 * count + 6, happenings)
    return played.done


def _print_figures(what: str, count: int, total: Counter[str], began: float) -> None:
    figures = ", ".join(f"{name} {number}" for name, number in sorted(total.items()))
    print(f"{count} {what} in {time.monotonic() - began:.0f} s: {figures}", flush=True)
