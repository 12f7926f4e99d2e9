"""The files that an install replaces: kept before it, in a directory of the engine, and restored from there.

What is kept is durable before the install begins: the content, the names, and the directories above. It may be on
another file system than the databases, whose commit makes nothing of it durable.

In directories of ours an old file costs only a second name. One in a directory of a user is copied: the user may still
write into his own, and the copy is restored with his rights.
"""

from __future__ import annotations

import os
import stat

from esmith.contexts import suppress
from esmith.disk import Directory, Disk, waiting_file
from esmith.fields import dataclass
from esmith.plan.host import PERMISSIONS, PRIVATE, PUBLIC, trouble
from esmith.plan.installed import OUTPUTS, Installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout
    from esmith.plan.output import Output

_MODES = 0o7777
#: The highest number of a user means no change: chown(2).
_NO_ID = 2**32 - 1


@dataclass
class Before:
    """What was at the place of one output before an install.

    :param path: the output's path in the configured system.
    :param stored: the name of the kept file or link; "" when there was nothing, or its content stays.
    :param copied: the kept file is a copy, not the old file itself.
    :param stays: its content stays; only mode and owner change.
    :param mode: its permissions.
    :param uid: its owner.
    :param gid: its group.
    :param row: what the engine remembered of it.
    :param new: the digest of what the install put there, "" for nothing; None when that is not known.
    :param mark: its size, time and inode, see :func:`esmith.plan.installed.fingerprint_of`; "" when not known.
    :param directory: it is a directory that was made: it is removed where nothing is in it.
    """

    path: str
    stored: str = ""
    copied: bool = False
    stays: bool = False
    mode: int = 0
    uid: int = 0
    gid: int = 0
    row: str | None = None
    new: str | None = None
    mark: str = ""
    directory: bool = False

    @property
    def installed(self) -> Installed | None:
        """What the engine remembered of it; None for nothing, or when that is damaged."""
        return None if self.row is None else OUTPUTS.read(self.path, self.content_of_row)

    @property
    def content_of_row(self) -> bytes:
        """The same as the bytes of its row; none for nothing."""
        return (self.row or "").encode("utf-8", "surrogateescape")

    def remember(self, installed: Installed | None) -> None:
        """Note what the engine remembers of it; None for nothing."""
        self.row = None if installed is None else installed.encode().decode("utf-8", "surrogateescape")

    @property
    def is_possible(self) -> bool:
        """Whether the kept name, the permissions and the owner can be those of a file."""
        is_name = not self.stored or self.stored.isdecimal()
        return is_name and 0 <= self.mode <= _MODES and 0 <= self.uid < _NO_ID and 0 <= self.gid < _NO_ID


def kept_directory(layout: Layout, number: int) -> str:
    """Return the directory of what an install replaced."""
    return os.path.join(layout.state, "generations", str(number))


def make_kept(layout: Layout, disk: Disk, number: int) -> Directory:
    """Make the directory of what an install replaces, empty and private.

    :raises InstallError: when that is not possible.
    """
    path = kept_directory(layout, number)
    try:
        above = disk.directory(os.path.dirname(path), make=PUBLIC)
        if above.look(str(number)) is not None:
            above.remove_tree(str(number))
        return above.make(str(number), PRIVATE)
    except OSError as error:
        raise trouble(path, error) from error


def keep(output: Output, disk: Disk, kept: Directory, name: str) -> Before:
    """Keep what is at the place of an output.

    :param kept: the directory for what is kept.
    :param name: the name it gets there.
    :raises UserFileError: when that is not possible in a directory of a user.
    :raises InstallError: when it is not possible elsewhere.
    """
    from esmith.plan.output import Difference

    return keep_file(output.path, output.target, disk, kept, name, stays=output.difference is Difference.ATTRIBUTES)


def keep_file(path: str, target: str, disk: Disk, kept: Directory, name: str, *, stays: bool = False) -> Before:
    """Keep what is at a place, as :func:`keep` does.

    :param path: the place, as a path of the configured system.
    :param target: the same, as a path of this disk.
    :param stays: whether its content stays.
    """
    try:
        directory = disk.find(os.path.dirname(target))
        status = directory.look(os.path.basename(target)) if directory is not None else None
        if directory is None or status is None:
            return Before(path)
        before = Before(path)
        before.stays = stays
        if not before.stays:
            before.stored = name
            if directory.is_ours:
                # Whoever wrote the old file did not wait for the disk perhaps. Before it gets its second name, because
                # that costs nothing when it is on the disk.
                directory.sync_file(os.path.basename(target))
            before.copied = not _linked(directory, os.path.basename(target), kept, name)
        if before.copied:
            # What it holds and whose it is are those of one open file: the name may be another one's by now.
            content, status = directory.take(os.path.basename(target))
            if stat.S_ISLNK(status.st_mode):
                kept.make_link(name, content, None)
            else:
                kept.write(name, content, 0o600, None)
        before.mode, before.uid, before.gid = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
        return before
    except NotADirectoryError:
        # A file is in the place of its directory, so it is not there itself.
        return Before(path)
    except OSError as error:
        raise trouble(target, error) from error


def _linked(directory: Directory, name: str, other: Directory, new: str) -> bool:
    """Give a file a second name in another directory, and return whether that was possible.

    It costs nothing, and nothing of ours ever writes into an old file. But a user might.
    """
    try:
        directory.hard_link(name, other, new)
    except OSError:
        return False
    return True


def is_in_place(before: Before, disk: Disk, directory: Directory, name: str, kept: str) -> bool:
    """Return whether the old file itself has its name still, or has it again.

    The parameters are those of :func:`restore_file`, which is called for other files only: renaming one link of a file
    over another does nothing, and leaves the first.

    :raises FileNotFoundError: when what was kept is gone.
    :raises OSError: when it cannot be read; a UserDirectoryError in a directory of a user.
    """
    if not before.stored or before.copied:
        return False
    there, old = directory.look(name), disk.directory(kept).look(before.stored)
    return there is not None and old is not None and os.path.samestat(there, old)


def restore_file(before: Before, disk: Disk, directory: Directory, name: str, kept: str) -> None:
    """Restore what was at the place of an output. It is durable when the caller has synced the directory.

    That is to be done even where the old file has its name already (:func:`is_in_place`): an attempt before this one
    restored it perhaps, and was killed before the directory was synced.

    :param directory: the directory of the place.
    :param name: the name in it.
    :param kept: the directory of what the install replaced, as a path of this disk.
    :raises FileNotFoundError: when what was kept is gone.
    :raises OSError: when that is not possible; a UserDirectoryError in a directory of a user.
    """
    if before.directory:
        directory.remove_empty(name)
        return
    owner = (before.uid, before.gid)
    if before.stays:
        status = directory.look(name)
        if status is None or not stat.S_ISREG(status.st_mode) or status.st_nlink == 1 or directory.is_a_users:
            directory.set_attributes(name, before.mode, owner)
            return
        # It is what a later install kept, and was restored from there: that file has both names.
        content, _ = directory.take(name)
        with waiting_file(directory) as staged:
            directory.write(staged, content, before.mode, owner if os.geteuid() == 0 else None)
            directory.rename(staged, name)
        return
    if not before.stored:
        directory.remove_if_there(name)
        return
    with waiting_file(directory) as staged:
        _stage_kept(before, disk.directory(kept), directory, staged)
        directory.rename(staged, name)


def _stage_kept(before: Before, source: Directory, directory: Directory, staged: str) -> None:
    """Give a kept file a temporary name in the directory it is to be restored to."""
    if not before.copied and _linked(source, before.stored, directory, staged):
        return
    content, status = source.take(before.stored)
    owner = (before.uid, before.gid) if os.geteuid() == 0 else None
    if stat.S_ISLNK(status.st_mode):
        directory.make_link(staged, content, directory.user if directory.is_a_users else owner)
    else:
        mode = before.mode & (PERMISSIONS if directory.is_a_users else ~0)
        directory.write(staged, content, mode, owner)


def forget_kept(layout: Layout, disk: Disk, number: int) -> None:
    """Remove what was kept of an install; what cannot be removed only takes space."""
    with suppress(OSError):
        disk.directory(os.path.dirname(kept_directory(layout, number))).remove_tree(str(number))
