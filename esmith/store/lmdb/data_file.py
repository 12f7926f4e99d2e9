"""The data file as a file: whether it is still as a commit of ours left it, and verifying it when it is not.

LMDB 0.9 trusts what it reads: a damaged or cut file can kill the process by a signal. Verifying the whole file at every
command would cost more than the command. So a mark beside it, ``data.verified``, says what the file looked like when it
was last known to be sound: inode, size and the time of its last change (ctime, which unlike mtime nobody can set, so a
file restored with its old times is noticed). While they agree the file is trusted. When they do not, somebody else
wrote, restored or damaged it, or the machine went down in a commit; then the file is verified before LMDB sees it, and
marked again.

The mark is a hint that may be lost or old at any moment: it then costs a verification. It is not flushed to the disk.
A ``flock`` on the data file keeps a commit from being taken for damage: exclusive from before the first page is written
until the mark is made, shared while verifying. Whoever finds a commit under way does not wait for it: that writer has
looked at the file when it opened it. One that was killed meanwhile is known by the second line of the mark
(:mod:`esmith.store.lmdb.commit`), and costs nothing.
"""

from __future__ import annotations

import os

from esmith.errors import StoreError
from esmith.store.lmdb import store_trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    _Writer = tuple[bytes, bytes, bytes, bytes, bytes]

#: The databases hold passwords. Those above their directory are homes of users as well, and open to all.
FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
#: The mark has always the same length, so that it is written in place by one write.
_STATE_BYTES, _MARK_BYTES = 63, 600
_WORDS_OF_A_WRITER = 5


class DataFile:
    """The data file of a store.

    :param path: of ``data.mdb``.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._mark = path.removesuffix(".mdb") + ".verified"

    def exists(self) -> bool:
        """Return whether there is a file with something in it."""
        try:
            return os.stat(self.path).st_size > 0
        except OSError:
            return False

    def require(self, root: str) -> None:
        """Refuse a missing file, and an empty one, which LMDB would silently take for a new store.

        :param root: the root, for the message.
        :raises StoreError: with the reason.
        """
        try:
            size = os.stat(self.path).st_size
        except PermissionError as error:
            raise store_trouble(self.path, error) from error
        except OSError:
            from esmith.printable import shell_word

            elsewhere = "" if root != "/" else "where they are in a root folder, name it with --root or ESMITH_ROOT\n"
            raise StoreError(
                f"there are no databases under {root}",
                place=self.path,
                hint=f"{elsewhere}make them with: esmith --root {shell_word(root)} init\n"
                f"and where they were lost, then: esmith --root {shell_word(root)} restore BACKUP",
            ) from None
        if size == 0:
            from esmith.store.lmdb.trouble import restore_hint

            raise StoreError("the data file is empty", place=self.path, hint=restore_hint(self.path))

    def require_sound(self, *, thorough: bool = False) -> None:
        """Verify the file if it is not as it was marked, and mark it.

        :param thorough: verify it in any case.
        :raises StoreError: when it is damaged or cannot be read.
        """
        try:
            if thorough or not self.is_as_marked():
                self._verify(thorough=thorough)
        except OSError as error:
            raise store_trouble(self.path, error) from error

    def is_as_marked(self) -> bool:
        """Return whether the file is as it was when it was last marked."""
        try:
            descriptor = os.open(self._mark, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            return os.read(descriptor, _STATE_BYTES) == self.state()
        except OSError:
            return False
        finally:
            os.close(descriptor)

    def mark(self) -> None:
        """Note what the file looks like now; where that cannot be done the next command verifies."""
        try:
            state = self.state()
        except OSError:
            # What was committed stays so: it must not look as if it had failed.
            return
        self.write_mark(state)

    def noted_writer(self) -> tuple[_Writer, int] | None:
        """Return the words that are noted of a writer, and when they were, in nanoseconds; None when there are none."""
        try:
            descriptor = os.open(self._mark, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            inode, *words = os.pread(descriptor, _MARK_BYTES, 0).split()
            if int(inode) != os.stat(self.path).st_ino or len(words) != 2 + _WORDS_OF_A_WRITER:
                return None
            process, start, boot, device, head = words[2:]
            return (process, start, boot, device, head), os.fstat(descriptor).st_ctime_ns
        except (OSError, ValueError):
            return None
        finally:
            os.close(descriptor)

    def extend(self, size: int) -> None:
        """Have the disk hold the file with a size at least; what is in it stays. LMDB's lock for writers is held.

        :param size: in bytes.
        :raises OSError: when there is no space for that; the file has its old size then.
        """
        from esmith.store.lmdb.commit import Commit

        failure: OSError | None = None
        with Commit(self):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                _allocate(descriptor, size)
            except OSError as error:
                # Its pages are what they were, so it is marked in this case as well.
                failure = error
            finally:
                os.close(descriptor)
        if failure is not None:
            raise failure

    def state(self) -> bytes:
        """Return what the file looks like.

        :raises OSError: when it cannot be looked at.
        """
        status = os.stat(self.path)
        return b"%020d %020d %020d\n" % (status.st_ino, status.st_size, status.st_ctime_ns)

    def write_mark(self, state: bytes, writer: bytes = b"") -> None:
        """Write the mark where that is possible.

        :param state: what the file looks like.
        :param writer: what is noted of a process that is about to commit.
        """
        try:
            descriptor = self._open_mark()
            try:
                os.pwrite(descriptor, (state + writer).ljust(_MARK_BYTES - 1) + b"\n", 0)
            finally:
                os.close(descriptor)
        except OSError:
            # A full disk, a read-only one, or no permission: no reason for a command to fail.
            return

    def _open_mark(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            return os.open(self._mark, flags, FILE_MODE)
        except PermissionError:
            # Made by somebody else, e.g. by root in the folder of a plain user.
            os.unlink(self._mark)
            return os.open(self._mark, flags, FILE_MODE)

    def _verify(self, *, thorough: bool) -> None:
        import fcntl

        from esmith.store.lmdb.commit import is_of_killed_writer
        from esmith.store.locks import try_flock, wait_for_flock

        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if thorough:
                wait_for_flock(descriptor, self.path, fcntl.LOCK_SH)
            elif not try_flock(descriptor, fcntl.LOCK_SH):
                return
            if not thorough and self.is_as_marked():
                return
            state = self.state()
            if not thorough and is_of_killed_writer(self, descriptor):
                self.write_mark(state)
                return
            from esmith.store.lmdb.verify import find_damage

            damage = find_damage(self.path)
            if damage is not None:
                from esmith.store.lmdb.trouble import restore_hint

                raise StoreError(damage, place=self.path, hint=restore_hint(self.path))
            # Of before verifying: what a program that knows no lock of ours changed meanwhile is verified next time.
            self.write_mark(state)
        finally:
            os.close(descriptor)


def _allocate(descriptor: int, size: int) -> None:
    """Let a file have disk space for all of its first bytes: for holes in it, and behind its end."""
    old = os.fstat(descriptor).st_size
    try:
        os.posix_fallocate(descriptor, 0, max(old, size))
    except OSError as error:
        # Some file systems keep what they could get.
        os.ftruncate(descriptor, old)
        import errno

        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
