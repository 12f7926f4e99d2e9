"""How many examples a random test draws."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

#: Set by ``.ci/run`` where the same tests draw all of their examples in another step.
FEWER = os.environ.get("ESMITH_FEWER_EXAMPLES") == "1"
#: What hypothesis draws where a test does not say how many.
_USUAL = 100
#: A test that has more cases than these plays one of five where fewer are enough.
_MOST_CASES = 10
_ONE_OF = 5


def examples(number: int = _USUAL) -> int:
    """Return how many examples a test draws that has a number of them: a tenth where fewer are enough."""
    return max(1, number // 10) if FEWER else number


def left_out(names: Iterable[str]) -> set[str]:
    """Return which cases of tests are left out where fewer are enough.

    :param names: the tests, as pytest names them: a case is in brackets.
    """
    cases: dict[str, list[str]] = defaultdict(list)
    for name in names:
        cases[name.partition("[")[0]].append(name)
    return {
        case
        for all_cases in cases.values()
        if len(all_cases) > _MOST_CASES
        for number, case in enumerate(all_cases)
        if number % _ONE_OF
    }
