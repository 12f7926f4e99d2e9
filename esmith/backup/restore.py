"""Restoring a backup: all of it or nothing, whatever ends it.

Files are replaced as those of the product are (:class:`esmith.apply.replacing.Replacement`): the old ones are kept,
that is recorded, the new ones are installed. The settings are written in the transaction that ends that. So after a
kill the next command that changes files restores the old ones beside the old settings, or finds both new.

The engine's own tables are about the files of this disk, so no backup has them, and here they stay. What they remember
of the databases is by numbers of revisions. Where the journal becomes that of another machine these numbers mean
something else, so the restore is a revision with a number that none of them had, of every database.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress

from esmith.accounts.passwords import Passwords
from esmith.accounts.system import book_of
from esmith.apply.generations import GENERATIONS
from esmith.apply.replacing import Replacement, missing_directories
from esmith.backup.compare import Difference, Owners, compare, may_be_moved
from esmith.backup.form import DIRECTORY, FILE, PASSWORDS, File
from esmith.backup.keep import remove_oldest
from esmith.backup.write import write_backup
from esmith.errors import BusyError, UsageError
from esmith.events.confirm import find_unconfirmed, set_unconfirmed
from esmith.events.derive import known_derivations
from esmith.events.derived import affected, mark_stale
from esmith.events.recover import recovered
from esmith.fields import dataclass, field, replace
from esmith.names import counted
from esmith.plan.host import PERMISSIONS, PRIVATE, PUBLIC, DiskHost, trouble
from esmith.setup.bases import DIRECTORY_MODE, FILE_MODE
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from esmith.backup.read import Backup
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.plan.host import Staged
    from esmith.store.protocol import Transaction

WHAT = "esmith restore"
#: In the directory of the state: the backups of what there was before each restore.
BEFORE = "backups"
_FORM = r"before-restore-\d{8}-\d{6}-\d{6}\.tar\.gz"
#: How many of them stay, with that of the last restore.
KEPT = 5
#: The machine of generations that belong to another journal: none is called so.
_OTHER_JOURNAL = "before a restore"


@dataclass
class Restored:
    """What was restored.

    :param difference: what it changed.
    :param before: the backup of what there was before, as a path of this disk; "" where nothing was changed.
    :param notes: what the administrator should know.
    """

    difference: Difference
    before: str = ""
    notes: list[str] = field(default_factory=list)


def restore(session: Session, backup: Backup, parts: Collection[str]) -> Restored:
    """Restore settings, files and keys of a backup. Passwords need accounts: :func:`restore_passwords`.

    :param parts: which of :data:`esmith.backup.form.PARTS`.
    :raises InstallError: when a file cannot be written; the old ones were restored.
    :raises StoreError: when the databases cannot be written, or the backup of before cannot; likewise.
    :raises BusyError: when an event, or another command that writes, does not end in time, or when a setting was
        changed meanwhile.
    :raises UsageError: inside an event.
    """
    with recovered(session, WHAT) as lock:
        if lock is not None and lock.is_nested:
            raise UsageError("an event cannot restore a backup", hint="run it by itself")
        with session.store.snapshot() as snapshot:
            difference = compare(backup, session.layout, snapshot, parts)
        done = Restored(difference, notes=difference.notes)
        if not difference:
            return done
        done.before = _back_up(session)
        work = _Restoring(session, backup, difference)
        try:
            work.run()
        finally:
            if not work.may_be_done:
                # What was before is what is there: restores that fail must not fill the disk, nor have older ones go.
                with suppress(OSError):
                    os.unlink(done.before)
        folder, name = os.path.split(done.before)
        remove_oldest(folder, _FORM, KEPT, name, backup.file)
        done.notes += work.notes
    return done


def _back_up(session: Session) -> str:
    """Make a backup of what there is, and return its path."""
    layout, host = session.layout, DiskHost(session.layout)
    place = os.path.join(layout.state, BEFORE)
    try:
        host.disk.directory(layout.state, make=PUBLIC)
        host.disk.directory(place, make=PRIVATE)
    except OSError as error:
        raise trouble(place, error) from error
    # To the microsecond: two restores in one second keep both.
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    name = f"before-restore-{time.strftime('%Y%m%d-%H%M%S', time.localtime(seconds))}-{microseconds:06d}.tar.gz"
    path = os.path.join(place, name)
    try:
        # Where it waits is recorded, so that what a kill leaves is removed by the next command that changes files.
        host.prepare([path])
        made, notes = write_backup(layout, session.store, path)
    finally:
        host.close()
    for note in notes:
        session.say(note)
    return made.file


class _Restoring:
    """One restore; the event lock is held."""

    def __init__(self, session: Session, backup: Backup, difference: Difference) -> None:
        self._session = session
        self._backup = backup
        self._difference = difference
        self._layout: Layout = session.layout
        self._host = DiskHost(session.layout)
        self._owners = Owners(session.layout)
        self.notes: list[str] = []
        #: Whether the transaction that ends it may be complete.
        self.may_be_done = False

    def run(self) -> None:
        """Do it."""
        session, difference = self._session, self._difference
        derivations = known_derivations(session)
        with Replacement(self._host, session.store, WHAT, session.report) as replacement:
            self._replace_files(replacement)
            author = Author.current(["esmith", *sys.argv[1:]])
            with session.store.transaction(author) as transaction:
                replacement.complete(transaction)
                if "databases" in difference.parts:
                    self._restore_settings(transaction)
                mark_stale(transaction, affected(derivations, (), transaction.changes), WHAT)
                self.may_be_done = True
        self._remove_empty()
        self._set_directories()
        if self._owners.unknown:
            names = ", ".join(sorted(self._owners.unknown))
            self.notes.append(f"nobody here is called {names}, so root has what was theirs")

    def _restore_settings(self, transaction: Transaction) -> None:
        backup = self._backup
        if transaction.revision() != self._difference.revision:
            # Neither the backup of before nor another journal would have it.
            raise BusyError("a setting was changed meanwhile, so nothing was restored", hint="run it again")
        number = max(transaction.revision(), backup.manifest.revision) + 2
        fleet = transaction.record("configuration", "fleet")
        for database in transaction.databases():
            wanted = backup.records(database) if database in backup.databases else {}
            for key in transaction.keys(database):
                if key not in wanted:
                    transaction.delete_record(database, key)
        for database in backup.databases:
            transaction.create_database(database)
            records = backup.records(database).items()
            transaction.set_records(database, ((key, record.text) for key, record in records))
        if transaction.state("fleet", "host") is not None:
            # A server in no fleet loads nothing of it.
            from esmith.fleet.admin.restoring import keep_shared

            keep_shared(transaction, fleet)
        if not self._difference.goes_on:
            transaction.replace_journal(backup.revisions(), number)
            _keep_apart(transaction, number)
        if find_unconfirmed(transaction) is not None:
            set_unconfirmed(transaction, None)
            self.notes.append("the change that waited for 'esmith confirm' does not any more")

    def _replace_files(self, replacement: Replacement) -> None:
        difference, layout, host = self._difference, self._layout, self._host
        wanted = {
            layout.under(file.path): file for file in (*difference.new, *difference.changed) if file.kind != DIRECTORY
        }
        directories = {layout.under(file.path): file for file in difference.directories}
        removed = [layout.under(path) for path in difference.removed]
        bases = difference.bases
        if not (wanted or directories or removed or bases):
            return
        if bases:
            host.disk.directory(os.path.dirname(min(bases)), make=DIRECTORY_MODE)
        missing = missing_directories([*wanted, *(f"{path}/-" for path in directories)])
        # Where a directory takes the place of a file there is no room beside the new files yet.
        blocked = {path for path in (*wanted, *directories) if any(f"{path}/".startswith(f"{one}/") for one in removed)}
        staged: list[Staged] = []
        unfinished = {os.path.dirname(path) for path in (*wanted, *bases)}
        try:
            paths = [path for path in wanted if path not in blocked]
            host.prepare([*paths, *bases, *(f"{path}/-" for path in directories)])
            self._make_directories([path for path in directories if path not in blocked], directories)
            staged.extend(self._stage(path, file) for path, file in wanted.items() if path not in blocked)
            staged.extend(host.stage(path, text, FILE_MODE, None) for path, text in reversed(bases.items()))
            host.sync_staged()
            replacement.begin([*wanted, *bases], [path for path in removed if path not in wanted], missing)
            for path in removed:
                if path not in wanted:
                    host.remove(path)
            self._make_directories([path for path in directories if path in blocked], directories)
            while staged:
                host.install(staged[-1])
                staged.pop()
            for path, file in wanted.items():
                if path in blocked:
                    host.install(self._stage(path, file))
            unfinished.clear()
        finally:
            # A signal may come when a new file is there, and not yet in the list.
            for path in unfinished:
                self._sweep(path)
        host.sync({os.path.dirname(path) for path in (*wanted, *bases, *removed, *directories)})

    def _sweep(self, path: str) -> None:
        """Remove the new files that wait in a directory."""
        with suppress(OSError):
            directory = self._host.disk.find(path)
            if directory is not None:
                directory.sweep(also_own=True)

    def _make_directories(self, paths: list[str], directories: dict[str, File]) -> None:
        for path in paths:
            above, name = os.path.split(path)
            try:
                directory = self._host.disk.directory(above, make=PUBLIC)
                if directory.look(name) is None:
                    directory.make(name, directories[path].mode)
            except OSError as error:
                raise trouble(path, error) from error

    def _set_directories(self) -> None:
        """Give directories the mode and the owner of the backup, when all is in them.

        What is in each comes before it: what is in a directory of a user would be left to that user.
        """
        difference = self._difference
        changed = [file for file in difference.changed if file.kind == DIRECTORY]
        for file in sorted([*difference.directories, *changed], key=lambda file: file.path, reverse=True):
            target = self._layout.under(file.path)
            try:
                directory = self._host.disk.find(target)
                if directory is None or may_be_moved(self._host.disk, target):
                    continue
                others = stat.S_IMODE(os.fstat(directory.descriptor).st_mode) & ~PERMISSIONS
                directory.become(file.mode | others, self._owners.of(file))
            except OSError as error:
                found = trouble(target, error)
                found.add("all files are restored; run it again for the mode and the owner of directories")
                raise found from error

    def _stage(self, path: str, file: File) -> Staged:
        owner = self._owners.of(file)
        if file.kind == FILE:
            staged = self._host.stage(path, self._backup.data(file.member), file.mode, owner)
            self._set_time(staged)
            return staged
        return self._host.stage_link(path, os.fsencode(file.target), owner)

    def _set_time(self, staged: Staged) -> None:
        """Make a file as old as the backup: an override that is newer than the shipped files counts as made from them.

        What it was made from is known from the backup, or only probable (:mod:`esmith.setup.bases`).
        """
        directory = self._host.disk.directory(os.path.dirname(staged.target))
        if not directory.is_a_users:
            seconds = min(max(self._backup.manifest.time, 0), int(time.time()))
            with suppress(OSError):
                os.utime(staged.name, (seconds, seconds), dir_fd=directory.descriptor, follow_symlinks=False)

    def _remove_empty(self) -> None:
        """Remove the directories in which nothing is left; a template without fragments is another one."""
        kept = {file.path for file in self._backup.manifest.files}
        for path in self._difference.removed:
            place = os.path.dirname(path)
            # The trees themselves stay: /etc/e-smith/templates-custom, /home/e-smith/dkim_keys.
            while place.count("/") > 3 and place not in kept:
                above = self._host.disk.find(self._layout.under(os.path.dirname(place)))
                if above is not None:
                    above.remove_empty(os.path.basename(place))
                place = os.path.dirname(place)


def _keep_apart(transaction: Transaction, number: int) -> None:
    """Have no rollback lead behind a restore: the revisions that generations name are those of another journal.

    A rollback to the last of them gives what there was right after the restore.
    """
    for name, generation in GENERATIONS.rows(transaction).items():
        GENERATIONS.put(transaction, name, replace(generation, revision=number, machine=_OTHER_JOURNAL))


def restore_passwords(session: Session, backup: Backup) -> list[str]:
    """Set the passwords of users whose unix accounts are there, all together, and return a report of it.

    :raises InstallError: when they cannot be set.
    """
    layout = session.layout
    data = backup.data(PASSWORDS)
    if not data.strip():
        return []
    if not layout.is_machine:
        return ["the passwords are not restored: a root folder has none"]
    host = DiskHost(layout)
    book = book_of(layout, host)
    with session.store.snapshot() as snapshot:
        found = Passwords(snapshot, book)
        found.take(data)
    if found.hashes:
        book.set_hashes(found.hashes)
    host.close()
    return [f"{counted(len(found.hashes), 'password')} set", *found.left]
