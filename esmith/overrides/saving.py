"""Writing an override: its draft while it is edited, and then the file itself, whole."""

from __future__ import annotations

import os
import stat

from esmith.directories import make_directory, open_file
from esmith.disk import read_file
from esmith.errors import InstallError, UsageError
from esmith.events.recover import recovered
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.overrides.model import Base
from esmith.overrides.places import Places
from esmith.overrides.record import record_base
from esmith.plan.host import DiskHost, trouble
from esmith.setup.product_files import mode_of

#: The two kinds of drafts: what is edited, and what is merged.
EDITED, MERGED = "edit", "merge"


class Draft:
    """The draft of an override: below ``/var/lib/e-smith/drafts``, where nothing reads it.

    :param layout: the root.
    :param kind: :data:`EDITED` or :data:`MERGED`.
    :param name: the path of the override below ``/etc/e-smith``.
    """

    def __init__(self, layout: Layout, kind: str, name: str) -> None:
        self._top = os.path.join(layout.state, "drafts")
        #: The file, on this disk.
        self.path = os.path.join(self._top, kind, name)

    def read(self) -> bytes | None:
        """Return what it holds, None when there is none.

        :raises InstallError: when it cannot be read.
        """
        try:
            return read_file(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise trouble(self.path, error) from error

    def write(self, text: bytes) -> None:
        """Write it durably.

        :raises InstallError: when that cannot be.
        """
        try:
            make_directory(self._top, 0o700)
            make_directory(os.path.dirname(self.path), 0o700)
            with open(open_file(self.path, os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise trouble(self.path, error) from error

    def remove(self) -> None:
        """Remove it, and the directories that are empty then."""
        try:
            os.unlink(self.path)
            place = os.path.dirname(self.path)
            while place.startswith(self._top) and not os.listdir(place):
                os.rmdir(place)
                place = os.path.dirname(place)
        except OSError:
            # It is only a draft: the next edit says that it goes on with it.
            return


def save(session: Session, name: str, text: bytes, base: Base, *, expected: bytes | None) -> None:
    """Write an override whole, and remember what it was made from.

    One that is there keeps its mode and its owner.

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
            mode, owner = mode_of(text), None
            if os.path.isfile(path) and not os.path.islink(path):
                status = os.stat(path)
                mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
            host.install(host.stage(path, text, mode, owner))
            host.sync({os.path.dirname(path)})
            record_base(layout, host, name, base)
        finally:
            host.close()


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
