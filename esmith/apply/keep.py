"""Keeping a file aside that somebody else wrote, before it is replaced."""

from __future__ import annotations

import os
import time

from esmith.apply.host import Host
from esmith.layout import Layout


def keep_aside(layout: Layout, host: Host, target: str) -> str:
    """Copy a file to ``/var/lib/e-smith/kept``, under its own path and the time.

    Not beside the file: daemons read whole directories.

    :param target: the file, as a path of this disk.
    :return: the copy's path in the configured system.
    :raises InstallError: when it cannot be copied; the file must not be replaced then.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    base = os.path.join(layout.state, "kept", layout.inside(target).lstrip("/")) + f".{stamp}"
    copy, number = base, 1
    while os.path.lexists(copy):
        number += 1
        copy = f"{base}.{number}"
    host.keep(target, copy)
    return layout.inside(copy)
