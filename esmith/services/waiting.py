"""A service whose run script could not start its daemon, and waits a minute: ``unable`` of ``services/run``.

Its supervisor calls it up. No signal reaches a daemon then, it only ends the wait; a restart has the script look again.
"""

from __future__ import annotations

from esmith.processes import command_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.services.model import ServiceStatus

#: What ``unable`` becomes.
WAITING = ["sleep", "60"]


def is_waiting(status: ServiceStatus) -> bool:
    """Return whether a service is a run script that waits.

    :param status: what its supervisor says about it.
    """
    return status.pid is not None and command_of(status.pid) == WAITING
