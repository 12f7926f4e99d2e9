"""A copy of a prepared folder that tests use one after another: what one has changed is restored for the next.

To copy the thousand files of a root, and to remove them again, takes longer than many a test does, which changes few of
them. The kernel notes the time of each change of a file or a directory (ctime), and nobody can set that time. So what
has the same inode and the same time of its last change is as it was.

The engine sees in the same way whether a file that it remembers is as it was, so in a copy it remembers nothing. A copy
that is settled does: an event that changes nothing was signalled there, and what it remembers is restored with it. That
counts at one path only, which is the same for each borrower.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.commands import Root, copy_file, copy_prepared, copy_tree

#: Made again each time. LMDB maps the table of readers and writes there, which leaves no time; and a data file that a
#: test has left open in this process cannot be opened there again.
_AGAIN = ("/lock.mdb", "/data.mdb")
#: The clock of the times of files, which goes on in steps: CLOCK_REALTIME_COARSE of linux/time.h.
_CLOCK = 5
#: The engine does not remember a file that is younger (esmith.looks).
_YOUNG_SECONDS = 2.1
#: Of each file: device, inode, and time of the last change, in nanoseconds.
_Identities = dict[str, tuple[int, int, int]]


class CopyRoot(Protocol):
    """Returns a copy of a prepared root for this test; its commands act on the copy."""

    def __call__(self, source: Path, /, settle: Callable[[Path], None] | None = None) -> Root:
        """Return it.

        :param settle: what is done in a new copy of this root, before it is lent to one test after another.
        """


class Reused:
    """A copy that is lent to one test at a time.

    :param source: the prepared folder, which never changes.
    :param place: an empty folder for the copy while nobody has it, in the file system where it is lent to.
    :param settle: what is done in a new copy, where it is lent to: what it changes is there for each.
    """

    def __init__(self, source: Path, place: Path, settle: Callable[[Path], None] | None = None) -> None:
        self._prepared = source
        self._source = source
        self._settle = settle
        self._folder = place
        self._copies = 0
        self._known: _Identities = {}

    @property
    def _place(self) -> Path:
        return self._folder / str(self._copies)

    def lend(self, target: Path) -> None:
        """Move the copy to the borrower's place, with modes, owners, times and contents as in the prepared folder."""
        if not (self._place.is_dir() and self._restore()):
            self._copies += 1
            copy_prepared(self._prepared, self._place)
            if self._settle is not None:
                self._settle_at(target, self._settle)
            self._known = _look(str(self._place))
        # A change in the same step of the clock could not be seen.
        newest = max(time_of_change for _, _, time_of_change in self._known.values())
        while time.clock_gettime_ns(_CLOCK) <= newest:
            time.sleep(0.001)
        self._move_to(target)

    def _move_to(self, target: Path) -> None:
        # What waits in the background for a confirmation may have made its lock there once more.
        _remove(str(target))
        self._place.rename(target)

    def _settle_at(self, target: Path, settle: Callable[[Path], None]) -> None:
        self._move_to(target)
        time.sleep(_YOUNG_SECONDS)
        settle(target)
        target.rename(self._place)
        self._source = self._folder / f"settled-{self._copies}"
        copy_tree(self._place, self._source)

    def take_back(self, target: Path) -> None:
        """Take back what was lent; the next one gets a new copy when it is not there any more."""
        if target.is_dir() and not target.is_symlink():
            target.rename(self._place)

    def _restore(self) -> bool:
        """Restore what was changed; return whether that was possible."""
        try:
            found = _look(str(self._place))
            other = {path for path, known in self._known.items() if found.get(path) != known or path.endswith(_AGAIN)}
            for path in sorted(found.keys() - self._known.keys()):
                _remove(f"{self._place}{path}")
            for path in sorted(other):
                self._make(path)
            # To make a file changes the time of its directory.
            touched = other | {os.path.dirname(path).rstrip("/") for path in other} | {""}
            for path in touched:
                self._set_attributes(path)
            for path in touched - {""}:
                self._known[path] = _identity(os.lstat(f"{self._place}{path}"))
        except OSError:
            # A directory that only root may enter, or a file system that is mounted there.
            return False
        return True

    def _make(self, path: str) -> None:
        """Make one file, link or directory as it was; what is in a directory stays."""
        source, target = f"{self._source}{path}", f"{self._place}{path}"
        mode = os.lstat(source).st_mode
        if stat.S_ISDIR(mode):
            if not os.path.isdir(target) or os.path.islink(target):
                _remove(target)
                os.mkdir(target)
            return
        _remove(target)
        if stat.S_ISLNK(mode):
            os.symlink(os.readlink(source), target)
        elif stat.S_ISREG(mode):
            copy_file(source, target)
        else:
            raise OSError(f"{source} is neither file, link nor directory")

    def _set_attributes(self, path: str) -> None:
        """Set owner, mode and times."""
        status, target = os.lstat(f"{self._source}{path}"), f"{self._place}{path}"
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(target, stat.S_IMODE(status.st_mode))
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_dev, status.st_ino, status.st_ctime_ns


def _look(top: str) -> _Identities:
    """Return the identity of all that is below a folder.

    :raises OSError: when not all of it can be looked at, or a file system is mounted in it.
    """
    found: _Identities = {}
    waiting, start, device = [top], len(top), os.lstat(top).st_dev
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if status.st_dev != device:
                    raise OSError(f"{entry.path} is in another file system")
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)
                found[entry.path[start:]] = _identity(status)
    return found


def _remove(path: str) -> None:
    """Remove a file or a folder with all that is in it, when it is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
