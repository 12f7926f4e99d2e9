"""Whether faults that would stop only a part stop everything (docs/events.md#a-fault-of-a-contrib)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.errors import EsmithError
    from esmith.store.protocol import Snapshot

#: Why a fault stops everything that would stop only a part.
STRICT = "Strict of esmith is enabled, so it stops everything"


def is_strict(snapshot: Snapshot) -> bool:
    """Return whether each fault is to stop everything."""
    return snapshot.prop("configuration", "esmith", "Strict") == "enabled"


def require_lenient(fault: EsmithError, *, strict: bool) -> None:
    """Let a fault that would stop only a part pass, unless each is to stop everything.

    :raises EsmithError: the fault, with why it stops everything.
    """
    if strict:
        fault.add(STRICT)
        raise fault
