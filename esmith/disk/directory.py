"""One open directory, and what may be done to the names in it. Paths are only for messages."""

from __future__ import annotations

import errno
import os
import stat
from itertools import islice

from esmith.contexts import contextmanager, nullcontext, suppress
from esmith.disk.fault import SIZE_LIMIT, USER_SIZE_LIMIT, Blamed, UnusableError, is_private, read_regular
from esmith.disk.kernel import open_beneath, remove_all, rights_of
from esmith.names import is_temporary
from esmith.temporary import is_in_use
from esmith.trust import is_ours, is_shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from esmith.disk.batch import SyncBatch

#: How many names are looked at in the search for temporary files: in a directory of a user there may be any number.
_SWEPT_NAMES = 10_000
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PRIVATE = 0o600
_NO_OTHER = nullcontext()


class Directory:
    """An open directory of the configured system; it is closed when nothing refers to it any more.

    :param descriptor: the directory, opened with ``O_PATH``.
    :param path: its real path on this disk.
    :param owners: the numbers of those who may own what is ours.
    :param parent: the directory it was found in; None for the first one.

    ``is_ours``: nobody else may make or remove names here or in a directory above. ``user`` is the user and the group
    of the first directory on the way that belongs to somebody else; None when there is none.
    """

    def __init__(self, descriptor: int, path: str, owners: frozenset[int], parent: Directory | None) -> None:
        self.descriptor = descriptor
        self._readable: int | None = None
        self.path = path
        self._owners = owners
        status = os.fstat(descriptor)
        above = parent is None or parent.is_ours or parent.is_shared
        self.is_ours: bool = above and (is_ours(status, owners) or is_private(path, status, owners))
        self.is_shared: bool = above and not self.is_ours and status.st_uid in owners and is_shared(status)
        self.user: tuple[int, int] | None = parent.user if parent is not None else None
        if not (self.is_ours or self.is_shared or self.user) and status.st_uid not in owners:
            self.user = status.st_uid, status.st_gid

    def __del__(self) -> None:
        try:
            os.close(self.descriptor)
            if self._readable is not None:
                os.close(self._readable)
        except OSError:
            return

    @property
    def is_a_users(self) -> bool:
        """Whether somebody else may make or remove names here, or in a directory above."""
        return not self.is_ours

    def look(self, name: str) -> os.stat_result | None:
        """Return what a name is, None when there is no such name; a link is not followed.

        In a directory of a user it may be another thing a moment later: :meth:`take` returns the status
        of what it reads.
        """
        with self._blamed(name):
            try:
                if self.is_ours:
                    return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
                descriptor = self._open(name, _LOOK)
            except FileNotFoundError:
                return None
            try:
                return os.fstat(descriptor)
            finally:
                os.close(descriptor)

    def take(self, name: str) -> tuple[bytes, os.stat_result]:
        """Return what a regular file or a symbolic link holds, and what it is: both of one and the same thing.

        :raises OSError: as :meth:`read` does.
        """
        try:
            return self.read(name)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        with self._blamed(name, missing=True):
            descriptor = self._open(name, _LOOK)
            try:
                return os.readlink(b"", dir_fd=descriptor), os.fstat(descriptor)
            finally:
                os.close(descriptor)

    def read(self, name: str) -> tuple[bytes, os.stat_result]:
        """Return what a regular file holds, and what it is.

        :raises FileNotFoundError: when there is no such file.
        :raises UnusableError: when it is not a regular file, or is larger than :data:`SIZE_LIMIT`, in a directory of a
            user :data:`USER_SIZE_LIMIT`.
        :raises UserDirectoryError: instead of these two and of other errors, in a directory of a user.
        """
        limit = SIZE_LIMIT if self.is_ours else USER_SIZE_LIMIT
        with self._blamed(name, missing=True):
            return read_regular(self._open(name, _READ), self._path(name), limit)

    def read_link(self, name: str) -> bytes:
        """Return what a symbolic link holds."""
        with self._blamed(name, missing=True):
            return os.readlink(os.fsencode(name), dir_fd=self.descriptor)

    def write(
        self, name: str, content: bytes, mode: int, owner: tuple[int, int] | None, batch: SyncBatch | None = None
    ) -> os.stat_result:
        """Make a new file, durable; it has its owner and mode before it has any content. Half a file is never left.

        :param mode: the permissions, whatever the umask.
        :param owner: user and group number; None for those of who makes it.
        :param batch: makes it durable later, where it takes it.
        :return: what it is.
        """
        with self._blamed(name, missing=True):
            is_synced_later = batch is not None and batch.takes(self, name)
            with self._as_user(owner):
                descriptor = os.open(name, _NEW, _PRIVATE, dir_fd=self.descriptor)
            # From here on only this descriptor counts, whatever becomes of the name.
            with self._removed_unless_whole(name), open(descriptor, "wb") as file:
                if owner is not None:
                    os.fchown(descriptor, *owner)
                os.fchmod(descriptor, mode)
                file.write(content)
                file.flush()
                if not is_synced_later:
                    os.fsync(descriptor)
                return os.fstat(descriptor)

    def make_link(self, name: str, points_to: bytes, owner: tuple[int, int] | None) -> os.stat_result:
        """Make a symbolic link.

        :param points_to: what it holds.
        :param owner: as for :meth:`write`; in a directory of a user, nobody but that user.
        :return: what it is.
        """
        with self._blamed(name, missing=True):
            if self.is_a_users and owner is not None and owner[0] not in (self._uid, os.geteuid()):
                raise PermissionError(errno.EPERM, "a link there can belong to nobody but the user")
            with self._as_user(owner):
                os.symlink(points_to, os.fsencode(name), dir_fd=self.descriptor)
            with self._removed_unless_whole(name):
                if owner is not None and self.is_ours:
                    os.chown(name, *owner, dir_fd=self.descriptor, follow_symlinks=False)
                return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)

    def hard_link(self, name: str, other: Directory, new: str) -> None:
        """Give a file of this directory a second name in another one; both have to be ours.

        :raises OSError: when the two cannot share a file.
        """
        if not (self.is_ours and other.is_ours):
            raise PermissionError(errno.EPERM, "a directory of a user shares no files", self._path(name))
        os.link(name, new, src_dir_fd=self.descriptor, dst_dir_fd=other.descriptor, follow_symlinks=False)

    def rename(self, old: str, new: str) -> None:
        """Give a name of this directory another one, in place of what has that now."""
        with self._blamed(new, missing=True), self._as_user():
            os.rename(old, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        """Remove a file or a link."""
        with self._blamed(name, missing=True), self._as_user():
            os.unlink(name, dir_fd=self.descriptor)

    def remove_if_there(self, name: str) -> None:
        """Remove a file or a link, if there is one."""
        with self._blamed(name), self._as_user(), suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def set_attributes(self, name: str, mode: int, owner: tuple[int, int] | None) -> None:
        """Set mode and owner of a regular file with one name, durably; its content stays. Only in a directory of ours.

        In a directory of a user the file may be another one than was compared.
        """
        is_root = os.geteuid() == 0
        with self._blamed(name, missing=True):
            if self.is_a_users:
                raise PermissionError(errno.EPERM, "the attributes of a file of a user are not changed")
            # Who is not root may have a file whose mode keeps even its owner from opening it.
            descriptor = os.open(name, _READ if is_root else _LOOK, dir_fd=self.descriptor)
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode) or (status.st_nlink != 1 and is_root):
                    raise UnusableError("is not a regular file, or has another hard link", self._path(name))
                if not is_root:
                    os.chmod(f"/proc/self/fd/{descriptor}", mode)
                else:
                    if owner is not None:
                        os.fchown(descriptor, *owner)
                    os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)
            self.sync_file(name)

    def enter(self, name: str) -> Directory:
        """Return a directory in this one.

        :raises OSError: when there is no such directory, or a link has its name.
        """
        with self._blamed(name):
            descriptor = self._open(name, _DIRECTORY)
        return Directory(descriptor, self._path(name), self._owners, self)

    def make(
        self, name: str, mode: int, owner: tuple[int, int] | None = None, batch: SyncBatch | None = None
    ) -> Directory:
        """Make a directory in this one, durable, and return it.

        :param mode: its permissions, whatever the umask.
        :param owner: user and group number; None for those of who makes it. In a directory of a user only that user.
        :param batch: makes it durable later, where it takes it.
        """
        is_synced_later = batch is not None and batch.takes(self)
        with self._blamed(name), self._as_user(owner):
            if self.is_a_users and owner is not None and owner[0] not in (self._uid, os.geteuid()):
                raise PermissionError(errno.EPERM, f"a directory there must belong to user {self._uid}")
            # Nobody else may enter it before it has its owner.
            os.mkdir(name, mode if owner is None else mode & 0o700, dir_fd=self.descriptor)
            made = self.enter(name)
            if owner is not None or stat.S_IMODE(os.fstat(made.descriptor).st_mode) != mode:
                made.become(mode, owner)
        if not is_synced_later:
            self.sync()
        return self.enter(name) if owner is not None else made

    def become(self, mode: int, owner: tuple[int, int] | None) -> None:
        """Set the mode and the owner of this directory itself, durably.

        :param owner: user and group number; None leaves it.
        """
        readable = self._reopened()
        status = os.fstat(readable)
        if owner is not None and owner != (status.st_uid, status.st_gid):
            os.fchown(readable, *owner)
        os.fchmod(readable, mode)
        os.fsync(readable)

    def sweep(self, *, also_own: bool = False) -> None:
        """Remove temporary files here whose process does not run any more.

        :param also_own: also those of this process: it has none here yet, so somebody else made what has such a name.
        """
        with self._blamed(""), self._as_user(), os.scandir(self._reopened()) as found:
            for entry in [entry for entry in islice(found, _SWEPT_NAMES) if is_temporary(entry.name)]:
                if not (is_in_use(entry.name, also_own=not also_own) or entry.is_dir(follow_symlinks=False)):
                    with suppress(FileNotFoundError):
                        os.unlink(entry.name, dir_fd=self.descriptor)

    def remove_empty(self, name: str) -> None:
        """Remove a directory if there is one and nothing is in it."""
        with suppress(OSError), self._as_user():
            os.rmdir(name, dir_fd=self.descriptor)

    def remove_tree(self, name: str) -> None:
        """Remove a directory and all that is in it, if there is one; only where that is ours.

        :raises OSError: when something of it cannot be removed.
        """
        if not self.is_ours:
            raise PermissionError(errno.EPERM, "is in a directory of a user", self._path(name))
        with suppress(FileNotFoundError):
            remove_all(name, self.descriptor)

    def sync_file(self, name: str) -> None:
        """Make durable what is in a regular file, whoever wrote it, and its mode and owner; else do nothing.

        Syncing its directory does not: an editor that saved it did not wait for the disk perhaps.
        """
        with self._blamed(name, missing=True):
            if not stat.S_ISREG(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode):
                return
            try:
                descriptor = self._open(name, _READ)
            except PermissionError:
                # Its mode keeps even its owner, who is not root, from opening it.
                os.sync()
                return
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def sync(self) -> None:
        """Make what was renamed, made or removed here durable."""
        with self._blamed(""):
            os.fsync(self._reopened())

    @property
    def _uid(self) -> int:
        return self.user[0] if self.user is not None else os.geteuid()

    def _path(self, name: str) -> str:
        return os.path.join(self.path, name) if name else self.path

    def _open(self, name: str, flags: int) -> int:
        if self.is_ours:
            return os.open(name, flags, dir_fd=self.descriptor)
        return open_beneath(name, flags, self.descriptor)

    def _reopened(self) -> int:
        """Open it once more, for what a descriptor with ``O_PATH`` is not good for."""
        if self._readable is None:
            self._readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.descriptor)
        return self._readable

    def _as_user(self, owner: tuple[int, int] | None = None) -> AbstractContextManager[None]:
        """Act with the rights of the user whose directory it is, unless what is made is for somebody else."""
        if self.user is not None and (owner is None or owner[0] == self.user[0]):
            return rights_of(owner or self.user)
        return _NO_OTHER

    @contextmanager
    def _removed_unless_whole(self, name: str) -> Iterator[None]:
        """Remove a name that was just made when what follows fails."""
        whole = False
        try:
            yield
            whole = True
        finally:
            if not whole:
                with suppress(OSError):
                    self.remove(name)

    def _blamed(self, name: str, *, missing: bool = False) -> Blamed:
        """Give errors of the system the whole path; in a directory of a user they become faults of that user.

        :param missing: whether a missing name is a fault too; else it is an answer.
        """
        return Blamed(self.path, name, self.is_ours, missing)
