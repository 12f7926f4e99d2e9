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


def link_control_commands(layout: Layout, host: Host) -> None:
    """Have ``sv``, ``svc`` and ``svstat`` on the PATH of the machine; in a folder nothing is done.

    :raises InstallError: when a link cannot be made.
    """
    if not layout.is_machine:
        return
    for name in _COMMANDS:
        if shutil.which(name, path=PATH) is None and os.path.exists(f"{_SCRIPTS}/{name}"):
            host.install(host.stage_link(f"{_PLACE}/{name}", os.fsencode(f"{_SCRIPTS}/{name}"), None))
            host.sync({_PLACE})
