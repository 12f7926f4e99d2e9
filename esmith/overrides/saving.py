"""Writing an override: its draft while it is edited, and then the file itself, whole."""

from __future__ import annotations

import os
import stat

from esmith.digests import sha256
from esmith.disk import read_file, waiting_file
from esmith.errors import InstallError, UsageError
from esmith.events.recover import recovered
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.overrides.model import Base, Override
from esmith.overrides.places import Places
from esmith.overrides.record import record_base
from esmith.plan.host import DiskHost, trouble
from esmith.setup.product_files import mode_of

#: The two kinds of drafts: what is edited, and what is merged.
EDITED, MERGED = "edit", "merge"
#: Beside these: what each of them was begun from.
_BEGUN = "begun"


class Draft:
    """The draft of an override: below ``/var/lib/e-smith/drafts``, where nothing reads it.

    With it is kept of which texts it was begun, of the override and of the shipped file: it holds nothing of what came
    into these later, and must not replace it.

    :param layout: the root.
    :param kind: :data:`EDITED` or :data:`MERGED`.
    :param name: the path of the override below ``/etc/e-smith``.
    """

    def __init__(self, layout: Layout, kind: str, name: str) -> None:
        self._layout = layout
        self._top = os.path.join(layout.state, "drafts")
        #: The file, on this disk.
        self.path = os.path.join(self._top, kind, name)
        self._begun = os.path.join(self._top, _BEGUN, kind, name)

    def read(self) -> bytes | None:
        """Return what it holds, None when there is none.

        :raises InstallError: when it cannot be read.
        """
        return _text_at(self.path)

    def why_old(self, one: Override, *, is_there: bool) -> str:
        """Return why it must not be saved over an override, "" when it was begun from the texts that are there.

        :param is_there: whether the override has a file.
        :raises InstallError: when what it was begun from cannot be read.
        """
        begun, now = (_text_at(self._begun) or b"").split(), _digests(one, is_there=is_there).split()
        if len(begun) != len(now):
            return "it is not known what this draft was begun from"
        whose = [
            name for name, old, new in zip(("your file", "the shipped text"), begun, now, strict=True) if old != new
        ]
        return f"this draft is older than {' and '.join(whose)}" if whose else ""

    def write(self, text: bytes, one: Override, *, is_there: bool) -> None:
        """Write it durably and whole, unless it holds that text already.

        :param one: the override as it was read.
        :param is_there: whether it has a file.
        :raises InstallError: when that cannot be.
        """
        # What it was begun from is durable before there is a draft.
        self._write(self._begun, _digests(one, is_there=is_there))
        self._write(self.path, text)

    def _write(self, path: str, text: bytes) -> None:
        if _text_at(path) == text:
            return
        try:
            directory = self._layout.disk().directory(os.path.dirname(path), make=0o700)
            directory.sweep()
            with waiting_file(directory) as name:
                directory.write(name, text, 0o600, None)
                directory.rename(name, os.path.basename(path))
            directory.sync()
        except OSError as error:
            raise trouble(path, error) from error

    def remove(self) -> bool:
        """Remove it, and the directories that are empty then; return whether there was one."""
        was_there = os.path.lexists(self.path)
        for path in (self.path, self._begun):
            try:
                os.unlink(path)
                place = os.path.dirname(path)
                while place.startswith(self._top) and not os.listdir(place):
                    os.rmdir(place)
                    place = os.path.dirname(place)
            except OSError:
                # It is only a draft: the next edit says that it goes on with it, or that it is old.
                continue
        return was_there and not os.path.lexists(self.path)


def drafts_of(layout: Layout, name: str) -> list[Draft]:
    """Return the drafts that an override may have, of each kind."""
    return [Draft(layout, kind, name) for kind in (EDITED, MERGED)]


def _digests(one: Override, *, is_there: bool) -> bytes:
    """Return the digests of an override and of the shipped text at its place, ``-`` for none."""
    texts = (one.text if is_there else None, one.shipped)
    return " ".join("-" if text is None else sha256(text).hexdigest() for text in texts).encode() + b"\n"


def _text_at(path: str) -> bytes | None:
    try:
        return read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise trouble(path, error) from error


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
