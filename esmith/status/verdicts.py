"""The verdict of a check as data."""

from __future__ import annotations

from typing import Any

from esmith.plan.verdict import Verdict


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as it is shown in JSON."""
    return {
        "path": verdict.path,
        "verdict": verdict.outcome.value,
        "by": verdict.by,
        "reason": verdict.reason,
        "lines": list(verdict.lines),
    }
