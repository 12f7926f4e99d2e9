"""Whether a service of ours starts with its supervisor: that follows its ``status``, as soon as an event applies it."""

from __future__ import annotations

import os

from esmith.services.units import UNITS, own_units
from esmith.shipped import digests_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.services.service import Service

#: The list of the scripts of service directories that ``esmith init`` wrote, below the state of a root.
WRITTEN = "service-directories"
_DIRECTORIES = "/var/service"


def boot_action(layout: Layout, service: Service, supervisor: str, *, enabled: bool) -> str:
    """Return the service action that has a service start at boot as its status says; "" where it does so already.

    Also "" for a service that others may have start as they want: it is not ours, or does not follow its status.

    :param supervisor: the name of its supervisor.
    :param enabled: whether it is to be up.
    """
    if service.start != "status":
        return ""
    unit = f"{service.unit}.service"
    if supervisor == "systemd":
        is_ours = unit in own_units(layout)
        starts = bool(layout.matching(f"{UNITS}/*.wants/{unit}"))
    else:
        is_ours = f"{service.name}/run" in _own_scripts(layout)
        starts = not os.path.exists(layout.under(f"{_DIRECTORIES}/{service.name}/down"))
    if not is_ours or starts == enabled:
        return ""
    return "enable" if enabled else "disable"


def _own_scripts(layout: Layout) -> frozenset[str]:
    try:
        with open(os.path.join(layout.state, WRITTEN), "rb") as file:
            return frozenset(digests_in(file.read()))
    except OSError:
        return frozenset()
