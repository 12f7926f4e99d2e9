"""Restoring the files of installs, durably: the part of :mod:`esmith.apply.restore` that writes no row of the store."""

from __future__ import annotations

import os
from contextlib import suppress

from esmith.apply.backup import back_up
from esmith.apply.kept import Before, is_in_place, kept_directory, restore_file
from esmith.errors import InstallError, UserFileError
from esmith.fields import dataclass, field
from esmith.plan.host import DiskHost, trouble
from esmith.plan.installed import digest_of, fingerprint_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.apply.generations import Generation
    from esmith.disk import Directory, Disk
    from esmith.layout import Layout

#: More would hide the rest of a message.
_SHOWN_PATHS = 20
#: In how many directories files are restored before these are synced: they stay open until then.
_UNSYNCED = 100
CURE = "signal its event to make them from the settings"


@dataclass
class Restored:
    """What was restored.

    :param paths: the outputs.
    :param left: those that could not be, because of the users in whose directories they are, each with the reason.
    :param missing: those that never can be: their old content or their directory is gone.
    :param copies: those that somebody had changed since they were installed, each with its backup copy.
    :param services: the services that read them, each with the service actions of the installs.
    :param swept: the directories in which temporary files of processes that ended were removed, as paths of this disk.
    """

    paths: list[str] = field(default_factory=list)
    left: dict[str, UserFileError] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)
    swept: set[str] = field(default_factory=set)

    @property
    def notes(self) -> list[str]:
        """What the administrator should know besides the number of files."""
        notes = [
            f"{path} was changed since it was installed; a backup copy is {copy}" for path, copy in self.copies.items()
        ]
        notes += [f"could not be restored: {error}" for error in self.left.values()]
        if self.missing:
            names = listed(self.missing)
            notes.append(f"not restored, because the old file or its directory is gone: {names}\n  {CURE}")
        return notes


class Restoring:
    """Restores the files of installs.

    :param installs: the newest first, as they are restored.
    """

    def __init__(self, installs: Sequence[Generation], layout: Layout) -> None:
        self._installs = installs
        self._layout = layout
        self._host = DiskHost(layout)
        self._disk = self._host.disk
        self._seen: dict[str, None] = {}
        self._restored = Restored()
        self._missing: dict[str, None] = {}
        self._failures: list[InstallError] = []
        #: The directories in which files were restored that are not durable yet, each with these files.
        self._unsynced: dict[Directory, list[Before]] = {}
        self._known: dict[str, list[tuple[Before, str]]] = {}
        for install in installs:
            kept = kept_directory(layout, install.number)
            for before in install.before:
                self._known.setdefault(before.path, []).append((before, kept))

    def restore(self) -> tuple[Restored, list[InstallError]]:
        """Restore them as far as possible, durably; return what was restored, and why others could not be."""
        found = self._restored
        for install in self._installs:
            kept = kept_directory(self._layout, install.number)
            for before in install.before:
                try:
                    self._restore_one(before, kept)
                except InstallError as error:
                    self._note(before, error)
            for service, actions in install.services.items():
                found.services.setdefault(service, []).extend(actions)
        self._sync()
        found.missing = list(self._missing)
        found.paths = [path for path in self._seen if path not in found.left and path not in self._missing]
        return found, self._failures

    def _note(self, before: Before, error: InstallError) -> None:
        """Note why a file cannot be restored; the others are."""
        if isinstance(error, UserFileError):
            self._restored.left[before.path] = error
        else:
            self._failures.append(error)

    def _restore_one(self, before: Before, kept: str) -> None:
        target = self._layout.under(before.path)
        above, name = os.path.split(target)
        is_first = before.path not in self._seen
        if not before.directory:
            self._seen[before.path] = None
        is_missing = False
        try:
            directory = self._open(above)
            if not is_in_place(before, self._disk, directory, name, kept):
                if is_first and not before.directory and self._was_changed(before.path, directory, name):
                    copy = back_up(self._layout, self._host, target, is_a_users=directory.is_a_users)
                    self._restored.copies[before.path] = copy
                restore_file(before, self._disk, directory, name, kept)
            if not before.stays:
                self._unsynced.setdefault(directory, []).append(before)
            if len(self._unsynced) >= _UNSYNCED:
                self._sync()
        except (FileNotFoundError, NotADirectoryError):
            # Where its directory is gone, a file that was not there needs nothing.
            is_missing = bool(before.stored or before.stays)
        except OSError as error:
            raise trouble(target, error) from error
        self._note_missing(before, is_missing)

    def _note_missing(self, before: Before, is_missing: bool) -> None:
        if is_missing:
            self._missing[before.path] = None
        else:
            # What an older install has kept is as good, even where a newer one has not.
            self._missing.pop(before.path, None)

    def _sync(self) -> None:
        """Make durable what was restored since the last time.

        The renames come first and then the syncs: the first sync writes what all of them changed, and the others find
        that done.
        """
        unsynced, self._unsynced = self._unsynced, {}
        for directory, restored in unsynced.items():
            try:
                directory.sync()
            except FileNotFoundError:
                for before in restored:
                    self._note_missing(before, bool(before.stored or before.stays))
            except OSError as error:
                for before in restored:
                    self._note(before, trouble(self._layout.under(before.path), error))

    def _open(self, path: str) -> Directory:
        """Return a directory, in which what an earlier attempt to restore left was removed."""
        directory = self._disk.directory(path)
        if path not in self._restored.swept:
            self._restored.swept.add(path)
            with suppress(OSError):
                directory.sweep()
        return directory

    def _was_changed(self, path: str, directory: Directory, name: str) -> bool:
        """Return whether a file is neither what one of the installs put there nor what one of them replaced."""
        known = self._known[path]
        try:
            status = directory.look(name)
            if status is None or any(before.new is None for before, _ in known):
                return False
            mark = fingerprint_of(status)
            if any(mark == before.mark for before, _ in known):
                return False
            if any(mark == _mark_of_old(self._disk, before, kept) for before, kept in known):
                return False
            there = digest_of(directory.take(name)[0])
            return not any(there in (before.new, _digest_of_old(self._disk, before, kept)) for before, kept in known)
        except OSError:
            # What cannot be read cannot be copied either.
            return False


def _mark_of_old(disk: Disk, before: Before, kept: str) -> str:
    status = disk.look(os.path.join(kept, before.stored)) if before.stored else None
    return fingerprint_of(status) if status is not None else ""


def _digest_of_old(disk: Disk, before: Before, kept: str) -> str:
    return digest_of(disk.content(os.path.join(kept, before.stored))) if before.stored else ""


def listed(paths: Sequence[str]) -> str:
    """Return paths as a part of a message, not more than can be read."""
    more = len(paths) - _SHOWN_PATHS
    return ", ".join(paths[:_SHOWN_PATHS]) + (f" and {more} more" if more > 0 else "")
