"""Units of Debian's packages that want the ports or files of a service: ``[replaces]`` of its ``service.toml``.

A unit counts when it would be started: a link of systemd enables it (systemctl(1), ``enable``), or a link in
``/etc/rcN.d`` does so for its script in ``/etc/init.d`` (update-rc.d(8)); or when systemd says that it is up.
"""

from __future__ import annotations

import os

from esmith.fields import dataclass
from esmith.services.units import UNITS, active_units, own_units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.layout import Layout
    from esmith.services.service import Service

#: Where packages and their generators put units.
PACKAGED = ("/etc/systemd/system", "/run/systemd/generator.late", "/usr/lib/systemd/system", "/lib/systemd/system")
#: What stops them, and keeps them from starting.
TAKE_OVER = "esmith init --take-over"
#: What the link of a masked unit holds (systemctl(1), "mask").
MASK = "/dev/null"


@dataclass(frozen=True)
class Rival:
    """A unit that wants what one of our services has.

    :param unit: its name, as ``exim4.service``.
    :param service: our service.
    :param enabled: whether it is started at boot.
    :param active: whether it is up now.
    """

    unit: str
    service: str
    enabled: bool
    active: bool

    def __str__(self) -> str:
        state = " and ".join(["is up"] * self.active + ["is started at boot"] * self.enabled)
        return f"{self.unit} {state}, and wants the ports or files of {self.service}"


def find_rivals(layout: Layout, services: list[Service]) -> list[Rival]:
    """Return the units that are up or will be, and want what the services have that are started by us.

    :param services: those that are to run; one without a run script of ours may be Debian's own, and has no rival.
    """
    replaced = {
        unit: service.name
        for service in services
        if os.path.exists(layout.under(f"/var/service/{service.name}/run"))
        for unit in service.replaces
    }
    wanted = {unit: replaced[unit] for unit in startable(layout, replaced)}
    active = set(active_units(layout, list(wanted)))
    found = [Rival(unit, name, bool(enabling(layout, unit)), unit in active) for unit, name in wanted.items()]
    return [rival for rival in found if rival.enabled or rival.active]


def startable(layout: Layout, units: Iterable[str]) -> list[str]:
    """Return which units can be started and are not ours: a package brings them, and they are not masked."""
    ours = own_units(layout)
    return [unit for unit in units if unit not in ours and not is_masked(layout, unit) and is_installed(layout, unit)]


def is_installed(layout: Layout, unit: str) -> bool:
    """Return whether a package brings a unit, or a script in ``/etc/init.d`` of which systemd makes one."""
    name, _, kind = unit.rpartition(".")
    template = f"{name.partition('@')[0]}@.{kind}" if "@" in name else unit
    files = [f"{directory}/{template}" for directory in PACKAGED]
    return any(os.path.exists(layout.under(file)) for file in files) or script_of(layout, unit) is not None


def script_of(layout: Layout, unit: str) -> str | None:
    """Return the script in ``/etc/init.d`` that a unit stands for, None when there is none."""
    name, _, kind = unit.rpartition(".")
    script = layout.under(f"/etc/init.d/{name}")
    return script if kind == "service" and os.path.isfile(script) else None


def is_masked(layout: Layout, unit: str) -> bool:
    """Return whether a unit cannot be started: a link to ``/dev/null`` is in its place."""
    try:
        return os.readlink(layout.under(f"{UNITS}/{unit}")) == MASK
    except OSError:
        return False


def enabling(layout: Layout, unit: str) -> list[str]:
    """Return the links that have a unit started, as paths of the configured system.

    A script in ``/etc/init.d`` counts only where there is no unit of that name; systemd looks at no other then.
    """
    links = layout.matching(f"{UNITS}/*.wants/{unit}") + layout.matching(f"{UNITS}/*.requires/{unit}")
    name, _, kind = unit.rpartition(".")
    has_unit = any(os.path.exists(layout.under(f"{directory}/{unit}")) for directory in PACKAGED[2:])
    if kind == "service" and not has_unit:
        links += layout.matching(f"/etc/rc[2-5].d/S[0-9][0-9]{name}")
    return links
