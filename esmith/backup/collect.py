"""Which files a backup is of, and reading them: what somebody wrote, and what cannot be made again.

Files are read through descriptors (:mod:`esmith.disk`), once: what is in the backup is what one open file held.
"""

from __future__ import annotations

import os
import stat
from functools import cached_property

from esmith.accounts.system import book_of
from esmith.backup.form import CUSTOM, DIRECTORY, FILE, KEYS, LINK, NAME, File, fault_of, may_lead, part_of
from esmith.disk import UnusableError, UserDirectoryError
from esmith.layout import LAYERS
from esmith.names import is_temporary
from esmith.plan.host import PERMISSIONS, DiskHost, trouble
from esmith.plan.installed import OUTPUTS
from esmith.shipped import ShippedFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from esmith.accounts.book import Book
    from esmith.disk import Directory
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

#: The trees of the administrator below :data:`CUSTOM`, of which empty directories count as well.
_ADMINISTRATORS = (f"{CUSTOM}/{LAYERS[0]}", f"{CUSTOM}/services-custom")
#: Where a link to a directory counts as that directory.
_PLACES = (CUSTOM, *_ADMINISTRATORS, KEYS[0])
#: What Python makes of a check by itself.
_MADE = "__pycache__"
SHADOW = "/etc/shadow"


class KeptFiles:
    """The files of a root that a backup is of.

    :param layout: the root.
    :param outputs: the paths of generated files, which events make again.
    """

    def __init__(self, layout: Layout, outputs: Collection[str]) -> None:
        self._layout = layout
        self._outputs = frozenset(outputs)
        self._shipped = ShippedFiles(layout)
        self._disk = layout.disk()
        self._names = _Names(book_of(layout, DiskHost(layout)))
        #: The directories that were passed and not yielded yet.
        self._passed: list[File] = []
        #: The links in the place of directories, of which what they lead to is in the backup.
        self.followed: set[str] = set()
        #: What is left out, and why.
        self.notes: list[str] = []

    @classmethod
    def of(cls, layout: Layout, snapshot: Snapshot) -> KeptFiles:
        """Return the files of a root, of which the databases say what is generated."""
        return cls(layout, OUTPUTS.names(snapshot))

    def files(self, parts: Collection[str]) -> Iterator[tuple[File, bytes]]:
        """Yield the files of some parts with what they hold, each directory before what is in it.

        :raises InstallError: when one cannot be read.
        """
        for part, places in (("custom", (CUSTOM,)), ("keys", KEYS)):
            if part not in parts:
                continue
            for place in places:
                above = self._disk.find(self._layout.under(os.path.dirname(place)))
                self._passed = []
                if above is not None:
                    yield from self._walk(above, place)

    def _walk(self, above: Directory, path: str) -> Iterator[tuple[File, bytes]]:
        target = self._layout.under(path)
        try:
            status = above.look(os.path.basename(path))
            if status is None:
                return
            if stat.S_ISDIR(status.st_mode):
                yield from self._walk_directory(above.enter(os.path.basename(path)), path, status)
                return
            if stat.S_ISLNK(status.st_mode) and self._stands_for_directory(above, path):
                yield from self._follow(path)
                return
            if not self.is_wanted(path):
                return
            content, status = above.take(os.path.basename(path))
        except FileNotFoundError:
            # Removed in this moment.
            return
        except (UnusableError, UserDirectoryError) as error:
            self.notes.append(f"{path} is left out: {error.strerror}")
            return
        except OSError as error:
            raise trouble(target, error) from error
        is_link = stat.S_ISLNK(status.st_mode)
        file = self._file(path, LINK if is_link else FILE, status, os.fsdecode(content) if is_link else "")
        if fault := fault_of(file):
            self.notes.append(f"{path} is left out: {fault}")
            return
        yield from ((directory, b"") for directory in self._passed)
        self._passed = []
        yield file, b"" if is_link else content

    def _stands_for_directory(self, above: Directory, path: str) -> bool:
        """Return whether a link is in the place of a directory that the engine looks into.

        One that a backup may have as a link is none, so that older backups stay good.
        """
        if path not in _PLACES and path.removeprefix(f"{CUSTOM}/") not in self._shipped_directories:
            return False
        target = os.fsdecode(above.read_link(os.path.basename(path)))
        return not (part_of(path) and self.is_wanted(path) and may_lead(path, target))

    def _follow(self, path: str) -> Iterator[tuple[File, bytes]]:
        target = self._layout.under(path)
        for untrusted in self._layout.trust.faults(target):
            self.notes.append(f"{path} is left out, with all that it leads to: {untrusted.place} {untrusted.message}")
            return
        try:
            directory = self._disk.find(target)
        except OSError as error:
            self.notes.append(f"{path} is left out, a link: {error.strerror}")
            return
        if directory is None:
            self.notes.append(f"{path} is left out: it is a link that leads nowhere")
            return
        self.followed.add(path)
        yield from self._walk_directory(directory, path, os.fstat(directory.descriptor))

    def _walk_directory(self, directory: Directory, path: str, status: os.stat_result) -> Iterator[tuple[File, bytes]]:
        if os.path.basename(path) == _MADE:
            return
        if path != CUSTOM:
            file = self._file(path, DIRECTORY, status)
            if fault := fault_of(file):
                self.notes.append(f"{path} is left out, with all that is in it: {fault}")
                return
            self._passed.append(file)
        if f"{path}/".startswith(tuple(f"{place}/" for place in (*_ADMINISTRATORS, *KEYS))):
            yield from ((one, b"") for one in self._passed)
            self._passed = []
        for name in sorted(os.listdir(self._layout.under(path))):
            if not is_temporary(name):
                yield from self._walk(directory, f"{path}/{name}")
        if self._passed and self._passed[-1].path == path:
            # Nothing of it counts.
            self._passed.pop()

    def is_wanted(self, path: str) -> bool:
        """Return whether a file is one that a backup is of: neither shipped nor generated.

        :param path: an absolute path of the configured system, in one of the places that backups are of.
        """
        if path in self._outputs:
            return False
        if not path.startswith(f"{CUSTOM}/") or path.startswith(tuple(f"{place}/" for place in _ADMINISTRATORS)):
            return True
        # Without a list of shipped files nobody knows which are not.
        name = path.removeprefix(f"{CUSTOM}/")
        return self._shipped.is_known and name not in self._shipped.names and name not in self._shipped_directories

    def is_shipped_directory(self, path: str) -> bool:
        """Return whether a directory is one of this version of e-smith, and none of the administrator's."""
        return path not in _ADMINISTRATORS and path.removeprefix(f"{CUSTOM}/") in self._shipped_directories

    @cached_property
    def _shipped_directories(self) -> frozenset[str]:
        """The directories of shipped files; somebody may have a link to their source in the place of one."""
        found: set[str] = set()
        for name in self._shipped.names:
            above = os.path.dirname(name)
            while above not in ("", "/") and above not in found:
                found.add(above)
                above = os.path.dirname(above)
        return frozenset(found)

    def _file(self, path: str, kind: str, status: os.stat_result, target: str = "") -> File:
        mode = 0o777 if kind == LINK else stat.S_IMODE(status.st_mode)
        owner, group = self._names.of(status)
        # Of a directory no program runs, so its other bits are dropped; a file with one is left out.
        return File(path, kind, mode & PERMISSIONS if kind == DIRECTORY else mode, owner, group, target)


class _Names:
    """The names of users and groups by their numbers; each is looked up once."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._users: dict[int, str] = {0: "root"}
        self._groups: dict[int, str] = {0: "root"}

    def of(self, status: os.stat_result) -> tuple[str, str]:
        """Return the names of owner and group, numbers where there are none."""
        uid, gid = status.st_uid, status.st_gid
        if uid not in self._users:
            user = self._book.user_of(uid)
            self._users[uid] = user.name if user is not None and NAME.fullmatch(user.name) else str(uid)
        if gid not in self._groups:
            group = self._book.group_of(gid)
            self._groups[gid] = group.name if group is not None and NAME.fullmatch(group.name) else str(gid)
        return self._users[uid], self._groups[gid]


def password_lines(layout: Layout, users: Collection[str]) -> bytes:
    """Return the lines of users in the root's shadow(5); none where it has no such file.

    :raises InstallError: when it cannot be read.
    """
    path = layout.under(SHADOW)
    names = {os.fsencode(user) for user in users}
    try:
        data = layout.disk().read(path)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise trouble(path, error) from error
    lines = (line for line in data.split(b"\n") if line.partition(b":")[0] in names)
    return b"".join(line + b"\n" for line in lines)


def names_of_users(snapshot: Snapshot) -> list[str]:
    """Return the accounts that are users."""
    return [record.key for record in snapshot.records("accounts", "user")]
