"""Many new files and names made durable by one call for each file system, in place of one for each of them.

An fsync(2) waits for the disk, and a first event writes hundreds of files. So when there are many, they are written
without it, and syncfs(2) then makes all of a file system durable at once: content, names, modes and owners. The promise
is the same (docs/reliability.md): all content is durable before the first rename, all names before an event is done.

syncfs(2) waits for whatever is not written yet, also of other programs: on a mail server that may be much. So it is
used only where that is less than what the syncs saved are worth. A disk spends about as much time on one sync as on
writing :data:`_BYTES_A_SYNC`, and ``Dirty`` and ``Writeback`` of /proc/meminfo say what waits to be written, on all
file systems: never less than is waited for.

It has to report what could not be written. So it is used only

- since Linux 5.17. Errors of content are reported since 5.8 (syncfs(2)), those of the file system itself, e.g. of a
  journal that was given up, since 5.17 (commit 5679897eb104, "vfs: make sync_filesystem return errors from ->sync_fs");
- on ext4 and XFS, of which that is known. One that lies upon others (overlayfs), or comes from another machine or
  program (NFS, FUSE), may not know of all errors;
- by a descriptor that was opened before anything was written: errors are reported to whoever had it open by then.

It reports also an error of other programs' files that nobody has seen yet. So when it fails, each file and
directory is synced by itself as if there was no syncfs, and only what fails then is an error. Directories of users are
never part of it: they may be file systems of users' own, and what fails there has to stop one file only.
"""

from __future__ import annotations

import os

from esmith.contexts import suppress
from esmith.disk.kernel import file_system_kind, sync_file_system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class _Directory(Protocol):
        """What is asked of an :class:`esmith.disk.directory.Directory`, which itself knows batches."""

        descriptor: int
        path: str

        @property
        def is_a_users(self) -> bool: ...

        def sync_file(self, name: str) -> None: ...

        def sync(self) -> None: ...

    class _Disk(Protocol):
        """What is asked of an :class:`esmith.disk.walk.Disk`."""

        def find(self, path: str) -> _Directory | None: ...


#: With fewer, the syncs take less time than loading what calls syncfs.
_MANY = 32
_BYTES_A_SYNC = 256 * 1024
#: The first Linux in which it reports all errors.
_REPORTS_ALL_ERRORS = (5, 17)
#: linux/magic.h: ext2, ext3 and ext4 have one number; XFS.
_KNOWN_KINDS = (0xEF53, 0x58465342)
_MEMORY = "/proc/meminfo"


class SyncBatch:
    """What is made durable together: new files, or directories in which names were changed.

    :param disk: the files of the root.
    :param count: how many there will be, about.
    """

    def __init__(self, disk: _Disk, count: int) -> None:
        self._disk = disk
        self._is_used = count > _MANY and _reports_errors() and _unwritten_bytes() <= count * _BYTES_A_SYNC
        #: A descriptor of each file system, by its device; None for one of which errors may not be known.
        self._systems: dict[int, int | None] = {}
        self._noted: list[tuple[str, str]] = []

    def __del__(self) -> None:
        self._close()

    def takes(self, directory: _Directory, name: str = "") -> bool:
        """Return whether :meth:`sync` will make something durable, so that nobody else has to.

        It is to be asked before anything is written.

        :param name: a file of the directory; "" for the names in it.
        """
        if not self._is_used or directory.is_a_users:
            return False
        device = os.fstat(directory.descriptor).st_dev
        if device not in self._systems:
            self._systems[device] = _opened(directory)
        if self._systems[device] is None:
            return False
        self._noted.append((directory.path, name))
        return True

    def sync(self) -> None:
        """Make durable what was taken since the last time.

        :raises OSError: when something of it cannot be written.
        """
        noted, self._noted = self._noted, []
        systems = [descriptor for descriptor in self._systems.values() if descriptor is not None]
        try:
            failed = [descriptor for descriptor in systems if noted and not sync_file_system(descriptor)]
            if failed:
                self._sync_each(noted)
        finally:
            self._close()

    def _sync_each(self, noted: list[tuple[str, str]]) -> None:
        for path, name in noted:
            directory = self._disk.find(path)
            # A file that could not be made whole was removed again.
            with suppress(FileNotFoundError):
                if directory is not None and name:
                    directory.sync_file(name)
                elif directory is not None:
                    directory.sync()

    def _close(self) -> None:
        systems, self._systems = self._systems, {}
        for descriptor in systems.values():
            if descriptor is not None:
                os.close(descriptor)


def _opened(directory: _Directory) -> int | None:
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory.descriptor)
    if file_system_kind(descriptor) in _KNOWN_KINDS:
        return descriptor
    os.close(descriptor)
    return None


def _reports_errors() -> bool:
    """Return whether the kernel is one whose syncfs reports all errors."""
    major, _, rest = os.uname().release.partition(".")
    minor = rest.partition(".")[0].partition("-")[0]
    return major.isdecimal() and minor.isdecimal() and (int(major), int(minor)) >= _REPORTS_ALL_ERRORS


def _unwritten_bytes() -> float:
    """Return how much is not on the disks yet, of all programs; more than anything where that is not known."""
    try:
        return sum(_kilobytes()) * 1024
    except (OSError, ValueError, IndexError):
        return float("inf")


def _kilobytes() -> Iterator[int]:
    with open(_MEMORY, encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    for name in ("Dirty", "Writeback"):
        yield int(lines.get(name, "").split()[0])
