"""Writing an override whole, and remembering what it was made from."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from esmith.errors import InstallError, UsageError
from esmith.events.recover import recovered
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.overrides.places import Places
from esmith.overrides.record import record_base
from esmith.plan.host import DiskHost
from esmith.setup.bases import Base
from esmith.setup.product_files import mode_of


def save(session: Session, name: str, text: bytes, base: Base, *, expected: bytes | None) -> None:
    """Write an override whole, and remember what it was made from.

    One that is there keeps its mode and its owner; a new one gets the mode of the shipped file of its name.

    :param session: the run; its store is opened for writing.
    :param name: its path below ``/etc/e-smith``.
    :param expected: what it held when it was read; None for no file.
    :raises UsageError: when it holds something else by now, or is a link to another file.
    :raises InstallError: when it cannot be written; it is as it was.
    :raises BusyError: when a running event does not end in time.
    """
    layout = session.layout
    with recovered(session, "esmith overrides"):
        require_plain(layout, name)
        places = Places(layout)
        path = places.disk_path(name)
        there = places.text_of(name) if os.path.lexists(path) else None
        if there != expected:
            raise UsageError(
                "was changed meanwhile", place=path, hint="nothing was written; look at it, and run it again"
            )
        host = DiskHost(layout)
        try:
            mode, owner = _mode_of_new(places, name, text), None
            if os.path.isfile(path) and not os.path.islink(path):
                status = os.stat(path)
                mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
            host.install(host.stage(path, text, mode, owner))
            host.sync({os.path.dirname(path)})
            record_base(layout, host, name, base)
        finally:
            host.close()


def _mode_of_new(places: Places, name: str, text: bytes) -> int:
    """Return the mode of an override that had no file: that of the shipped one, which only its owner may write."""
    shipped = places.shipped_path(name)
    if shipped and os.path.basename(shipped) == os.path.basename(name):
        with suppress(OSError):
            status = os.stat(places.disk_path(shipped))
            if stat.S_ISREG(status.st_mode):
                return stat.S_IMODE(status.st_mode) & 0o755
    return mode_of(text)


def accept(session: Session, name: str, base: Base) -> None:
    """Remember another base of an override, which stays as it is.

    :raises InstallError: when that cannot be written.
    :raises BusyError: when a running event does not end in time.
    """
    with recovered(session, "esmith overrides"):
        host = DiskHost(session.layout)
        try:
            record_base(session.layout, host, name, base)
        finally:
            host.close()


def require_plain(layout: Layout, name: str) -> None:
    """Refuse what is not a file of its own: what a link leads to may be shared; one to ``/dev/null`` masks.

    :raises UsageError: when it is a link to another file.
    :raises InstallError: when a directory is in its place.
    """
    path = Places(layout).disk_path(name)
    if os.path.islink(path) and os.path.realpath(path) != os.devnull:
        raise UsageError(f"is a link to {os.readlink(path)}", place=path, hint="edit that file, or replace the link")
    if os.path.isdir(path):
        raise InstallError("is a directory", place=path, hint="name a fragment")
