"""Walking to the directories of the configured system, one name at a time."""

from __future__ import annotations

import errno
import os
import stat

from esmith.contexts import suppress
from esmith.disk.directory import Directory
from esmith.disk.fault import SIZE_LIMIT, UserDirectoryError, read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.disk.batch import SyncBatch

#: How many directories stay open; a process may have 1,024 descriptors (getrlimit(2)).
_KEPT_OPEN = 128
#: As many as the kernel follows in one path (path_resolution(7)).
_MOST_LINKS = 40
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Disk:
    """The files of one root, for one command.

    :param root: the root, as an absolute path of this disk.
    :param owners: the numbers of those who may own what is ours.
    """

    def __init__(self, root: str, owners: frozenset[int]) -> None:
        self._root = root
        self._owners = owners
        self._open: dict[str, Directory] = {}

    def directory(self, path: str, *, make: int | None = None, batch: SyncBatch | None = None) -> Directory:
        """Return a directory, open.

        :param path: its absolute path on this disk, without ``..``.
        :param make: make it, and those above it, with this mode where they are missing.
        :param batch: makes what is made durable later.
        :raises FileNotFoundError: when there is no such directory.
        :raises OSError: when it cannot be opened, or something else is there.
        :raises UserDirectoryError: instead of these, below a directory of a user.
        """
        try:
            return self._walk(path, make, _MOST_LINKS, batch)
        except FileNotFoundError as error:
            if self.is_a_users(os.path.dirname(path)):
                raise UserDirectoryError.of(error) from error
            raise

    def find(self, path: str) -> Directory | None:
        """Return a directory, open; None where there is none."""
        try:
            return self._walk(path, None, _MOST_LINKS)
        except FileNotFoundError:
            return None

    def is_a_users(self, path: str) -> bool:
        """Return whether a directory, or the nearest one above it that is there, belongs to somebody else."""
        found = self.find(path)
        while found is None:
            path = os.path.dirname(path)
            found = self.find(path)
        return found.is_a_users

    def look(self, path: str) -> os.stat_result | None:
        """Return what is at a path, None when nothing is; a link at its end is not followed."""
        found = self.find(os.path.dirname(path))
        return found.look(os.path.basename(path)) if found is not None else None

    def content(self, path: str) -> bytes:
        """Return what is in a file, or what a link holds.

        :raises FileNotFoundError: when nothing is there.
        :raises OSError: as :meth:`Directory.read` does.
        """
        directory, name = self.directory(os.path.dirname(path)), os.path.basename(path)
        if directory.look(name) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return directory.take(name)[0]

    def exists(self, path: str) -> bool:
        """Return whether something is at a path; a link at its end is followed where nobody else may have put it there.

        A link of a user counts as it is: where it leads is not looked at.
        """
        found = self.find(os.path.dirname(path))
        status = found.look(os.path.basename(path)) if found is not None else None
        if found is None or status is None:
            return False
        if stat.S_ISLNK(status.st_mode) and self._may_follow(found, status):
            return os.path.exists(path)
        return True

    def read(self, path: str) -> bytes:
        """Return what is in a file; a link at its end is followed where nobody else may have put it there.

        :raises FileNotFoundError: when there is no such file.
        :raises OSError: as :meth:`Directory.read` does.
        """
        for _ in range(_MOST_LINKS):
            directory = self.directory(os.path.dirname(path))
            name = os.path.basename(path)
            status = directory.look(name)
            if status is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if not stat.S_ISLNK(status.st_mode) or not self._may_follow(directory, status):
                return directory.read(name)[0]
            path = _joined(directory.path, os.fsdecode(directory.read_link(name)))
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)

    def _walk(self, path: str, make: int | None, links: int, batch: SyncBatch | None = None) -> Directory:
        found = self._open.get(path)
        if found is None or not _is_there(found):
            found = self._first(path) or self._step(path, make, links, batch)
        # Behind all others: the first is the one that was asked for longest ago.
        self._open.pop(path, None)
        self._open[path] = found
        while len(self._open) > _KEPT_OPEN:
            del self._open[next(iter(self._open))]
        return found

    def _first(self, path: str) -> Directory | None:
        if path not in (self._root, "/"):
            return None
        return Directory(os.open(path, _DIRECTORY), path, self._owners, None)

    def _step(self, path: str, make: int | None, links: int, batch: SyncBatch | None) -> Directory:
        above, name = os.path.split(path)
        directory = self._walk(above, make, links, batch)
        if directory.is_ours:
            # Most are neither links nor missing; what is not entered now is looked at.
            with suppress(NotADirectoryError, FileNotFoundError):
                return directory.enter(name)
        status = directory.look(name)
        if status is not None and stat.S_ISLNK(status.st_mode) and self._may_follow(directory, status):
            if not links:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = _joined(directory.path, os.fsdecode(directory.read_link(name)))
            return self._walk(target, make, links - 1, batch)
        if status is None and make is not None:
            with suppress(FileExistsError):
                return directory.make(name, make, batch=batch)
        return directory.enter(name)

    def _may_follow(self, directory: Directory, status: os.stat_result) -> bool:
        """Return whether nobody else may have put a link there."""
        return directory.is_ours or (directory.is_shared and status.st_uid in self._owners)


def read_file(path: str) -> bytes:
    """Return what is in a file of ours, whatever links lead there; nothing is waited for.

    :raises UnusableError: when it is not a regular file, or is larger than :data:`SIZE_LIMIT`.
    :raises OSError: when it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return read_regular(descriptor, path, SIZE_LIMIT)[0]


def _joined(directory: str, target: str) -> str:
    """Return the path that a link leads to.

    :param directory: the real path of the directory the link is in, so that ``..`` in the target goes up from there.
    """
    return os.path.normpath(os.path.join(directory, target))


def _is_there(directory: Directory) -> bool:
    """Return whether an open directory was not removed since."""
    return os.fstat(directory.descriptor).st_nlink > 0
