"""Which supervisor has a service."""

from __future__ import annotations

import os

from esmith.errors import UsageError
from esmith.layout import LAYERS
from esmith.services.units import SYSTEMD_RUNS, own_units

__all__ = [
    "DECIDING",
    "FOLDERS",
    "SYSTEMD_RUNS",
    "find_stand_in",
    "find_supervisor",
    "is_of_stand_in",
    "service_faults",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.errors import UntrustedError
    from esmith.layout import Layout
    from esmith.services.directory import ServiceDirectory
    from esmith.services.model import Supervisor
    from esmith.services.supervised import DirectorySupervisor

#: The folders of service directories: SME Server's two, and the one Debian's runit and daemontools scan.
FOLDERS = ("/service", "/var/service", "/etc/service")
#: What a supervisor runs, or is controlled by, in a service directory (runsv(8), supervise(8), sv(8)).
DECIDING = ("run", "finish", "check", "down", "log/run", "log/finish", "supervise/status")


def find_supervisor(layout: Layout, service: str) -> Supervisor | None:
    """Return the supervisor of a service.

    A supervisor that runs is taken first: runsv or supervise in one of :data:`FOLDERS`, then systemd if the root is
    the machine itself and there is such a unit.

    :param layout: the root.
    :param service: name of the service.
    :return: None when nothing knows the service. When there is a service directory but nothing supervises it now, a
        supervisor whose every status is UNSUPERVISED and whose every control raises UnsupervisedError.
    :raises UsageError: when that cannot be the name of a service.
    :raises ServiceError: when a supervisor may not be looked at, systemd cannot be asked, or a file that defines the
        service is broken.
    :raises UntrustedError: when a service directory of that name is not in the hands of its owners alone.
    """
    from esmith.services.definition import Services
    from esmith.services.directory import ServiceDirectory
    from esmith.services.model import is_service_name
    from esmith.services.supervised import NoSupervisor

    if not is_service_name(service):
        raise UsageError(
            f"{service!r} cannot be the name of a service", hint="it consists of letters, digits and _ . : @ -"
        )
    idle: Supervisor | None = None
    for fault in service_faults(layout, service):
        raise fault
    for folder in map(layout.under, FOLDERS):
        directory = ServiceDirectory(os.path.join(folder, service))
        if is_of_stand_in(layout, directory.path, service):
            continue
        if directory.is_supervised():
            ending = Services(layout).of(service).ending
            kind = _kind_of(directory)
            return kind(folder, timeout=ending.wait, until=ending.until)
        if idle is None and directory.exists:
            idle = NoSupervisor(folder)
    if layout.is_machine and os.path.isdir(SYSTEMD_RUNS):
        from esmith.services.systemd import SystemdSupervisor

        definition = Services(layout).of(service)
        systemd = SystemdSupervisor(
            unit=definition.unit,
            verbs=definition.verbs,
            is_ours=f"{definition.unit}.service" in own_units(layout),
            ending=definition.ending,
        )
        source = systemd.source(service)
        if source is not None and not _is_generated(layout, source):
            return systemd
    return idle


def _kind_of(directory: ServiceDirectory) -> type[DirectorySupervisor]:
    """Return the kind of what supervises a service directory."""
    if directory.is_runit:
        from esmith.services.runit import RunitSupervisor

        return RunitSupervisor
    from esmith.services.daemontools import DaemontoolsSupervisor

    return DaemontoolsSupervisor


def find_stand_in(layout: Layout, service: str) -> str:
    """Return the service that commands reach under the name of one that no supervisor knows, "" for none.

    :raises ServiceError: when a file that defines a service is broken.
    """
    from esmith.services.definition import Services

    services = Services(layout)
    return next((name for name in services.names() if services.of(name).stands_in_for == service), "")


def is_of_stand_in(layout: Layout, directory: str, service: str) -> bool:
    """Return whether what has the name of a service is a link to the directory of the one that stands in for it.

    What an event does to the service must not be done to that one.

    :param directory: a path of this disk.
    :raises ServiceError: when a file that defines a service is broken.
    """
    from esmith.services.definition import Services

    if not os.path.islink(directory):
        return False
    other = os.path.basename(os.path.realpath(directory))
    return other != service and Services(layout).of(other).stands_in_for == service


def _is_generated(layout: Layout, script: str) -> bool:
    """Return whether a script in ``/etc/init.d`` is generated: it only hands its word on to a supervisor."""
    return bool(script) and any(os.path.exists(layout.layer(name) + script) for name in LAYERS)


def service_faults(layout: Layout, service: str) -> Iterator[UntrustedError]:
    """Yield what is not in the hands of its owners alone of what decides what is run for a service."""
    for folder in map(layout.under, FOLDERS):
        directory = os.path.join(folder, service)
        yield from layout.trust.faults(directory)
        if os.path.isdir(directory):
            for name in DECIDING:
                yield from layout.trust.faults(os.path.join(directory, name))
            yield from layout.trust.tree_faults(os.path.join(directory, "control"))
