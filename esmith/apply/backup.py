"""Backup copies: of a file that somebody else wrote, before it is replaced."""

from __future__ import annotations

import os
import time

from esmith.expressions import expression

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.plan.host import Host

_TIME_ALONE = expression(r"\d{8}-\d{6}")
_TIME = expression(r"\d{8}-\d{6}(\.\d+)?")
#: How many copies are kept of a file that a user may replace as often as he likes.
_MOST_OF_A_USER = 3


def back_up(layout: Layout, host: Host, target: str, *, is_a_users: bool = False) -> str:
    """Copy a file to ``/var/lib/e-smith/kept``, under its own path and the time.

    Not beside the file: daemons read whole directories.

    :param target: the file, as a path of this disk.
    :param is_a_users: whether it is in a directory of a user: only the last copies are kept then.
    :return: the copy's path in the configured system.
    :raises InstallError: when it cannot be copied; the file must not be replaced then.
    """
    begin = os.path.join(layout.state, "kept", layout.inside(target).lstrip("/")) + "."
    stamp = time.strftime("%Y%m%d-%H%M%S")
    copies = _copies(begin)
    last, number = _order(copies[-1]) if copies else ("", 0)
    # The clock may have been set back.
    copy = f"{begin}{last}.{number + 1}" if last >= stamp else f"{begin}{stamp}"
    host.keep(target, copy)
    if is_a_users:
        for old in [*copies, copy][:-_MOST_OF_A_USER]:
            host.remove(old)
    return layout.inside(copy)


def first_copy(layout: Layout, path: str) -> str:
    """Return the oldest backup copy of a file, as a path of this disk; "" when there is none.

    :param path: the file, as a path of the configured system.
    """
    copies = _copies(os.path.join(layout.state, "kept", path.lstrip("/")) + ".")
    return copies[0] if copies else ""


def _copies(begin: str) -> list[str]:
    """Return the copies of a file, the oldest first.

    :param begin: what their paths begin with, before the time.
    """
    directory, name = os.path.split(begin)
    if not os.path.isdir(directory):
        return []
    names = (
        entry for entry in os.listdir(directory) if entry.startswith(name) and _TIME.fullmatch(entry.removeprefix(name))
    )
    return [os.path.join(directory, entry) for entry in sorted(names, key=_order)]


def _order(copy: str) -> tuple[str, int]:
    """Return the time in the name of a copy, and which copy of that second it is, from 1."""
    stamp, _, number = copy.rpartition(".")
    if _TIME_ALONE.fullmatch(number):
        return number, 1
    return stamp.rpartition(".")[2], int(number)
