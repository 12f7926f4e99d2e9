"""Plays the trials of commands, each part in a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests import fork_server, forks
from tests.commands import Root
from tests.crash.attack import Attack
from tests.crash.judge import Ring
from tests.crash.plan import FEW, LONG, QUICK, trials
from tests.crash.report import Table
from tests.crash.scenarios import RECOVER, SAME, Scenario, make_office
from tests.documents import HOME
from tests.memory import memory
from tests.offices import make_fresh, make_small_office


@dataclass(frozen=True)
class Part:
    """Some of the trials of one command.

    :param scenario: the command.
    :param number: which part, from 0.
    :param parts: how many there are.
    :param quick: whether a sample is enough.
    :param seed: what random choices depend on.
    """

    scenario: Scenario
    number: int
    parts: int
    quick: bool
    seed: int


class Workshop:
    """The folder in which all happens, with a model of each root. A context manager, which removes it.

    :param scenarios: the commands.
    """

    def __init__(self, scenarios: list[Scenario]) -> None:
        self.scenarios = scenarios
        self._folder = Path(tempfile.mkdtemp(prefix="esmith-crash-", dir=memory()))
        self._memory = self._folder / "memory"
        self._models: dict[str, Path] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self.__exit__)
            self._make()
            stack.pop_all()
        return self

    def _make(self) -> None:
        self._memory.mkdir()
        forks.memory = str(self._memory)
        self._learn = fork_server.import_everything([str(HOME), sysconfig.get_path("purelib")], forks.memory)
        fresh = make_fresh(self._folder / "init")
        office = make_office(self._folder, make_small_office(self._folder / "small", fresh))
        for scenario in self.scenarios:
            self._models[scenario.name] = scenario.prepare(self._folder, office)
        shutil.copytree(Root(fresh).file("/sbin/e-smith"), self._folder / "scripts")

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def ring(self, scenario: Scenario) -> Ring:
        """Return the root in which a command is attacked."""
        folder = self._folder / f"ring-{scenario.name}-{os.getpid()}"
        return Ring(scenario, self._models[scenario.name], folder, self._folder / "scripts", self._learn)

    def play(self, part: Part) -> Table:
        """Play a part, and return what came of it."""
        scenario = part.scenario
        began = time.monotonic()
        ring = self.ring(scenario)
        try:
            amounts = FEW if part.quick and scenario.has_few else (QUICK if part.quick else LONG)[scenario.is_quick]
            recovery, seconds = _measure(ring, scenario, timed=bool(amounts.timed))
            chosen = trials(scenario, ring.clean, recovery, seconds, amounts, part.seed)
            table = Table(scenario.name, calls=len(ring.clean.sites), sites=len(set(ring.clean.sites)))
            for trial in chosen[part.number :: part.parts]:
                table.count(ring.judge(trial))
        finally:
            ring.close()
        table.seconds = time.monotonic() - began
        return table


def _measure(ring: Ring, scenario: Scenario, *, timed: bool) -> tuple[int, float]:
    """Return how many calls recovering has after a kill in the last third, and how long the command takes.

    :param timed: whether anybody asks how long; 0.0 otherwise.
    """
    seconds = 0.0
    if timed:
        ring.restore()
        started = time.monotonic()
        ring.run(SAME, traced=True)
        seconds = time.monotonic() - started
    ring.restore()
    ring.run(SAME, Attack(len(ring.clean.sites) * 2 // 3), traced=True)
    following = RECOVER if RECOVER in scenario.next else scenario.next[0]
    return len(ring.run(following, traced=True).sites), seconds
