"""Recorded system calls, made again on the model of a disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from tests.power import disk as model
from tests.power.calls import Call
from tests.power.disk import Change, Disk, Node

#: A file opened so is synced by each write.
_SYNCED = ("O_SYNC", "O_DSYNC")
_MAX_LINKS = 20


class Replay:
    """Makes the calls of commands on a disk.

    :param disk: as it is before the first command.
    :param root: the path that the root had when they were recorded, without links.
    """

    def __init__(self, disk: Disk, root: str) -> None:
        self.disk = disk
        self._root = root
        #: Where the next write of an open file goes: process and descriptor.
        self._offsets: dict[tuple[int, int], int] = {}
        self._flags: dict[tuple[int, int], set[str]] = {}

    def run(self, calls: list[Call]) -> Iterator[None]:
        """Make the calls; yield before each one that makes something durable, which is when most can be lost."""
        for call in calls:
            method: Callable[[Call], Iterator[None] | None] | None = getattr(self, f"_{call.name}", None)
            if method is None:
                assert not any(map(self._inside, call.paths)), f"the model knows no {call.name}"
                continue
            yield from method(call) or ()
        self._offsets.clear()
        self._flags.clear()

    # Paths.

    def _path(self, call: Call, text: int = 0, descriptor: int = 0) -> str | None:
        """Return the path in the root that an argument names; None for one that is elsewhere."""
        path = os.fsdecode(call.texts[text])
        if not path.startswith("/"):
            above = call.paths[descriptor] if call.paths else ""
            path = os.path.join(above, path) if path else above
        return self._inside(path)

    def _inside(self, path: str) -> str | None:
        path = os.path.normpath(path)
        if path == self._root or path.startswith(f"{self._root}/"):
            return path[len(self._root) :]
        return None

    def _find(self, path: str, *, follow: bool = True) -> tuple[int, str, int | None]:
        """Return the directory of a path, its name there, and its inode if there is one; links are followed."""
        parts = [part for part in path.split("/") if part]
        above: list[int] = [0]
        name, inode, links = "", 0, 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                inode = above.pop() if len(above) > 1 else 0
                continue
            node = self.disk.now[inode]
            assert node.names is not None, path
            name, found = part, node.names.get(part)
            if found is not None and self.disk.now[found].is_link and (parts or follow):
                links += 1
                assert links < _MAX_LINKS, path
                target = os.fsdecode(self.disk.now[found].content)
                if target.startswith("/"):
                    target = self._inside(target) or ""
                    inode, above = 0, [0]
                parts = [part for part in target.split("/") if part not in ("", ".")] + parts
                continue
            if not parts:
                return inode, name, found
            assert found is not None, f"the model has no {path}"
            above.append(inode)
            inode = found
        return above[-1], "", inode

    def _of_descriptor(self, call: Call) -> int | None:
        """Return the inode of the descriptor that is a call's first argument; None for one of another place."""
        path = self._inside(call.paths[0]) if call.paths else None
        return None if path is None else self._find(path, follow=False)[2]

    # Names.

    def _name(self, kind: str, names: dict[tuple[int, str], int | None]) -> None:
        """Give names to inodes, or take them away, as one change."""
        apply: model.Apply | None = None
        for directory in {directory for directory, _ in names}:
            here = model.set_names(
                directory, {name: inode for (place, name), inode in names.items() if place == directory}
            )
            apply = here if apply is None else model.both(apply, here)
        assert apply is not None
        text = f"{kind} {' '.join(name for _, name in names)}"
        directories = frozenset(directory for directory, _ in names)
        self.disk.change(Change(text, directories, apply, names=frozenset(names)))

    def _make(self, path: str, kind: str, node: Node) -> int:
        directory, name, _ = self._find(path, follow=False)
        inode = self.disk.make(node)
        self._name(kind, {(directory, name): inode})
        return inode

    def _openat(self, call: Call) -> None:
        flags = set(call.words[0].split("|"))
        path = self._path(call)
        key = (call.pid, call.result)
        self._offsets[key], self._flags[key] = 0, flags
        if path is None or not flags & {"O_WRONLY", "O_RDWR"} or call.opened.endswith("(deleted)"):
            return
        inode = self._find(path)[2]
        if inode is None and "O_CREAT" in flags:
            inode = self._make(path, "create", Node(int(call.words[1], 8), (os.geteuid(), os.getegid())))
        elif "O_TRUNC" in flags and inode is not None:
            self._resize(inode, 0)

    def _open(self, call: Call) -> None:
        self._openat(call)

    def _mkdirat(self, call: Call) -> None:
        if (path := self._path(call)) is not None:
            self._make(path, "mkdir", Node(int(call.words[0], 8), (os.geteuid(), os.getegid()), names={}))

    def _mkdir(self, call: Call) -> None:
        self._mkdirat(call)

    def _symlinkat(self, call: Call) -> None:
        if (path := self._path(call, text=1)) is not None:
            self._make(path, "symlink", Node(0o777, (os.geteuid(), os.getegid()), content=call.texts[0], is_link=True))

    def _symlink(self, call: Call) -> None:
        self._symlinkat(call)

    def _unlinkat(self, call: Call) -> None:
        if (path := self._path(call)) is not None:
            directory, name, _ = self._find(path, follow=False)
            self._name("unlink", {(directory, name): None})

    def _unlink(self, call: Call) -> None:
        self._unlinkat(call)

    def _rmdir(self, call: Call) -> None:
        self._unlinkat(call)

    def _linkat(self, call: Call) -> None:
        old, new = self._path(call), self._path(call, 1, 1)
        if old is not None and new is not None:
            directory, name, _ = self._find(new, follow=False)
            self._name("link", {(directory, name): self._find(old, follow=False)[2]})

    def _link(self, call: Call) -> None:
        self._linkat(call)

    def _renameat2(self, call: Call) -> None:
        old, new = self._path(call), self._path(call, 1, 1)
        assert (old is None) == (new is None), "a rename into the root or out of it"
        if old is None or new is None:
            return
        (from_directory, from_name, from_inode), (directory, name, inode) = (
            self._find(path, follow=False) for path in (old, new)
        )
        left = inode if "RENAME_EXCHANGE" in call.words else None
        if from_inode != inode:
            # Renaming one name of a file over another does nothing: rename(2).
            self._name("rename", {(from_directory, from_name): left, (directory, name): from_inode})

    def _renameat(self, call: Call) -> None:
        self._renameat2(call)

    def _rename(self, call: Call) -> None:
        self._renameat2(call)

    # Content.

    def _lseek(self, call: Call) -> None:
        if call.descriptors:
            self._offsets[call.pid, call.descriptors[0] or 0] = call.result

    def _write(self, call: Call) -> Iterator[None]:
        data = b"".join(call.texts)[: call.result]
        key = (call.pid, (call.descriptors or [0])[0] or 0)
        inode = self._of_descriptor(call)
        if inode is None:
            return
        if "O_APPEND" in self._flags.get(key, ()):
            self._offsets[key] = len(self.disk.now[inode].data())
        offset = self._offsets.get(key, 0)
        self._offsets[key] = offset + len(data)
        yield from self._put(call, inode, offset, data)

    def _writev(self, call: Call) -> Iterator[None]:
        yield from self._write(call)

    def _pwrite64(self, call: Call) -> Iterator[None]:
        inode = self._of_descriptor(call)
        if inode is not None:
            yield from self._put(call, inode, int(call.words[-1]), b"".join(call.texts)[: call.result])

    def _pwritev(self, call: Call) -> Iterator[None]:
        yield from self._pwrite64(call)

    def _put(self, call: Call, inode: int, offset: int, data: bytes) -> Iterator[None]:
        for place, part in model.pages_of(offset, data):
            self.disk.change(Change("write", frozenset([inode]), model.write_page(inode, place, part)))
        key = (call.pid, call.descriptors[0] or 0)
        if self._flags.get(key, set()) & set(_SYNCED):
            yield
            self.disk.sync(inode, only_data=True)

    def _resize(self, inode: int, size: int) -> None:
        self.disk.change(Change("truncate", frozenset([inode]), model.set_size(inode, size)))

    def _ftruncate(self, call: Call) -> None:
        inode = self._of_descriptor(call)
        if inode is not None:
            self._resize(inode, int(call.words[0]))

    def _fallocate(self, call: Call) -> None:
        inode = self._of_descriptor(call)
        if inode is not None:
            size = int(call.words[-2]) + int(call.words[-1])
            change = model.set_size(inode, size, only_longer=True)
            self.disk.change(Change("fallocate", frozenset([inode]), change))

    # Attributes.

    def _fchmod(self, call: Call) -> None:
        inode = self._of_descriptor(call)
        if inode is not None:
            self._attribute(inode, model.set_mode(inode, int(call.words[0], 8)))

    def _fchmodat(self, call: Call) -> None:
        path = self._path(call)
        inode = None if path is None else self._find(path)[2]
        if inode is not None:
            self._attribute(inode, model.set_mode(inode, int(call.words[0], 8)))

    def _chmod(self, call: Call) -> None:
        self._fchmodat(call)

    def _fchown(self, call: Call) -> None:
        inode = self._of_descriptor(call)
        if inode is not None:
            self._attribute(inode, model.set_owner(inode, int(call.words[0]), int(call.words[1])))

    def _fchownat(self, call: Call) -> None:
        path = self._path(call)
        follow = "AT_SYMLINK_NOFOLLOW" not in call.words[-1] and call.name != "lchown"
        inode = None if path is None else self._find(path, follow=follow)[2]
        if inode is not None:
            self._attribute(inode, model.set_owner(inode, int(call.words[0]), int(call.words[1])))

    def _chown(self, call: Call) -> None:
        self._fchownat(call)

    def _lchown(self, call: Call) -> None:
        self._fchownat(call)

    def _attribute(self, inode: int, apply: model.Apply) -> None:
        self.disk.change(Change("attribute", frozenset([inode]), apply, is_data=False))

    # Durability.

    def _fsync(self, call: Call) -> Iterator[None]:
        inode = self._of_descriptor(call)
        if inode is not None:
            yield
            self.disk.sync(inode, only_data=call.name == "fdatasync")

    def _fdatasync(self, call: Call) -> Iterator[None]:
        yield from self._fsync(call)

    def _sync(self, call: Call) -> Iterator[None]:
        if call.name == "sync" or self._of_descriptor(call) is not None:
            yield
            self.disk.sync(None)

    def _syncfs(self, call: Call) -> Iterator[None]:
        yield from self._sync(call)
