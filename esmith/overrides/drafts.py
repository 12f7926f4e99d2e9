"""Drafts: what somebody edits or merges of an override, until it is saved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from esmith.digests import sha256
from esmith.disk import waiting_file
from esmith.errors import BusyError
from esmith.layout import DRAFTS, DRAFTS_BEGUN, Layout
from esmith.names import is_temporary
from esmith.overrides.model import Override
from esmith.overrides.places import CONFIGURATION, CUSTOM
from esmith.plan.host import trouble
from esmith.setup.product_files import content_of
from esmith.store.locks import try_flock

#: The two kinds of drafts: what is edited, and what is merged.
EDITED, MERGED = DRAFTS
#: Beside these, and beside what each of them was begun from: files that are locked as long as somebody is at it.
_HELD = "held"


class Draft:
    """The draft of an override: its text while it is edited or merged, and not saved.

    It is below ``/var/lib/e-smith/drafts``, where nothing reads it.

    With it is kept of which texts it was begun, of the override and of the shipped file: it holds nothing of what came
    into these later, and must not replace it.

    :param layout: the root.
    :param kind: :data:`EDITED` or :data:`MERGED`.
    :param name: the path of the override below ``/etc/e-smith``.
    """

    def __init__(self, layout: Layout, kind: str, name: str) -> None:
        self._layout = layout
        self.kind = kind
        self._top = layout.drafts
        #: The file, on this disk.
        self.path = os.path.join(self._top, kind, name)
        self._begun = os.path.join(self._top, DRAFTS_BEGUN, kind, name)

    def read(self) -> bytes | None:
        """Return what it holds, None when there is none.

        :raises InstallError: when it cannot be read.
        """
        return content_of(self.path)

    def why_old(self, one: Override, *, is_there: bool) -> str:
        """Return why it must not be saved over an override, "" when it was begun from the texts that are there.

        :param is_there: whether the override has a file.
        :raises InstallError: when what it was begun from cannot be read.
        """
        begun, now = (content_of(self._begun) or b"").split(), _digests(one, is_there=is_there).split()
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
        if content_of(path) == text:
            return
        try:
            directory = self._layout.disk().directory(os.path.dirname(path), make=0o700)
            directory.sweep()
            with waiting_file(directory) as name:
                directory.write(name, text, 0o600, None)
                directory.rename(name, os.path.basename(path))
            directory.sync()
        except OSError as error:
            with suppress(OSError):
                _remove_empty(os.path.dirname(path), self._top)
            raise trouble(path, error) from error

    def remove(self) -> bool:
        """Remove it, and the directories that are empty then; return whether there was one."""
        was_there = os.path.lexists(self.path)
        for path in (self.path, self._begun):
            try:
                os.unlink(path)
                _remove_empty(os.path.dirname(path), self._top)
            except OSError:
                # It is only a draft: the next edit says that it goes on with it, or that it is old.
                continue
        return was_there and not os.path.lexists(self.path)


def drafts_of(layout: Layout, name: str) -> list[Draft]:
    """Return the drafts that an override may have, of each kind."""
    return [Draft(layout, kind, name) for kind in DRAFTS]


@contextmanager
def held(layout: Layout, name: str, *, make: bool = True) -> Iterator[None]:
    """Have nobody else be at the drafts of an override meanwhile: two would write into one file.

    :param name: the path of the override below ``/etc/e-smith``.
    :param make: whether a draft is to be written; otherwise nothing is made, as on a full disk.
    :raises BusyError: when somebody is at them.
    :raises InstallError: when that cannot be seen.
    """
    top = layout.drafts
    path = os.path.join(top, _HELD, sha256(os.fsencode(name)).hexdigest())
    try:
        descriptor = _locked(layout, path, make=make)
    except OSError as error:
        raise trouble(path, error) from error
    except BusyError as error:
        error.place = f"{CONFIGURATION}/{name}"
        raise
    if descriptor is None:
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(path)
            _remove_empty(os.path.dirname(path), top)
        os.close(descriptor)


def _locked(layout: Layout, path: str, *, make: bool) -> int | None:
    """Return a file that is open and locked, None where there is none and none is made.

    :raises BusyError: when somebody else has locked it.
    """
    while True:
        if make:
            layout.disk().directory(os.path.dirname(path), make=0o700)
        try:
            flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(path, flags | (os.O_CREAT if make else 0), 0o600)
        except (FileNotFoundError, NotADirectoryError):
            if make:
                # Whoever ended just now has removed the directory with it.
                continue
            return None
        if not try_flock(descriptor):
            os.close(descriptor)
            raise BusyError("somebody is editing it at this moment", hint="wait until that has ended")
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                return descriptor
        os.close(descriptor)


def _remove_empty(place: str, top: str) -> None:
    """Remove a directory in which nothing is left, and those above it up to a top.

    :raises OSError: when one cannot be removed.
    """
    while place.startswith(top) and not os.listdir(place):
        os.rmdir(place)
        place = os.path.dirname(place)


def find_drafts(layout: Layout) -> list[tuple[str, str]]:
    """Return all drafts, as their kinds and the paths of the overrides below ``/etc/e-smith``, sorted by these.

    Where the caller may not look there are none.
    """
    found = []
    for kind in DRAFTS:
        top = os.path.join(layout.drafts, kind)
        for directory, _, names in (place for layer in CUSTOM for place in os.walk(os.path.join(top, layer))):
            for name in names:
                path = os.path.join(directory, name)
                if not is_temporary(name) and os.path.isfile(path):
                    found.append((kind, os.path.relpath(path, top)))
    return sorted(found, key=lambda one: (one[1], one[0]))


def _digests(one: Override, *, is_there: bool) -> bytes:
    """Return the digests of an override and of the shipped text at its place, ``-`` for none."""
    texts = (one.text if is_there else None, one.shipped)
    return " ".join("-" if text is None else sha256(text).hexdigest() for text in texts).encode() + b"\n"
