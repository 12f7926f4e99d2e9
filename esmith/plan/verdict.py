"""The verdict of a check about a file."""

from __future__ import annotations

from esmith.enums import Enum
from esmith.fields import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(Enum):
    """How a check ended."""

    PASSED = "ok"
    REFUSED = "refused"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Verdict:
    """The verdict of a check about one file.

    :param path: the file, as the configured system knows it.
    :param outcome: how the check ended.
    :param by: the program that looked at it, or the name of the check that needs no program.
    :param reason: who refuses it, or why it was not checked; "" when it passed.
    :param lines: what is wrong, and which fragments the lines come from.
    :param is_a_rules: whether a rule of our own looked at it, and no program.
    """

    path: str
    outcome: Outcome
    by: str
    reason: str = ""
    lines: tuple[str, ...] = ()
    is_a_rules: bool = False


def unchecked(verdicts: Iterable[Verdict]) -> list[str]:
    """Return what was not checked as messages, one for each reason."""
    found: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.outcome is Outcome.UNCHECKED:
            found.setdefault(verdict.reason, []).append(verdict.path)
    return [
        f"{', '.join(paths)} {'was' if len(paths) == 1 else 'were'} not checked: {reason}"
        for reason, paths in found.items()
    ]
