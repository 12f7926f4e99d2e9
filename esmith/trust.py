"""Whose files the engine believes: what it reads as its own, and runs, may be written by nobody but its owners.

Under ``/`` the owner is root. Under a root folder it is root or the user who runs the command, or with
``--trust-owner`` also the owner of that folder. What a plain user owns he may believe under ``/`` as well: it is in his
own hand already. docs/security.md says what that protects from.

A path counts when it, every directory above it and every link on the way have such an owner and nobody else may write
them. Under a root folder that begins at the folder; where a link leads out of it, at ``/``. Nothing here imports more
than ``os`` and ``stat``, because every ``config getprop`` asks for the way to the databases.
"""

from __future__ import annotations

import os
import stat

from esmith.errors import UntrustedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

#: Set to a word that is not empty, the owner of a root folder is believed; ``--trust-owner`` sets it, so that the
#: commands of an action agree.
ENVIRONMENT = "ESMITH_TRUST_OWNER"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
#: The kernel follows no more links on one way (path_resolution(7)).
_MOST_LINKS = 40


def owners_of(root: str, *, trust_owner: bool = False) -> frozenset[int]:
    """Return the numbers of the users who may own what the engine believes.

    :param root: the root, as an absolute path of this disk.
    :param trust_owner: whether the owner of a root folder is one of them.
    :raises OSError: when the root cannot be looked at.
    """
    owners = {0, os.geteuid()}
    if trust_owner and root != "/":
        owners.add(os.stat(root).st_uid)
    return frozenset(owners)


def is_ours(status: os.stat_result, owners: frozenset[int]) -> bool:
    """Return whether a file or directory belongs to one of its owners, and nobody else may write it.

    The mode of a symbolic link says nothing; who owns the directory it is in decides.
    """
    if status.st_uid not in owners:
        return False
    return stat.S_ISLNK(status.st_mode) or not others_may_write(status)


def others_may_write(status: os.stat_result) -> bool:
    """Return whether its group or others may write a file, or make names in a directory."""
    return bool(status.st_mode & _OTHERS)


def is_shared(status: os.stat_result) -> bool:
    """Return whether it is a directory such as ``/tmp``: anybody makes names in it, only their owners remove them."""
    return stat.S_ISDIR(status.st_mode) and bool(status.st_mode & stat.S_ISVTX)


class Trust:
    """Decides which paths of one root are trusted, and remembers which it has looked at.

    :param root: the root, as an absolute path of this disk.
    :param trust_owner: whether the owner of a root folder is believed.
    """

    def __init__(self, root: str, *, trust_owner: bool = False) -> None:
        self.root = root
        self._trust_owner = trust_owner
        self._owners: frozenset[int] | None = None
        # How many faults were found so far.
        self._found = 0
        self.renew()

    def renew(self) -> None:
        """Forget what was looked at: whoever runs for long looks again at each piece of work."""
        self._sound: set[str] = set()
        self._shared: set[str] = set()
        self._trees: dict[str, list[tuple[str, os.stat_result]]] = {}

    @property
    def owners(self) -> frozenset[int]:
        """The numbers of the users who may own what counts."""
        if self._owners is None:
            self._owners = owners_of(self.root, trust_owner=self._trust_owner)
        return self._owners

    def believed_owner(self) -> int | None:
        """Return the owner of the root folder when only ``--trust-owner`` makes this user believe him, else None."""
        owner = os.stat(self.root).st_uid
        return owner if owner in self.owners and owner not in owners_of(self.root) else None

    def require(self, *paths: str) -> None:
        """Refuse paths that do not count: each, the directories above it and the links on its way.

        One that is not there counts, as far as there is a way to it.

        :param paths: absolute paths of this disk.
        :raises UntrustedError: for the first thing that does not count, with the cure.
        """
        for path in paths:
            for fault in self.faults(path):
                raise fault

    def require_trees(self, *paths: str) -> None:
        """Refuse directories in which anything does not count, however deep, and what links in them lead to.

        :raises UntrustedError: for the first thing that does not count, with the cure.
        """
        for path in paths:
            if path not in self._trees:
                for fault in self.tree_faults(path):
                    raise fault

    def found_in(self, path: str) -> list[tuple[str, os.stat_result]]:
        """Return all that is in a directory, however deep, as it looked when the whole of it was found to count.

        Links are among it themselves, and of what they lead to what is in directories.

        :raises KeyError: when it was not looked at since :meth:`renew`, or something does not count.
        """
        return self._trees[path]

    def faults(self, path: str) -> Iterator[UntrustedError]:
        """Yield what does not count on the way to a path, and the path itself."""
        yield from self._way(path)

    def tree_faults(self, path: str) -> Iterator[UntrustedError]:
        """Yield what does not count on the way to a directory, in it, and behind the links in it."""
        pending: list[str] = [path]
        seen: set[str] = set()
        entries: list[tuple[str, os.stat_result]] = []
        found = self._found
        while pending:
            place = yield from self._way(pending.pop())
            directories = [place] if place else []
            while directories:
                directory = directories.pop()
                if directory in seen:
                    continue
                seen.add(directory)
                yield from self._entries(directory, directories, pending, entries)
        if found == self._found:
            self._trees[path] = entries

    def _entries(
        self, directory: str, directories: list[str], links: list[str], found: list[tuple[str, os.stat_result]]
    ) -> Iterator[UntrustedError]:
        """Yield what does not count right in a directory, and add its directories, its links and all of it to lists."""
        try:
            entries = os.scandir(directory)
        except OSError:
            # It is not a directory, or this command cannot read it either.
            return
        owners, shared = self.owners, directory in self._shared
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            found.append((entry.path, status))
            kind = stat.S_IFMT(status.st_mode)
            if kind == stat.S_IFLNK:
                links.append(entry.path)
                continue
            if kind == stat.S_IFDIR:
                directories.append(entry.path)
            if shared or status.st_uid not in owners or status.st_mode & _OTHERS:
                fault = self._fault(entry.path, status, shared=shared)
                if fault is not None:
                    yield fault

    def _way(self, path: str) -> Generator[UntrustedError, None, str]:
        """Yield what does not count on the way to a path; return where it leads to in the end, "" when nowhere."""
        place, names = self._start(path)
        yield from self._base(place)
        links = 0
        link = ""
        while names:
            name = names.pop()
            if name in ("", "."):
                continue
            if name == "..":
                place = yield from self._above(place, names)
                continue
            inside = f"{place}/{name}"
            if inside not in self._sound:
                try:
                    status = os.lstat(inside)
                    target = os.readlink(inside) if stat.S_ISLNK(status.st_mode) else ""
                except OSError:
                    # It is not there, or nobody of this command gets to it either.
                    return ""
                for fault in self._judged(inside, status, shared=(place or "/") in self._shared):
                    yield _behind(link, fault)
                if target:
                    link = link or inside
                    links += 1
                    if links > _MOST_LINKS:
                        return ""
                    place = yield from self._aim(link, target, place, names)
                    continue
            place = inside
        return place or "/"

    def _above(self, place: str, names: list[str]) -> Generator[UntrustedError, None, str]:
        """Yield what does not count of the directory above a place; return where the way goes on.

        :param names: the rest of the way, the next name last; gets the names to the directory above the root folder.
        """
        if place != self.root:
            return os.path.dirname(place).rstrip("/")
        # Out of the root folder, from where on the directories above it count, too.
        names += os.path.dirname(place).split("/")[::-1]
        yield from self._base("")
        return ""

    def _aim(self, link: str, target: str, place: str, names: list[str]) -> Generator[UntrustedError, None, str]:
        """Yield what does not count where the target of a link begins; return where the way goes on.

        :param link: the first link on the way.
        :param place: the directory the link is in.
        :param names: the rest of the way, the next name last; gets the names of the target.
        """
        if not target.startswith("/"):
            names += target.split("/")[::-1]
            return place
        start, more = self._start(target)
        for fault in self._base(start):
            yield _behind(link, fault)
        names += more
        return start

    def _start(self, path: str) -> tuple[str, list[str]]:
        """Return where the way to an absolute path begins, "" for ``/``, and the names on it, the first one last."""
        if self.root != "/" and (path == self.root or path.startswith(f"{self.root}/")):
            return self.root, path[len(self.root) :].split("/")[::-1]
        return "", path.split("/")[::-1]

    def _base(self, place: str) -> Iterator[UntrustedError]:
        """Yield what does not count of the directory a way begins at."""
        base = place or "/"
        if base in self._sound:
            return
        try:
            status = os.stat(base)
        except OSError:
            return
        yield from self._judged(base, status, shared=False)

    def _judged(self, place: str, status: os.stat_result, *, shared: bool) -> Iterator[UntrustedError]:
        """Yield why something does not count, and remember what does."""
        if is_shared(status):
            self._shared.add(place)
        fault = self._fault(place, status, shared=shared)
        if fault is not None:
            yield fault
        elif not stat.S_ISLNK(status.st_mode):
            self._sound.add(place)

    def _fault(self, place: str, status: os.stat_result, *, shared: bool) -> UntrustedError | None:
        """Return why something does not count, None when it does.

        :param shared: whether anybody makes names in the directory it is in.
        """
        if is_shared(status):
            self._shared.add(place)
        if is_ours(status, self.owners) and not (shared and status.st_nlink > 1):
            return None
        from esmith.ownership import find_fault

        fault = find_fault(place, status, self.owners, shared=shared, root=self.root)
        self._found += fault is not None
        return fault


def _behind(link: str, fault: UntrustedError) -> UntrustedError:
    """Return a fault of something that a link leads to, with the link: perhaps that is what is wrong.

    :param link: where the link is; "" when there was none on the way.
    """
    if link:
        fault.message = f"{fault.message} (the link {link} leads there)"
    return fault
