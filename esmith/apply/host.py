"""What applying a plan does to a machine, behind one interface: the disk itself, or a record of what would be done."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from typing import Protocol

from esmith.errors import InstallError
from esmith.layout import Layout

#: A staged file is named so; a scan of the directory by a daemon skips names that begin with a dot.
STAGED_PREFIX = ".esmith-"


class Host(Protocol):
    """The operations on files. Paths are those of this disk."""

    def stage(self, target: str, content: bytes, mode: int, owner: tuple[int, int] | None) -> str:
        """Write a new file beside its target, owner and mode set before any content is in it, and durable.

        :param owner: user and group number; None leaves the caller's.
        :return: the path of the staged file.
        :raises InstallError: when that is not possible; nothing is left behind then.
        """

    def stage_link(self, target: str, points_to: bytes, owner: tuple[int, int] | None) -> str:
        """Make a symbolic link beside its target.

        :param points_to: what the link holds.
        :return: the path of the staged link.
        :raises InstallError: when that is not possible; nothing is left behind then.
        """

    def install(self, staged: str, target: str) -> None:
        """Rename a staged file to its target."""

    def discard(self, staged: str) -> None:
        """Remove a staged file."""

    def remove(self, target: str) -> None:
        """Remove a target."""

    def set_attributes(self, target: str, mode: int, owner: tuple[int, int] | None) -> None:
        """Set the mode and the owner of a target, whose content stays."""

    def keep(self, target: str, copy: str) -> None:
        """Copy a target aside, readable by its owner only."""

    def sync(self, directories: set[str]) -> None:
        """Make renames and removals in these directories durable.

        :raises InstallError: when that is not possible.
        """


class DiskHost:
    """Does it. Only one at a time may work on a root: it removes what another left behind that was killed."""

    def __init__(self) -> None:
        self._count = 0
        self._swept: set[str] = set()

    def stage(self, target: str, content: bytes, mode: int, owner: tuple[int, int] | None) -> str:
        """Write a new file beside its target."""
        staged = self._staged_name(target)
        try:
            self._prepare(os.path.dirname(target))
            self._write(staged, content, mode, owner)
        except OSError as error:
            self._remove_if_there(staged)
            raise trouble(target, error) from error
        return staged

    def stage_link(self, target: str, points_to: bytes, owner: tuple[int, int] | None) -> str:
        """Make a symbolic link beside its target."""
        staged = self._staged_name(target)
        try:
            self._prepare(os.path.dirname(target))
            os.symlink(points_to, os.fsencode(staged))
            if owner is not None:
                os.lchown(staged, *owner)
        except OSError as error:
            self._remove_if_there(staged)
            raise trouble(target, error) from error
        return staged

    def install(self, staged: str, target: str) -> None:
        """Rename a staged file to its target."""
        try:
            os.rename(staged, target)
        except OSError as error:
            raise trouble(target, error) from error

    def discard(self, staged: str) -> None:
        """Remove a staged file."""
        self._remove_if_there(staged)

    def remove(self, target: str) -> None:
        """Remove a target."""
        try:
            os.unlink(target)
        except OSError as error:
            raise trouble(target, error) from error

    def set_attributes(self, target: str, mode: int, owner: tuple[int, int] | None) -> None:
        """Set the mode and the owner of a target."""
        try:
            set_attributes(target, mode, owner)
        except OSError as error:
            raise trouble(target, error) from error

    def keep(self, target: str, copy: str) -> None:
        """Copy a target aside."""
        made = False
        try:
            os.makedirs(os.path.dirname(copy), mode=0o700, exist_ok=True)
            with (
                open(target, "rb") as old,
                open(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as new,
            ):
                shutil.copyfileobj(old, new)
                new.flush()
                os.fsync(new.fileno())
            made = True
        except OSError as error:
            raise trouble(copy, error) from error
        finally:
            if not made:
                # Half a copy would pass for the whole file later.
                self._remove_if_there(copy)
        self.sync({os.path.dirname(copy)})

    def sync(self, directories: set[str]) -> None:
        """Make renames and removals in these directories durable."""
        for directory in sorted(directories):
            try:
                sync_directory(directory)
            except OSError as error:
                raise trouble(directory, error) from error

    def _prepare(self, directory: str) -> None:
        """Make a directory where there is none, and sweep it once."""
        if directory in self._swept:
            return
        make_directory(directory)
        self._swept.add(directory)
        for entry in os.scandir(directory):
            if entry.name.startswith(STAGED_PREFIX) and not entry.is_dir(follow_symlinks=False):
                self._remove_if_there(entry.path)

    def _staged_name(self, target: str) -> str:
        self._count += 1
        return os.path.join(os.path.dirname(target), f"{STAGED_PREFIX}{os.getpid()}-{self._count}")

    @staticmethod
    def _write(staged: str, content: bytes, mode: int, owner: tuple[int, int] | None) -> None:
        descriptor = os.open(staged, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)

    @staticmethod
    def _remove_if_there(path: str) -> None:
        try:
            os.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise trouble(path, error) from error


class RecordingHost:
    """Does nothing, and remembers what it was asked to do, for ``--dry-run`` and for tests.

    ``operations`` holds (operation, target) in order.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.operations: list[tuple[str, str]] = []

    def stage(self, target: str, content: bytes, mode: int, owner: tuple[int, int] | None) -> str:
        """Remember it."""
        self._note("stage", target)
        return target

    def stage_link(self, target: str, points_to: bytes, owner: tuple[int, int] | None) -> str:
        """Remember it."""
        self._note("stage_link", target)
        return target

    def install(self, staged: str, target: str) -> None:
        """Remember it."""
        self._note("install", target)

    def discard(self, staged: str) -> None:
        """Remember it."""
        self._note("discard", staged)

    def remove(self, target: str) -> None:
        """Remember it."""
        self._note("remove", target)

    def set_attributes(self, target: str, mode: int, owner: tuple[int, int] | None) -> None:
        """Remember it."""
        self._note("set_attributes", target)

    def keep(self, target: str, copy: str) -> None:
        """Remember it."""
        self._note("keep", target)

    def sync(self, directories: set[str]) -> None:
        """Remember nothing: what is synced follows from what is installed."""

    def _note(self, operation: str, target: str) -> None:
        self.operations.append((operation, self._layout.inside(target)))


def set_attributes(target: str, mode: int, owner: tuple[int, int] | None) -> None:
    """Set the mode and the owner of a file that stays as it is.

    For root the file is opened first and must be a plain one with one name: whoever owns the directory it is in, e.g.
    a user whose ``.qmail`` it is, could otherwise put a link to any file of the machine in its place.

    :raises OSError: when it is another kind of file, or that is not possible.
    """
    if os.geteuid() != 0:
        os.chmod(target, mode)
        return
    descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise OSError(errno.EMLINK, "is not a plain file with one name")
        if owner is not None:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def make_directory(directory: str) -> None:
    """Make a directory and its parents, readable by everybody whatever the umask, and durable.

    :raises OSError: when that is not possible.
    """
    if os.path.isdir(directory):
        return
    parent = os.path.dirname(directory)
    make_directory(parent)
    os.mkdir(directory)
    os.chmod(directory, 0o755)
    sync_directory(parent)


def sync_directory(directory: str) -> None:
    """Make what was renamed, made or removed in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def trouble(path: str, error: OSError) -> InstallError:
    """Return the error for what the system reported about a file; it does not say what was changed."""
    hints = {
        errno.ENOSPC: "free some disk space",
        errno.EDQUOT: "free some disk space, or raise the quota",
        errno.EIO: "the disk may be failing: see the messages of the kernel (dmesg)",
        errno.EACCES: "run it as root, or as the owner of the root folder",
        errno.EPERM: "run it as root, or as the owner of the root folder",
        errno.EROFS: "the file system is mounted read-only",
    }
    hint = hints.get(error.errno or 0, "")
    obstacle = _nearest_above(path)
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and not os.path.isdir(obstacle):
        hint = f"{obstacle} is in the way: a directory has to be there; move it"
    return InstallError(f"cannot be written: {error.strerror or error}", place=path, hint=hint)


def _nearest_above(path: str) -> str:
    """Return the nearest thing above a path that exists: its directory, or what keeps that from being made."""
    place = os.path.dirname(path)
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    return place
