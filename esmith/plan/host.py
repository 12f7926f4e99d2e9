"""What applying a plan does to a machine, behind one interface: the disk itself, or a record of what would be done."""

from __future__ import annotations

import errno
import os

from esmith.disk import Directory, StagedRecord, SyncBatch, UnusableError, UserDirectoryError, waiting_file
from esmith.errors import InstallError, UserFileError
from esmith.fields import dataclass
from esmith.plan.installed import fingerprint_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from esmith.layout import Layout
else:
    Protocol = object

#: The modes of the directories that are made for files: anybody may look at those of the configured system.
PUBLIC, PRIVATE = 0o755, 0o700
#: The bits of a mode that are taken over from what lies in a directory of a user: none that runs as its owner.
PERMISSIONS = 0o777


@dataclass(frozen=True)
class Staged:
    """A new file that waits beside its target.

    :param target: the path of the target on this disk.
    :param name: the name it waits under, in the same directory.
    :param mark: by which a later change is seen, see :func:`esmith.plan.installed.fingerprint_of`.
    """

    target: str
    name: str
    mark: str


class Host(Protocol):
    """The operations on files. Paths are those of this disk.

    :raises UserFileError: whatever fails in a directory that belongs to somebody else.
    :raises InstallError: whatever fails elsewhere.
    """

    def prepare(self, targets: Iterable[str], /) -> None:
        """Record durably that new files are about to be made beside these targets.

        Where these are many, the files are durable only after :meth:`sync_staged`.
        """

    def sync_staged(self) -> None:
        """Make durable what was staged: to be called before any of it is installed."""

    def stage(self, target: str, content: bytes, mode: int, owner: tuple[int, int] | None, /) -> Staged:
        """Write a new file beside its target, owner and mode set before any content is in it, and durable.

        Nothing is left behind when that fails.

        :param owner: user and group number; None leaves the caller's.
        """

    def stage_link(self, target: str, points_to: bytes, owner: tuple[int, int] | None, /) -> Staged:
        """Make a symbolic link beside its target; nothing is left behind when that fails.

        :param points_to: what the link holds.
        """

    def install(self, staged: Staged, /) -> None:
        """Rename a staged file to its target."""

    def discard(self, staged: Staged, /) -> None:
        """Remove a staged file."""

    def remove(self, target: str, /) -> None:
        """Remove a target."""

    def set_attributes(self, target: str, mode: int, owner: tuple[int, int] | None, /) -> None:
        """Set the mode and the owner of a target, whose content stays."""

    def keep(self, target: str, copy: str, /) -> None:
        """Make a copy of a target, readable by its owner only."""

    def sync(self, directories: set[str], /) -> None:
        """Make renames and removals in these directories durable."""


class DiskHost:
    """Does it. In the directories it writes to it removes what another left behind that was killed.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self.disk = layout.disk()
        self.layout = layout
        self._swept: set[str] = set()
        self._record = StagedRecord(self.disk, layout.staged)
        self._batch: SyncBatch | None = None

    def stage(self, target: str, content: bytes, mode: int, owner: tuple[int, int] | None) -> Staged:
        """Write a new file beside its target."""
        return self._stage(target, lambda directory, name: directory.write(name, content, mode, owner, self._batch))

    def stage_link(self, target: str, points_to: bytes, owner: tuple[int, int] | None) -> Staged:
        """Make a symbolic link beside its target."""
        return self._stage(target, lambda directory, name: directory.make_link(name, points_to, owner))

    def install(self, staged: Staged) -> None:
        """Rename a staged file to its target."""
        if self._batch is not None:
            self.sync_staged()
        try:
            self._of(staged.target).rename(staged.name, os.path.basename(staged.target))
        except OSError as error:
            raise trouble(staged.target, error) from error

    def discard(self, staged: Staged) -> None:
        """Remove a staged file."""
        try:
            self._of(staged.target).remove_if_there(staged.name)
        except OSError as error:
            raise trouble(staged.target, error) from error

    def remove(self, target: str) -> None:
        """Remove a target."""
        try:
            self._of(target).remove(os.path.basename(target))
        except OSError as error:
            raise trouble(target, error) from error

    def set_attributes(self, target: str, mode: int, owner: tuple[int, int] | None) -> None:
        """Set the mode and the owner of a target."""
        try:
            self._of(target).set_attributes(os.path.basename(target), mode, owner)
        except OSError as error:
            raise trouble(target, error) from error

    def keep(self, target: str, copy: str) -> None:
        """Make a copy of a target."""
        try:
            content, _ = self._of(target).read(os.path.basename(target))
            self.disk.directory(self.layout.state, make=PUBLIC)
            self._record.add([os.path.dirname(copy)])
            directory = self.disk.directory(os.path.dirname(copy), make=PRIVATE)
            with waiting_file(directory) as name:
                directory.write(name, content, 0o600, None)
                directory.rename(name, os.path.basename(copy))
            directory.sync()
        except OSError as error:
            raise trouble(target if isinstance(error, UserDirectoryError | UnusableError) else copy, error) from error

    def sync(self, directories: set[str]) -> None:
        """Make renames and removals in these directories durable."""
        batch = SyncBatch(self.disk, len(directories))
        for path in sorted(directories):
            try:
                directory = self.disk.find(path)
                if directory is not None and not batch.takes(directory):
                    directory.sync()
            except UserDirectoryError:
                # Its user may lose what is there in any case.
                continue
            except OSError as error:
                raise trouble(path, error) from error
        _sync(batch)

    def prepare(self, targets: Iterable[str]) -> None:
        """Record where new files are about to wait, all at once; without this each directory is recorded by itself."""
        self.sync_staged()
        paths = [os.path.dirname(target) for target in targets]
        self._batch = SyncBatch(self.disk, len(paths))
        try:
            self._record.add(paths)
        except OSError as error:
            raise trouble(self.layout.staged, error) from error

    def sync_staged(self) -> None:
        """Make durable what was staged since the last time."""
        batch, self._batch = self._batch, None
        if batch is not None:
            _sync(batch)

    def close(self, *, undo: bool = False) -> None:
        """Forget where new files waited: none does any more.

        :param undo: whether directories that were made are removed where nothing is in them.
        """
        self._record.close(undo=undo)

    def _of(self, target: str) -> Directory:
        return self.disk.directory(os.path.dirname(target))

    def _stage(self, target: str, make: Callable[[Directory, str], os.stat_result]) -> Staged:
        path = os.path.dirname(target)
        try:
            self._record.add([path])
            directory = self.disk.directory(path, make=PUBLIC, batch=self._batch)
            if path not in self._swept:
                self._swept.add(path)
                directory.sweep(also_own=True)
            with waiting_file(directory) as name:
                return Staged(target, name, fingerprint_of(make(directory, name)))
        except OSError as error:
            raise trouble(target, error) from error


class RecordingHost:
    """Does nothing, and remembers what it was asked to do, for ``--dry-run`` and for tests.

    ``operations`` holds (operation, target) in order.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.operations: list[tuple[str, str]] = []

    def prepare(self, targets: Iterable[str]) -> None:
        """Record nothing: no file is made."""

    def sync_staged(self) -> None:
        """Sync nothing: no file is made."""

    def stage(self, target: str, _content: bytes, _mode: int, _owner: tuple[int, int] | None) -> Staged:
        """Remember it."""
        self._note("stage", target)
        return Staged(target, "", "")

    def stage_link(self, target: str, _points_to: bytes, _owner: tuple[int, int] | None) -> Staged:
        """Remember it."""
        self._note("stage_link", target)
        return Staged(target, "", "")

    def install(self, staged: Staged) -> None:
        """Remember it."""
        self._note("install", staged.target)

    def discard(self, staged: Staged) -> None:
        """Remember it."""
        self._note("discard", staged.target)

    def remove(self, target: str) -> None:
        """Remember it."""
        self._note("remove", target)

    def set_attributes(self, target: str, _mode: int, _owner: tuple[int, int] | None) -> None:
        """Remember it."""
        self._note("set_attributes", target)

    def keep(self, target: str, _copy: str) -> None:
        """Remember it."""
        self._note("keep", target)

    def sync(self, directories: set[str]) -> None:
        """Remember nothing: what is synced follows from what is installed."""

    def _note(self, operation: str, target: str) -> None:
        self.operations.append((operation, self._layout.inside(target)))


def _sync(batch: SyncBatch) -> None:
    try:
        batch.sync()
    except OSError as error:
        raise trouble(os.fsdecode(error.filename or "/"), error) from error


def trouble(path: str, error: OSError) -> InstallError:
    """Return the error for what the system reported about a file: one that stops only that file, or any other.

    It does not say what was changed.
    """
    import shlex

    if isinstance(error, UserDirectoryError):
        is_wrong_kind = error.errno == errno.EINVAL
        reason = f"{error.strerror}" if is_wrong_kind else f"cannot be read or written there: {error.strerror}"
        hint = f"its directory is one of a user; correct or remove what is there: ls -ld {shlex.quote(path)}"
        return UserFileError(reason, place=path, hint=hint)
    if isinstance(error, UnusableError):
        return InstallError(f"{error.strerror}, so no file can be put there", place=path, hint="move it out of the way")
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
