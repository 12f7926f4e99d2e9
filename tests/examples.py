"""How many examples a random test draws."""

from __future__ import annotations

import os

#: Set by ``.ci/run`` where the same tests draw all of their examples in another step.
FEWER = os.environ.get("ESMITH_FEWER_EXAMPLES") == "1"
#: What hypothesis draws where a test does not say how many.
_USUAL = 100


def examples(number: int = _USUAL) -> int:
    """Return how many examples a test draws that has a number of them: a tenth where fewer are enough."""
    return max(1, number // 10) if FEWER else number
