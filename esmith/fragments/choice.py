"""Which engine runs a fragment: what :mod:`esmith.fragments.engine` chose, without what it takes to choose."""

from __future__ import annotations

from esmith.fields import dataclass


@dataclass(frozen=True)
class Choice:
    """Which engine runs a fragment, and why.

    :param engine: ``text``, ``jinja2`` or ``perl``; "" when the text does not show it.
    :param reason: for people, e.g. ``has {{``.
    :param line: the line of the fragment that decided, from 1; 0 when none did.
    :param either: with an empty engine, what it may be.
    """

    engine: str
    reason: str
    line: int = 0
    either: str = "Perl or Jinja2"
