"""A model of a disk: what is on it for sure, and the changes that a power loss may still take back.

It is the weakest file system that fsync(2), rename(2) and the documents of ext4 and XFS in the kernel allow:

- ``fsync`` and ``fdatasync`` of a file make durable what was written to it (``fsync`` also owner and mode), and not its
  name. ``fsync`` of a directory makes its names durable, and not what is in the files.
- Until then each change is on the disk or is not, whatever was done before or after it: a page that was written, a
  length, a mode, a name. A page that is missing in the middle reads as zeros. So a file that was renamed and never
  synced may be empty under its new name, and of two renames in one directory the second may be there and not the first.
- One call changes names as a whole: a rename is there with both its names or not at all, also between directories.
- A page of 4,096 bytes is written whole. A file opened with O_SYNC or O_DSYNC is synced by each write.

A real ext4 or XFS keeps more in order than that, so what holds here holds there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISLNK, S_ISREG

PAGE_BYTES = 4096


@dataclass(frozen=True)
class Node:
    """What one inode is.

    :param source: a file that holds its content, when that was never written.
    :param content: what a file holds, or what a link points to.
    :param names: the inodes of a directory by their names; None for a file or a link.
    """

    mode: int
    owner: tuple[int, int]
    source: Path | None = None
    content: bytes = b""
    names: Mapping[str, int] | None = None
    is_link: bool = False

    def data(self) -> bytes:
        """Return what a file holds."""
        return self.source.read_bytes() if self.source is not None else self.content


#: A whole disk: the nodes by their numbers. Number 0 is the root. Nodes are never changed in place.
Nodes = dict[int, Node]
Apply = Callable[[Nodes], None]


@dataclass(frozen=True)
class Change:
    """A change that is not yet durable.

    :param kind: what it is, for messages.
    :param inodes: the inodes of which a sync makes it durable.
    :param apply: makes it.
    :param is_data: whether fdatasync(2) is enough.
    :param names: the names it gives or takes away, each with its directory.
    """

    kind: str
    inodes: frozenset[int]
    apply: Apply
    is_data: bool = True
    names: frozenset[tuple[int, str]] = frozenset()


@dataclass
class Disk:
    """The disk of a root.

    :param durable: what no power loss can take away.
    :param now: what programs see.
    :param pending: what is in ``now`` and not in ``durable``, the oldest first.
    """

    durable: Nodes = field(default_factory=dict)
    now: Nodes = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)

    @classmethod
    def of(cls, root: Path) -> Disk:
        """Return the disk that holds what is in a folder, all of it durable."""
        disk = cls()
        disk._load(root, {})
        disk.now = dict(disk.durable)
        return disk

    def make(self, node: Node) -> int:
        """Return the number of a new inode, which has no name yet."""
        number = len(self.now)
        self.now[number] = self.durable[number] = node
        return number

    def change(self, change: Change) -> None:
        """Make a change that is not durable yet."""
        change.apply(self.now)
        self.pending.append(change)

    def sync(self, inode: int | None, *, only_data: bool = False) -> None:
        """Make durable what was changed of an inode; of all for None."""
        synced = {
            index
            for index, change in enumerate(self.pending)
            if inode is None or (inode in change.inodes and (change.is_data or not only_data))
        }
        names: set[tuple[int, str]] = set()
        for index in reversed(range(len(self.pending))):
            # What a synced rename took from another directory does not come back there.
            if index in synced or names & self.pending[index].names:
                synced.add(index)
                names |= self.pending[index].names
        for index in sorted(synced):
            self.pending[index].apply(self.durable)
        self.pending = [change for index, change in enumerate(self.pending) if index not in synced]

    def after(self, changes: list[Change]) -> Nodes:
        """Return the disk after a power loss that some of the pending changes survived."""
        nodes = dict(self.durable)
        for change in changes:
            change.apply(nodes)
        return nodes

    def _load(self, path: Path, known: dict[tuple[int, int], int]) -> int:
        status = path.lstat()
        identity = (status.st_dev, status.st_ino)
        if identity in known:
            return known[identity]
        number = known[identity] = len(self.durable)
        mode, owner = S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
        if S_ISLNK(status.st_mode):
            self.durable[number] = Node(mode, owner, content=os.fsencode(os.readlink(path)), is_link=True)
        elif S_ISDIR(status.st_mode):
            self.durable[number] = Node(mode, owner, names={})
            names = {name: self._load(path / name, known) for name in sorted(os.listdir(path))}
            self.durable[number] = Node(mode, owner, names=names)
        else:
            assert S_ISREG(status.st_mode), path
            self.durable[number] = Node(mode, owner, source=path)
        return number


def set_names(directory: int, names: Mapping[str, int | None]) -> Apply:
    """Return the change of a directory that gives names to inodes, and takes away those without one."""

    def apply(nodes: Nodes) -> None:
        old = nodes[directory].names
        assert old is not None
        new = {name: inode for name, inode in {**old, **names}.items() if inode is not None}
        nodes[directory] = replace(nodes[directory], names=new)

    return apply


def both(first: Apply, second: Apply) -> Apply:
    """Return two changes as one."""

    def apply(nodes: Nodes) -> None:
        first(nodes)
        second(nodes)

    return apply


def write_page(inode: int, offset: int, data: bytes) -> Apply:
    """Return the change of a file that writes bytes."""

    def apply(nodes: Nodes) -> None:
        old = nodes[inode].data().ljust(offset, b"\0")
        content = old[:offset] + data + old[offset + len(data) :]
        nodes[inode] = replace(nodes[inode], source=None, content=content)

    return apply


def set_size(inode: int, size: int, *, only_longer: bool = False) -> Apply:
    """Return the change of a file that cuts it or makes it longer."""

    def apply(nodes: Nodes) -> None:
        old = nodes[inode].data()
        content = old.ljust(size, b"\0") if only_longer else old[:size].ljust(size, b"\0")
        if content != old:
            nodes[inode] = replace(nodes[inode], source=None, content=content)

    return apply


def set_mode(inode: int, mode: int) -> Apply:
    """Return the change of an inode's mode."""

    def apply(nodes: Nodes) -> None:
        nodes[inode] = replace(nodes[inode], mode=mode)

    return apply


def set_owner(inode: int, uid: int, gid: int) -> Apply:
    """Return the change of an inode's owner; -1 leaves a number as it is."""

    def apply(nodes: Nodes) -> None:
        old = nodes[inode].owner
        owner = tuple(before if number == -1 else number for number, before in zip((uid, gid), old, strict=True))
        nodes[inode] = replace(nodes[inode], owner=(owner[0], owner[1]))

    return apply


def pages_of(offset: int, data: bytes) -> list[tuple[int, bytes]]:
    """Return a write as writes of one page each."""
    parts = []
    while data:
        length = PAGE_BYTES - offset % PAGE_BYTES
        parts.append((offset, data[:length]))
        offset, data = offset + length, data[length:]
    return parts
