"""Which supervisor has a service."""

from __future__ import annotations

import os
import re

from esmith.errors import UsageError
from esmith.services.daemontools import DaemontoolsSupervisor
from esmith.services.directory import ServiceDirectory
from esmith.services.runit import RunitSupervisor
from esmith.services.supervised import NoSupervisor
from esmith.services.systemd import SystemdSupervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.services.model import Supervisor

#: The folders of service directories: SME Server's two, and the one Debian's runit and daemontools scan.
FOLDERS = ("/service", "/var/service", "/etc/service")
#: Exists exactly when systemd is the running init (sd_booted(3)).
SYSTEMD_RUNS = "/run/systemd/system"
#: No path, no option, no pattern of systemctl.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@\\-]*")


def find_supervisor(layout: Layout, service: str) -> Supervisor | None:
    """Return the supervisor of a service.

    A supervisor that runs is taken first: runsv or supervise in one of :data:`FOLDERS`, then systemd if the root is
    the machine itself and there is such a unit.

    :param layout: the root.
    :param service: name of the service.
    :return: None when nothing knows the service. When there is a service directory but nothing supervises it now, a
        supervisor whose every status is UNSUPERVISED and whose every control raises UnsupervisedError.
    :raises UsageError: when that cannot be the name of a service.
    :raises ServiceError: when a supervisor may not be looked at, or systemd cannot be asked.
    """
    if not _NAME.fullmatch(service):
        raise UsageError(
            f"{service!r} cannot be the name of a service", hint="it consists of letters, digits and _ . : @ -"
        )
    idle: Supervisor | None = None
    for folder in map(layout.under, FOLDERS):
        directory = ServiceDirectory(os.path.join(folder, service))
        if directory.is_supervised():
            return RunitSupervisor(folder) if directory.is_runit else DaemontoolsSupervisor(folder)
        if idle is None and directory.exists:
            idle = NoSupervisor(folder)
    if layout.is_machine and os.path.isdir(SYSTEMD_RUNS):
        systemd = SystemdSupervisor()
        if systemd.has_unit(service):
            return systemd
    return idle
