"""Whether faults that would stop only a part stop everything (docs/events.md#a-fault-of-a-contrib)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot

#: Why a fault stops everything that would stop only a part.
STRICT = "Strict of esmith is enabled, so it stops everything"


def is_strict(snapshot: Snapshot) -> bool:
    """Return whether each fault is to stop everything."""
    return snapshot.prop("configuration", "esmith", "Strict") == "enabled"
