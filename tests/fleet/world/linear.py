"""Whether a small history of one register can be put into one order: the search of Wing and Gong.

J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects", 1993: take any operation that began before all
others had ended, see whether its answer fits, and go on with the rest; remembered is what was tried already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.fleet.world.history import Outcome


@dataclass(frozen=True)
class Access:
    """What one writer or reader did with the register.

    :param read: the value that it saw; ``...`` for one that did not look.
    :param written: the value that it left; ``...`` for one that only looked.
    """

    invoked: float
    ended: float
    outcome: Outcome
    read: object = ...
    written: object = ...


def is_linearizable(accesses: Sequence[Access], first: object = None) -> bool:
    """Return whether there is an order that fits the moments and all answers.

    One whose outcome nobody knows may have happened at any moment since it began, or never.

    :param first: the value at the start.
    """
    known = [access for access in accesses if access.outcome != "fail"]
    needed = sum(1 << number for number, access in enumerate(known) if access.outcome == "ok")
    tried: set[tuple[int, object]] = set()
    # A list, not calls in calls: 1,000 operations in a row are as deep as that.
    open_ways = [(0, first)]
    while open_ways:
        done, value = open_ways.pop()
        if done & needed == needed:
            return True
        if (done, value) in tried:
            continue
        tried.add((done, value))
        left = [number for number in range(len(known)) if not done >> number & 1]
        earliest = min(known[number].ended for number in left if known[number].outcome == "ok")
        for number in reversed(left):
            access = known[number]
            if access.invoked <= earliest and access.read in (..., value):
                after = value if access.written is ... else access.written
                open_ways.append((done | 1 << number, after))
    return False
