"""What restoring a backup would change: records, files, and whether the journal goes on. Nothing is changed here."""

from __future__ import annotations

import os
import stat

from esmith.backup.collect import KeptFiles
from esmith.backup.form import CUSTOM, DIRECTORY, FILE, LINK, File, part_of
from esmith.backup.rows import goes_on
from esmith.errors import InstallError
from esmith.fields import dataclass, field
from esmith.fragments.identity import Identities
from esmith.layout import FLEET_FILES
from esmith.names import is_number
from esmith.plan.host import PERMISSIONS, trouble
from esmith.setup.bases import Bases
from esmith.setup.kept_bases import take_over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.backup.read import Backup
    from esmith.disk import Disk
    from esmith.layout import Layout
    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot


@dataclass
class Records:
    """What would change in one database.

    :param added: the keys of records that are not there.
    :param changed: those that differ, each with the properties; "" stands for the type.
    :param removed: those that the backup does not have.
    :param values: those of the changed ones that have no properties, neither here nor in the backup: what differs is
        their value.
    """

    added: list[str] = field(default_factory=list)
    changed: dict[str, list[str]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    values: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def __len__(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed)


@dataclass
class Difference:
    """What restoring some parts of a backup would change.

    :param parts: those parts.
    :param records: by database, where something differs.
    :param new: the files and links that are not there.
    :param changed: those that differ, and the directories with another mode or owner.
    :param removed: the paths of those that the backup does not have.
    :param directories: the directories that are missing, each before what is in it.
    :param goes_on: whether the journal of the root begins with that of the backup: then it goes on, otherwise it is
        replaced.
    :param bases: the files to write with what overrides were made from, as paths of this disk.
    :param notes: what is not restored, and why.
    :param revision: the last revision when it was compared.
    """

    parts: list[str]
    records: dict[str, Records] = field(default_factory=dict)
    new: list[File] = field(default_factory=list)
    changed: list[File] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    directories: list[File] = field(default_factory=list)
    goes_on: bool = True
    bases: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    revision: int = 0

    def __bool__(self) -> bool:
        files = self.new or self.changed or self.removed or self.directories or self.bases
        return bool(self.records or files or not self.goes_on)


def compare(backup: Backup, layout: Layout, snapshot: Snapshot, parts: Collection[str]) -> Difference:
    """Return what restoring some parts of a backup would change.

    :raises InstallError: when a file of the root cannot be read, or a directory is in the place of one.
    :raises StoreError: when the databases cannot be read.
    """
    found = Difference([part for part in backup.manifest.parts if part in parts], revision=snapshot.revision())
    if "databases" in found.parts:
        for database in sorted({*backup.databases, *snapshot.databases()}):
            wanted = backup.records(database) if database in backup.databases else {}
            records = _compare_records(wanted, {record.key: record for record in snapshot.records(database)})
            if records:
                found.records[database] = records
        found.goes_on = goes_on(snapshot, backup.revisions())
    _Files(backup, layout, snapshot, found).compare()
    if found and _is_member(snapshot):
        name = str(snapshot.state("fleet", "name") or b"", "utf-8", "replace")
        found.notes.append(
            f"this server is in the fleet {name}: what servers share, and the keys of the fleet, stay as they are"
        )
    return found


def _compare_records(wanted: dict[str, Record], there: dict[str, Record]) -> Records:
    records = Records()
    for key, record in wanted.items():
        now = there.get(key)
        if now is None:
            records.added.append(key)
        elif now != record:
            old, new = {"": now.type, **now.props}, {"": record.type, **record.props}
            records.changed[key] = [prop for prop in {**new, **old} if old.get(prop) != new.get(prop)]
            if not (now.props or record.props):
                records.values.add(key)
    records.removed = [key for key in there if key not in wanted]
    return records


class _Files:
    """Compares the files of a backup with those of a root."""

    def __init__(self, backup: Backup, layout: Layout, snapshot: Snapshot, found: Difference) -> None:
        self._backup = backup
        self._layout = layout
        self._found = found
        self._disk = layout.disk()
        self._kept = KeptFiles.of(layout, snapshot)
        self._owners = Owners(layout)
        self._is_member = _is_member(snapshot)

    def compare(self) -> None:
        """Note what differs."""
        parts = [part for part in ("custom", "keys") if part in self._found.parts]
        there = {file.path: file for file, _ in self._kept.files(parts) if not self._stays(file.path)}
        wanted: set[str] = set()
        for part in parts:
            for file in self._backup.files(part):
                if self._stays(file.path):
                    continue
                if file.kind != DIRECTORY and not self._kept.is_wanted(file.path):
                    self._found.notes.append(f"{file.path} is one of this version of e-smith, so it stays as it is")
                    continue
                wanted.add(file.path)
                try:
                    self._compare_one(file)
                except OSError as error:
                    raise trouble(self._layout.under(file.path), error) from error
        changes = {file.path for file in (*self._found.new, *self._found.changed, *self._found.directories)}
        for path in sorted(changes):
            self._require_no_link_above(path)
        self._found.removed = [
            path for path, file in there.items() if path not in wanted and file.kind != DIRECTORY
        ] + [path for path, file in there.items() if file.kind != DIRECTORY and self._is_directory(path)]

        if "custom" in parts:
            self._compare_bases()

    def _stays(self, path: str) -> bool:
        """Return whether a file stays as it is: a member of a fleet keeps the keys that the others know."""
        return self._is_member and f"{path}/".startswith(f"{FLEET_FILES}/")

    def _compare_bases(self) -> None:
        """Note what has to be written of what overrides were made from."""
        found, bases = self._found, Bases(self._layout)
        there = [file.path for file in self._backup.files("custom")]
        replaced = [*(file.path for file in (*found.new, *found.changed)), *found.removed]
        names = ([path.removeprefix(f"{CUSTOM}/") for path in paths] for paths in (there, replaced))
        take_over(bases, self._backup.bases(), *names)
        found.bases = bases.unwritten()

    def _is_directory(self, path: str) -> bool:
        """Return whether the backup has a directory of a name."""
        return any(file.path == path for file in self._found.directories)

    def _compare_one(self, file: File) -> None:
        target = self._layout.under(file.path)
        above, name = os.path.split(target)
        status = self._look(above, name)
        if file.kind == DIRECTORY:
            if status is None or not os.path.isdir(target):
                self._found.directories.append(file)
            elif not self._is_like(file):
                self._found.changed.append(file)
            return
        if status is None:
            self._found.new.append(file)
        elif stat.S_ISDIR(status.st_mode):
            raise InstallError(
                "is a directory, and the backup has a file of that name",
                place=target,
                hint="move it away and run it again; nothing was changed",
            )
        elif not self._is_same(file, status, above, name):
            self._found.changed.append(file)

    def _require_no_link_above(self, path: str) -> None:
        """Refuse what would be replaced behind a link: the backup of before would not have it."""
        above = os.path.dirname(path)
        while part_of(above) or above == CUSTOM:
            target = self._layout.under(above)
            if above not in self._kept.followed and os.path.islink(target):
                raise InstallError(
                    f"is a link that no backup follows, and {path} would be replaced behind it",
                    place=target,
                    hint="move the link away and run it again; nothing was changed",
                )
            above = os.path.dirname(above)

    def _is_like(self, file: File) -> bool:
        """Return whether a directory has the mode and the owner of one of the backup; one of e-smith's stays."""
        target = self._layout.under(file.path)
        directory = self._disk.find(target)
        if file.path not in self._kept.followed and os.path.islink(target):
            return True
        if directory is None or self._kept.is_shipped_directory(file.path) or may_be_moved(self._disk, target):
            return True
        status = os.fstat(directory.descriptor)
        if stat.S_IMODE(status.st_mode) & PERMISSIONS != file.mode:
            return False
        return os.geteuid() != 0 or self._owners.of(file) == (status.st_uid, status.st_gid)

    def _look(self, above: str, name: str) -> os.stat_result | None:
        try:
            directory = self._disk.find(above)
        except NotADirectoryError:
            # A file is there, which is replaced.
            return None
        return directory.look(name) if directory is not None else None

    def _is_same(self, file: File, status: os.stat_result, above: str, name: str) -> bool:
        if not (stat.S_ISLNK(status.st_mode) if file.kind == LINK else stat.S_ISREG(status.st_mode)):
            return False
        content, status = self._disk.directory(above).take(name)
        if content != self.content_of(file):
            return False
        if os.geteuid() == 0 and self._owners.of(file) != (status.st_uid, status.st_gid):
            return False
        return file.kind == LINK or stat.S_IMODE(status.st_mode) == file.mode

    def content_of(self, file: File) -> bytes:
        """Return what a file of the backup holds, or what a link does."""
        return self._backup.data(file.member) if file.kind == FILE else os.fsencode(file.target)


def may_be_moved(disk: Disk, target: str) -> bool:
    """Return whether a directory is in one of a user, who may put another one in its place: it keeps mode and owner.

    :param target: its path on this disk.
    """
    above = disk.find(os.path.dirname(target))
    return above is None or above.is_a_users


class Owners:
    """Whose the files of a backup become on this machine: accounts have other numbers here.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._identities = Identities(layout)
        self._is_root = os.geteuid() == 0
        #: The names that nobody has here.
        self.unknown: set[str] = set()

    def of(self, file: File) -> tuple[int, int] | None:
        """Return the numbers of owner and group, root's where nobody has the name; None for who is not root.

        A number without a name is that of somebody else on another machine, so such a file becomes root's as well.
        """
        if not self._is_root:
            return None
        user = None if is_number(file.owner) else self._identities.user_id(file.owner)
        group = None if is_number(file.group) else self._identities.group_id(file.group)
        self.unknown |= {name for name, number in ((file.owner, user), (file.group, group)) if number is None}
        return user or 0, group or 0


def _is_member(snapshot: Snapshot) -> bool:
    """Return whether this server is in a fleet; one in none loads nothing of it."""
    return snapshot.state("fleet", "host") is not None
