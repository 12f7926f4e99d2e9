"""Restoring what was there before installs: after a failure, after a crash, or by a rollback.

Only what can be restored for certain is: an install of another machine, or one whose old files are not kept any more,
is given up, and a file that somebody has changed since is copied before the old one takes its place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from esmith.apply.backup import back_up
from esmith.apply.generations import (
    Also,
    Generation,
    forget_generation,
    generations_since,
    list_interrupted,
    record_complete,
)
from esmith.apply.kept import Before, forget_kept, kept_directory, restore_file
from esmith.apply.origin import Mark, find_machine, find_mark
from esmith.disk import Directory, Disk
from esmith.errors import InstallError, StoreError, UserFileError
from esmith.layout import Layout
from esmith.names import counted
from esmith.plan.host import DiskHost, trouble
from esmith.plan.installed import OUTPUTS, digest_of, fingerprint_of
from esmith.store.model import Author
from esmith.store.protocol import Store, Transaction

_WHAT = ("esmith", "recover")
#: More would hide the rest of a message.
_SHOWN_PATHS = 20
_OTHER_MACHINE = "the databases are a copy from another machine, or are not those of this /var/lib/e-smith"
_NOT_KEPT = "its old files are not kept any more"
_COMPLETED = "it was completed after this copy of the databases was made"
_CURE = "signal its event to make them from the settings"


class AddPending(Protocol):
    """Something that records pending actions."""

    def __call__(self, transaction: Transaction, services: Mapping[str, list[str]]) -> None:
        """Record actions of services as pending, because the files they read were restored."""


@dataclass
class Restored:
    """What was restored.

    :param paths: the outputs.
    :param left: those that could not be, because of the users in whose directories they are, each with the reason.
    :param missing: those that never can be: their old content or their directory is gone.
    :param copies: those that somebody had changed since they were installed, each with its backup copy.
    :param services: the services that read them, each with the service actions of the installs.
    :param swept: the directories in which temporary files of processes that ended were removed, as paths of this disk.
    """

    paths: list[str] = field(default_factory=list)
    left: dict[str, UserFileError] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)
    swept: set[str] = field(default_factory=set)

    @property
    def notes(self) -> list[str]:
        """What the administrator should know besides the number of files."""
        notes = [
            f"{path} was changed since it was installed; a backup copy is {copy}" for path, copy in self.copies.items()
        ]
        notes += [f"could not be restored: {error}" for error in self.left.values()]
        if self.missing:
            names = _listed(self.missing)
            notes.append(f"not restored, because the old file or its directory is gone: {names}\n  {_CURE}")
        return notes


class UnrecordedError(StoreError):
    """The old files were restored, but the store could not be written, so the installs are not forgotten.

    The next command that changes files, or ``esmith recover``, restores them once more, which changes nothing.

    :param cause: what the store reported.
    :param restored: what was restored.
    """

    def __init__(self, cause: StoreError, restored: Restored) -> None:
        super().__init__(cause.message, place=cause.place, hint=cause.hint)
        self.restored = restored
        files = counted(len(restored.paths), "file")
        self.fact = f"the old content of {files} was restored, but not recorded in the databases; run: esmith recover"
        self.add(self.fact)


def why_not(install: Generation, layout: Layout, disk: Disk) -> str:
    """Return why what was there before an install cannot be restored on this machine; "" when it can.

    :raises InstallError: when what is kept cannot be read.
    """
    if install.machine and install.machine != find_machine(layout, disk):
        return _OTHER_MACHINE
    return _NOT_KEPT if find_mark(layout, disk, install.number, install.token) is Mark.MISSING else ""


def find_missing(install: Generation, layout: Layout, disk: Disk) -> list[str]:
    """Return the outputs whose old content is not kept any more, although the rest of an install is.

    :raises InstallError: when what is kept cannot be read.
    """
    path = kept_directory(layout, install.number)
    try:
        kept = disk.directory(path)
        return [before.path for before in install.before if before.stored and kept.look(before.stored) is None]
    except OSError as error:
        raise trouble(path, error) from error


def restore_interrupted(
    layout: Layout,
    store: Store,
    add_pending: AddPending,
    also_since: Callable[[int], Also],
    note: Callable[[str], None],
    *,
    after: int = 0,
) -> set[str]:
    """Restore what was there before the installs that were interrupted.

    Those that do not belong to this machine, or whose old files are not kept, are given up: nothing of them is changed.

    :param add_pending: called in the transactions for each install, with its services.
    :param also_since: called with the number of the first install that is taken back, or of one that is given up; it
        returns what else is to be written in that transaction.
    :param note: called with what the administrator should know, as soon as it is so.
    :param after: only installs with higher numbers.
    :return: see :attr:`Restored.swept`.
    :raises InstallError: when a file cannot be restored.
    :raises StoreError: when the store cannot be written; an UnrecordedError when all files were restored before.
    """
    with store.snapshot() as snapshot:
        interrupted = [install for install in list_interrupted(snapshot) if install.number > after]
    disk = layout.disk()
    chain: list[Generation] = []
    for install in interrupted:
        reason = why_given_up(install, layout, disk)
        if reason:
            note(_give_up(install, reason, store, add_pending, also_since(install.number)))
        else:
            chain.append(install)
    if not chain:
        return set()
    first = chain[-1]
    restored = restore_since(first.number, layout, store, add_pending, also_since(first.number), note=note)
    files = counted(len(restored.paths), "file")
    note(f"{first.what} was interrupted; the old content of {files} was restored")
    return restored.swept


def why_given_up(install: Generation, layout: Layout, disk: Disk) -> str:
    """Return why an install that is recorded as interrupted will not be taken back; "" when it will.

    :raises InstallError: when what is kept cannot be read.
    """
    reason = why_not(install, layout, disk)
    is_finished = not reason and find_mark(layout, disk, install.number, install.token) is Mark.FINISHED
    return _COMPLETED if is_finished else reason


def _give_up(install: Generation, reason: str, store: Store, add_pending: AddPending, also: Also) -> str:
    """Record that an install is not taken back, and return the message about it.

    The kept files stay where they are: they may be those of another install of the same number.
    """
    with store.transaction(Author.current([*_WHAT])) as transaction:
        if reason == _COMPLETED:
            record_complete(install, transaction)
        else:
            forget_generation(install, transaction)
        if reason == _NOT_KEPT:
            add_pending(transaction, services=install.services)
            also(transaction)
    paths = [before.path for before in install.before]
    return f"{install.what} is recorded as interrupted, but {reason}\n  not restored: {_listed(paths)}; {_CURE}"


def restore_since(
    number: int,
    layout: Layout,
    store: Store,
    add_pending: AddPending | None = None,
    also: Also | None = None,
    *,
    command: Sequence[str] = _WHAT,
    note: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Restore what was there before an install and before those that followed it, e.g. of events it signalled.

    First all files, then one transaction forgets the installs. It may be repeated when it is interrupted or fails.

    :param number: the number of the first install that is taken back.
    :param add_pending: called in the transaction for each install, with its services: they read the new files perhaps.
    :param also: what else is to be written in the transaction.
    :param command: what the journal says about settings that ``also`` changes.
    :param note: called with what the administrator should know of files, also when others cannot be restored.
    :return: everything that was restored.
    :raises InstallError: when a file cannot be restored; the others are, and no install is forgotten.
    :raises UnrecordedError: when all files were restored and the transaction failed.
    """
    with store.snapshot() as snapshot:
        installs = generations_since(number, snapshot)
    restored, failures = _Restoring(installs, layout).restore()
    for text in restored.notes:
        note(text)
    if failures:
        raise failures[0]
    try:
        with store.transaction(Author.current([*command])) as transaction:
            for install in installs:
                _forget(install, transaction)
                if add_pending is not None:
                    add_pending(transaction, services=install.services)
            if also is not None:
                also(transaction)
    except StoreError as error:
        raise UnrecordedError(error, restored) from error
    disk = layout.disk()
    for install in installs:
        forget_kept(layout, disk, install.number)
    return restored


class _Restoring:
    """Restores the files of installs.

    :param installs: the newest first, as they are restored.
    """

    def __init__(self, installs: Sequence[Generation], layout: Layout) -> None:
        self._installs = installs
        self._layout = layout
        self._host = DiskHost(layout)
        self._disk = self._host.disk
        self._seen: dict[str, None] = {}
        self._restored = Restored()
        self._known: dict[str, list[tuple[Before, str]]] = {}
        for install in installs:
            kept = kept_directory(layout, install.number)
            for before in install.before:
                self._known.setdefault(before.path, []).append((before, kept))

    def restore(self) -> tuple[Restored, list[InstallError]]:
        """Restore them as far as possible; return what was restored, and why others could not be."""
        found, failures = self._restored, []
        for install in self._installs:
            for before in install.before:
                try:
                    self._restore_one(before, install)
                except UserFileError as error:
                    found.left[before.path] = error
                except InstallError as error:
                    failures.append(error)
            for service, actions in install.services.items():
                found.services.setdefault(service, []).extend(actions)
        found.paths = [path for path in self._seen if path not in found.left and path not in found.missing]
        return found, failures

    def _restore_one(self, before: Before, install: Generation) -> None:
        target = self._layout.under(before.path)
        above, name = os.path.split(target)
        is_first = before.path not in self._seen
        if not before.directory:
            self._seen[before.path] = None
        is_missing = False
        try:
            directory = self._open(above)
            if is_first and not before.directory and self._was_changed(before.path, directory, name):
                copy = back_up(self._layout, self._host, target, is_a_users=directory.is_a_users)
                self._restored.copies[before.path] = copy
            restore_file(before, self._disk, directory, name, kept_directory(self._layout, install.number))
        except (FileNotFoundError, NotADirectoryError):
            # Where its directory is gone, a file that was not there needs nothing.
            is_missing = bool(before.stored or before.stays)
        except OSError as error:
            raise trouble(target, error) from error
        missing = self._restored.missing
        if is_missing and before.path not in missing:
            missing.append(before.path)
        elif not is_missing and before.path in missing:
            # What an older install has kept is as good, even where a newer one has not.
            missing.remove(before.path)

    def _open(self, path: str) -> Directory:
        """Return a directory, in which what an earlier attempt to restore left was removed."""
        directory = self._disk.directory(path)
        if path not in self._restored.swept:
            self._restored.swept.add(path)
            with suppress(OSError):
                directory.sweep()
        return directory

    def _was_changed(self, path: str, directory: Directory, name: str) -> bool:
        """Return whether a file is neither what one of the installs put there nor what one of them replaced."""
        known = self._known[path]
        try:
            status = directory.look(name)
            if status is None or any(before.new is None for before, _ in known):
                return False
            mark = fingerprint_of(status)
            if any(mark == before.mark for before, _ in known):
                return False
            if any(mark == _mark_of_old(self._disk, before, kept) for before, kept in known):
                return False
            there = digest_of(directory.take(name)[0])
            return not any(there in (before.new, _digest_of_old(self._disk, before, kept)) for before, kept in known)
        except OSError:
            # What cannot be read cannot be copied either.
            return False


def _mark_of_old(disk: Disk, before: Before, kept: str) -> str:
    status = disk.look(os.path.join(kept, before.stored)) if before.stored else None
    return fingerprint_of(status) if status is not None else ""


def _digest_of_old(disk: Disk, before: Before, kept: str) -> str:
    return digest_of(disk.content(os.path.join(kept, before.stored))) if before.stored else ""


def _forget(install: Generation, transaction: Transaction) -> None:
    for before in install.before:
        OUTPUTS.put(transaction, before.path, before.installed)
    forget_generation(install, transaction)


def _listed(paths: Sequence[str]) -> str:
    more = len(paths) - _SHOWN_PATHS
    return ", ".join(paths[:_SHOWN_PATHS]) + (f" and {more} more" if more > 0 else "")
