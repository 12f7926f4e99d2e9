"""Which trials there are of a command: each call site first, then random ones; the same in each run with one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TypeVar

from tests.crash.attack import ERRORS, SIGNALS, Attack, Run
from tests.crash.judge import Trial
from tests.crash.scenarios import RECOVER, Scenario

_T = TypeVar("_T")


@dataclass(frozen=True)
class Amounts:
    """How many trials of each kind a command gets.

    :param sites: kills at the first call of a site; None for all sites.
    :param kills: kills at random calls, of the process or of its group; no call twice before each had one.
    :param timed: kills of the group after a random time.
    :param again: kills at a random call, with a second one in the recovery.
    :param signals: signals at a random call.
    :param faults: errors at the first call of a site; None for each error at each site.
    :param lasting: errors that last from a random call on.
    """

    sites: int | None
    kills: int
    timed: int
    again: int
    signals: int
    faults: int | None
    lasting: int


#: Of a command that is short, and of one that is not. A short one has some 14 calls, so each of them is killed.
QUICK = {True: Amounts(None, 6, 0, 2, 2, 9, 3), False: Amounts(14, 4, 0, 2, 1, 7, 3)}
#: Of a command whose steps others share.
FEW = Amounts(8, 4, 0, 1, 1, 5, 2)
LONG = {True: Amounts(None, 1500, 200, 150, 60, None, 150), False: Amounts(None, 700, 200, 200, 60, None, 150)}
#: An error at one call, and the rest of the disk is well again, is what a test finds most with. These last, too.
_LASTING = ("ENOSPC", "EIO", "EROFS", "EDQUOT")


def trials(scenario: Scenario, clean: Run, recovery: int, seconds: float, amounts: Amounts, seed: int) -> list[Trial]:
    """Return the trials of a command.

    :param clean: its run without an attack.
    :param recovery: how many calls ``esmith recover`` has after it was killed.
    :param seconds: how long it takes.
    """
    chance = random.Random(f"{scenario.name} {seed}")
    total = len(clean.sites)
    firsts = [clean.sites.index(site) + 1 for site in dict.fromkeys(clean.sites)]
    attacks = [Attack(at) for at in _some(chance, firsts, amounts.sites)]
    killed = [attack.at for attack in attacks]
    attacks += [Attack(at, whole_group=chance.random() < 0.5) for at in _others(chance, total, killed, amounts.kills)]
    attacks += [Attack(after=chance.uniform(0.0, seconds)) for _ in range(amounts.timed)]
    attacks += [Attack(chance.randint(1, total), signal=chance.choice(SIGNALS)) for _ in range(amounts.signals)]
    faults = [Attack(at, error) for at in firsts for error in ERRORS]
    attacks += _some(chance, faults, amounts.faults)
    attacks += [Attack(chance.randint(1, total), chance.choice(_LASTING), lasting=True) for _ in range(amounts.lasting)]
    found = [Trial(attack, scenario.next[number % len(scenario.next)]) for number, attack in enumerate(attacks)]
    again = RECOVER if RECOVER in scenario.next else scenario.next[0]
    for _ in range(amounts.again):
        second = Attack(chance.randint(1, max(recovery, 1)), whole_group=chance.random() < 0.5)
        found.append(Trial(Attack(chance.randint(1, total)), again, second))
    return found


def _some(chance: random.Random, of: list[_T], number: int | None) -> list[_T]:
    return of if number is None or number >= len(of) else sorted(chance.sample(of, number), key=of.index)


def _others(chance: random.Random, total: int, taken: list[int], number: int) -> list[int]:
    """Return random calls: first of those that are not taken, then of all."""
    free = sorted(set(range(1, total + 1)) - set(taken))
    chosen = chance.sample(free, min(number, len(free)))
    return chosen + [chance.randint(1, total) for _ in range(number - len(chosen))]
