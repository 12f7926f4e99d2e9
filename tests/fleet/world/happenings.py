"""What happens to a fleet while its hosts work: kills, pauses and partitions, drawn at random, each undone again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from tests.fleet.cluster import Cluster
from tests.fleet.member import Member

Happening = tuple[int, Callable[[], None]]


class Disturbed(Protocol):
    """A host, as far as something can happen to it."""

    def kill_agent(self) -> None:
        """Kill the agent, which is started again at once."""

    def kill_hand(self) -> None:
        """Kill the command that runs."""


class Storm:
    """Happenings, one after the other.

    :param cluster: three members behind proxies.
    :param hosts: of the fleet.
    """

    def __init__(self, cluster: Cluster, hosts: Sequence[Disturbed], seed: int) -> None:
        self._cluster = cluster
        self._hosts = hosts
        self._chance = random.Random(seed)
        #: How often each happened, for the figures.
        self.counts: dict[str, int] = {}

    def happenings(self, count: int, every: int) -> list[Happening]:
        """Return what happens after each ``every`` operations, ``count`` operations long; at the end all is healed."""
        kinds = {
            "leader killed": lambda: self._leader().kill(),
            "leader paused": lambda: self._leader().pause(),
            "leader cut off": lambda: self._cluster.isolate([self._leader()]),
            "follower killed": lambda: self._follower().kill(),
            "follower cut off": lambda: self._cluster.isolate([self._follower()]),
            "clients cut off": lambda: self._chance.choice(self._cluster.members).link.cut(),
            "connections ended": lambda: self._chance.choice(self._cluster.members).link.drop(),
            "agent killed": lambda: self._chance.choice(self._hosts).kill_agent(),
            "command killed": lambda: self._chance.choice(self._hosts).kill_hand(),
        }
        plan: list[Happening] = []
        for moment in range(every, count, every):
            kind = self._chance.choice(list(kinds))
            self.counts[kind] = self.counts.get(kind, 0) + 1
            plan.append((moment, kinds[kind]))
            # Half as long all is well, so that the fleet gets on.
            plan.append((moment + every // 2, self.heal))
        return plan

    def heal(self) -> None:
        """Have everything as it was."""
        self._cluster.heal()
        self._cluster.start()

    def _leader(self) -> Member:
        return self._cluster.leader()

    def _follower(self) -> Member:
        return self._chance.choice(self._cluster.followers())
