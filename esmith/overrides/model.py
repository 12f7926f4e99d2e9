"""An override: one file of a custom layer."""

from __future__ import annotations

from dataclasses import dataclass

from esmith.setup.bases import Base

#: What an override does, and the first three of the states.
REPLACES, ADDS, MASKS = "replaces", "adds", "masks"
#: The states that ask for a look: the shipped text is another one by now; it changes nothing; nothing reads it; it is
#: no override but a shipped file that was edited in its place.
OUTDATED, NEEDLESS, DEAD, EDITED = "outdated", "needless", "dead", "edited"
STATES = (REPLACES, ADDS, MASKS, OUTDATED, NEEDLESS, DEAD, EDITED)


@dataclass(frozen=True)
class Override:
    """One file of a custom layer.

    :param name: its path below ``/etc/e-smith``.
    :param path: its path in the configured system.
    :param does: ``replaces``, ``adds`` or ``masks``; of one that is dead what it would do.
    :param state: the same, unless it is ``outdated``, ``needless``, ``dead`` or ``edited``.
    :param reason: why it is one of these; "" for the others.
    :param added: how many lines it has that the shipped text has not.
    :param removed: how many lines the shipped text has that it has not.
    :param text: what it holds.
    :param shipped: the shipped text at its place; None where nothing is shipped there.
    :param base: the shipped text it was made from.
    :param shipped_path: the shipped file or directory in the configured system; "" where there is none.
    :param is_copy: it looks like a copy of another one, and counts.
    """

    name: str
    path: str
    does: str
    state: str
    reason: str
    added: int
    removed: int
    text: bytes
    shipped: bytes | None
    base: Base
    shipped_path: str = ""
    is_copy: bool = False
