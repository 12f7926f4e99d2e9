"""Named moments at which a test ends the process or lets something fail; nobody else ever notices them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Before and after each write of the agent, in the order of a change's way.
POINTS = (
    *("before outbox", "outbox prepared", "outbox written", "after outbox"),
    *("after blobs", "before txn", "after txn", "before answer"),
    *("before apply", "before commit", "after apply", "before removal", "after removal"),
    *("before settling", "after settling", "before status", "after status"),
    *("signal noted", "signal ran", "signal answered"),
)

_hook: Callable[[str], None] | None = None


def set_hook(hook: Callable[[str], None] | None) -> None:
    """Have a function called at each point, with its name; None for no function."""
    global _hook
    _hook = hook


def reach(point: str) -> None:
    """Say that the process is at a point, one of :data:`POINTS`."""
    if _hook is not None:
        _hook(point)
