"""What ``esmith init`` does about services: whose supervisor starts them, and what becomes of Debian's own units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from esmith.layout import Layout
from esmith.plan.host import DiskHost, Host
from esmith.services.find import find_supervisor
from esmith.services.holders import find_holders
from esmith.services.model import UnsupervisedError
from esmith.services.rivals import TAKE_OVER, find_rivals
from esmith.services.service import Service
from esmith.setup.control_commands import link_control_commands, unlink_control_commands
from esmith.setup.supervision import (
    SCANNING,
    install_boot_units,
    install_service_directories,
    install_service_units,
    is_started,
    wanted_services,
)
from esmith.setup.takeover import give_back, shadow, take_over
from esmith.setup.units import install_units

GIVE_BACK_NOTE = ["to give them back: esmith init --give-back"]


@dataclass(frozen=True)
class Arrangement:
    """What an administrator asked for.

    :param supervisor: one of :data:`esmith.setup.supervision.SUPERVISORS`, "" to leave that as it is.
    :param folder: the folder that it scans, as a path of the configured system; "" for systemd.
    :param take_over: whether Debian's own units are stopped and masked.
    :param give_back: whether ours are taken away, and Debian's are restored.
    """

    supervisor: str = ""
    folder: str = ""
    take_over: bool = False
    give_back: bool = False


def arrange_services(layout: Layout, asked: Arrangement, statuses: Mapping[str, str | None]) -> list[str]:
    """Carry out what was asked; without that only say which of Debian's units are in the way.

    :param statuses: the property ``status`` of each record of the configuration database.
    :return: notes for the administrator.
    :raises ServiceError: when a file that defines a service is broken, or a unit does not stop or start.
    :raises InstallError: when something cannot be written.
    """
    host = DiskHost(layout)
    try:
        if asked.give_back:
            return _give_back(layout, host)
        return _arrange(layout, host, asked, statuses)
    finally:
        host.close()


def _arrange(layout: Layout, host: Host, asked: Arrangement, statuses: Mapping[str, str | None]) -> list[str]:
    link_control_commands(layout, host, by_systemd=asked.supervisor == "systemd")
    services = wanted_services(layout)
    started = [service for service in services if is_started(service, statuses)]
    # Those whose names our own units have, whether they are started or not.
    own = {f"{service.unit}.service": service for service in services} if asked.supervisor == "systemd" else {}
    same = {unit: service for unit, service in own.items() if unit in service.replaces}
    replaced: dict[str, Service] = {}
    for service in started:
        for unit in service.replaces:
            replaced.setdefault(unit, service)
    notes: list[str] = []
    if asked.take_over:
        notes += take_over(layout, host, same | replaced, frozenset(same))
        notes += GIVE_BACK_NOTE if notes else []
    else:
        notes += shadow(layout, host, same)
    if asked.supervisor in SCANNING:
        notes += install_service_directories(layout, host, asked.supervisor, asked.folder, statuses)
        notes += install_boot_units(layout, host, asked.supervisor, asked.folder)
        if asked.take_over:
            # Units whose names ours had until now.
            take_over(layout, host, replaced, frozenset())
    elif asked.supervisor:
        notes += install_service_units(layout, host, statuses)
    # What no unit starts is not stopped: nobody knows what it does.
    holders = find_holders(layout, [(service, _process(layout, service)) for service in started])
    notes += [line for holder in holders for line in (str(holder), f"to end it: {holder.cure}")]
    if not asked.take_over:
        rivals = [str(rival) for rival in find_rivals(layout, started)]
        notes += [*rivals, f"to stop them, and keep them from starting: {TAKE_OVER}"] if rivals else []
    return notes


def _process(layout: Layout, service: Service) -> int | None:
    """Return the process of a service, None where it does not run or nothing supervises it."""
    supervisor = find_supervisor(layout, service.name)
    return supervisor.status(service.name).pid if supervisor else None


def _give_back(layout: Layout, host: Host) -> list[str]:
    """Stop our services, remove their units, and restore Debian's."""
    unlink_control_commands(layout, host)
    notes = install_units(layout, host, {}, set())
    for service in wanted_services(layout):
        notes += _stop(layout, service)
    return notes + give_back(layout, host)


def _stop(layout: Layout, service: Service) -> list[str]:
    """Stop a service that replaces one of Debian's, and keep it from starting with its supervisor."""
    if not service.replaces:
        return []
    supervisor = find_supervisor(layout, service.name)
    if supervisor is None or supervisor.name not in SCANNING:
        return []
    try:
        supervisor.control(service.name, "disable")
        supervisor.control(service.name, "stop")
    except UnsupervisedError:
        return []
    return [f"{service.name} is stopped, and not started with its supervisor"]
