"""The commands by which the original controls services, where their packages are not installed: scripts of ours."""

from __future__ import annotations

import os
import shutil

from esmith.environment import PATH
from esmith.layout import Layout
from esmith.plan.host import Host

#: Where the scripts are installed that stand in for them; each calls the real program once there is one.
_SCRIPTS = "/usr/share/e-smith/control/plugins"
_COMMANDS = ("sv", "svc", "svstat")
_PLACE = "/usr/local/bin"


def link_control_commands(layout: Layout, host: Host, *, by_systemd: bool) -> None:
    """Have ``sv``, ``svc`` and ``svstat`` on the PATH of the machine; in a folder nothing is done.

    :param by_systemd: whether systemd starts the services: then the real programs find none of them.
    :raises InstallError: when a link cannot be made.
    """
    if not layout.is_machine:
        return
    for name in _COMMANDS:
        link = f"{_PLACE}/{name}"
        is_needed = by_systemd or shutil.which(name, path=PATH) is None
        if is_needed and not os.path.lexists(link) and os.path.exists(f"{_SCRIPTS}/{name}"):
            host.install(host.stage_link(link, os.fsencode(f"{_SCRIPTS}/{name}"), None))
            host.sync({_PLACE})


def unlink_control_commands(layout: Layout, host: Host) -> None:
    """Remove what :func:`link_control_commands` made.

    :raises InstallError: when a link cannot be removed.
    """
    if not layout.is_machine:
        return
    for name in _COMMANDS:
        link = f"{_PLACE}/{name}"
        if os.path.islink(link) and os.readlink(link) == f"{_SCRIPTS}/{name}":
            host.remove(link)
            host.sync({_PLACE})
