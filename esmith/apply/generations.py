"""All or nothing: what was there before each install is kept until, and after, the install is complete.

Before the first rename the old files are linked into a private directory and a row of the store says so, durably. When
the install, or what follows it, fails or the machine crashes, the old files are put back from there: by the command
itself, by the next one, or by ``esmith recover``. What is kept of complete installs lets an administrator go back.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Protocol

from esmith.apply.host import PERMISSIONS, PRIVATE, PUBLIC, trouble
from esmith.apply.installed import TABLE
from esmith.apply.output import Difference, Output
from esmith.apply.plan import Plan
from esmith.disk import STAGED_PREFIX, Directory, Disk
from esmith.errors import UserFileError
from esmith.layout import Layout
from esmith.store.model import Author
from esmith.store.protocol import Snapshot, Store, Transaction

#: What else belongs into a transaction of this module.
Also = Callable[[Transaction], None]


class Owe(Protocol):
    """Something that records what services are owed."""

    def __call__(self, transaction: Transaction, services: Mapping[str, list[str]]) -> None:
        """Record that services are owed words, because the files they read were put back."""


#: The engine's table of generations: number -> :class:`Generation` as JSON.
GENERATIONS = "generations"
#: How many complete generations are kept.
KEPT = 20


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
    """

    path: str
    stored: str = ""
    copied: bool = False
    stays: bool = False
    mode: int = 0
    uid: int = 0
    gid: int = 0
    row: str | None = None


@dataclass
class Generation:
    """One install.

    :param number: counting up by one.
    :param what: the command, e.g. ``signal-event email-update``.
    :param time: seconds since 1970.
    :param revision: the revision of the databases it was made from.
    :param complete: whether everything that belongs to it was done.
    :param before: what was there before.
    :param services: the services that read what it changed, each with the words it is told.
    """

    number: int
    what: str
    time: int
    revision: int
    complete: bool = False
    before: list[Before] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def decode(cls, row: bytes) -> Generation:
        """Return the generation of a row."""
        data = json.loads(row)
        return cls(**{**data, "before": [Before(**entry) for entry in data["before"]]})

    def encode(self) -> bytes:
        """Return the row of a generation."""
        return json.dumps(asdict(self)).encode()

    def leave_out(self, paths: Collection[str], transaction: Transaction) -> None:
        """Take out, also of its row, files that were not installed after all."""
        self.before = [before for before in self.before if before.path not in paths]
        transaction.set_state(GENERATIONS, _name(self), self.encode())


def list_generations(snapshot: Snapshot) -> list[Generation]:
    """Return the generations that are kept, the newest first."""
    return [Generation.decode(row) for _, row in snapshot.states(GENERATIONS)][::-1]


@dataclass
class Restored:
    """What was put back.

    :param paths: the outputs.
    :param left: those of them that could not be, in directories of users, each with the reason.
    :param services: the services that read them, each with the words the installs told it.
    """

    paths: list[str] = field(default_factory=list)
    left: dict[str, UserFileError] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)


def begin(
    plan: Plan, layout: Layout, store: Store, what: str, services: Mapping[str, list[str]], disk: Disk
) -> Generation | None:
    """Keep what an install is about to replace, and record durably that it begins.

    :param what: the command.
    :param services: the services that read what it changes, each with the words it will be told.
    :return: the generation; None when the plan changes nothing.
    :raises InstallError: when an old file cannot be kept; nothing was changed.
    """
    if not plan.changed:
        return None
    with store.snapshot() as snapshot:
        newest = list_generations(snapshot)[:1]
        generation = Generation(newest[0].number + 1 if newest else 1, what, int(time.time()), snapshot.revision())
        generation.services = dict(services)
        kept = _make_kept(layout, disk, generation.number)
        for index, output in enumerate(plan.changed):
            row = snapshot.state(TABLE, output.path)
            with plan.leaving(output):
                before = _keep(output, disk, kept, str(index))
                before.row = row.decode("utf-8", "surrogateescape") if row is not None else None
                generation.before.append(before)
        try:
            kept.sync()
        except OSError as error:
            raise trouble(kept.path, error) from error
    if not generation.before:
        return None
    _write(store, generation)
    return generation


def _make_kept(layout: Layout, disk: Disk, number: int) -> Directory:
    """Make the directory of what an install replaces, empty and private."""
    path = kept_directory(layout, number)
    try:
        above = disk.directory(os.path.dirname(path), make=PUBLIC)
        above.remove_tree(str(number))
        return above.make(str(number), PRIVATE)
    except OSError as error:
        raise trouble(path, error) from error


def finish(
    generation: Generation, layout: Layout, store: Store, also: Also | None = None, *, keep_since: int | None = None
) -> None:
    """Record that everything that belongs to an install is done, and forget generations beyond the last ones.

    :param also: what else is to be written in the same transaction.
    :param keep_since: the first generation that must not be forgotten.
    """
    generation.complete = True
    _write(store, generation, also=also)
    with store.snapshot() as snapshot:
        old = list_generations(snapshot)[KEPT:]
    for outdated in old:
        if keep_since is not None and outdated.number >= keep_since:
            continue
        _write(store, outdated, delete=True)
        _forget_kept(layout, Disk(layout.root), outdated.number)


def restore(generation: Generation, layout: Layout, store: Store, also: Also | None = None) -> dict[str, UserFileError]:
    """Restore what was there before an install, and forget the install.

    May be repeated when it is interrupted.

    :param also: what else is to be written in the transaction that forgets it.
    :return: the files that could not be restored, because of the users in whose directories they are.
    :raises InstallError: when another file cannot be restored.
    """
    disk = Disk(layout.root)
    kept = kept_directory(layout, generation.number)
    left = {}
    for before in generation.before:
        target = layout.under(before.path)
        try:
            _restore_one(before, disk, target, kept)
        except OSError as error:
            reason = trouble(target, error)
            if not isinstance(reason, UserFileError):
                raise reason from error
            left[before.path] = reason
    with store.transaction(Author.current(["esmith", "recover"])) as transaction:
        for before in generation.before:
            row = None if before.row is None else before.row.encode("utf-8", "surrogateescape")
            transaction.set_state(TABLE, before.path, row)
        transaction.set_state(GENERATIONS, _name(generation), None)
        if also is not None:
            also(transaction)
    _forget_kept(layout, disk, generation.number)
    return left


def restore_since(number: int, layout: Layout, store: Store, owe: Owe) -> Restored:
    """Put back what was there before an install and before those that followed it, e.g. of events it signalled.

    :param number: the number of the first install that is taken back.
    :param owe: called in the transaction that forgets an install, with its services: they read the new files perhaps.
    :return: everything that was put back.
    :raises InstallError: when a file cannot be put back.
    """
    with store.snapshot() as snapshot:
        later = [other for other in list_generations(snapshot) if other.number >= number]
    paths: dict[str, None] = {}
    left: dict[str, UserFileError] = {}
    services: dict[str, list[str]] = {}
    for other in later:
        left |= restore(other, layout, store, partial(owe, services=other.services))
        paths |= dict.fromkeys(before.path for before in other.before)
        for service, words in other.services.items():
            services.setdefault(service, []).extend(words)
    return Restored([path for path in paths if path not in left], left, services)


def list_interrupted(snapshot: Snapshot) -> list[Generation]:
    """Return the installs that were not completed, the newest first: an event runs now, or was killed."""
    return [generation for generation in list_generations(snapshot) if not generation.complete]


def _keep(output: Output, disk: Disk, kept: Directory, name: str) -> Before:
    """Keep what is at the place of an output.

    :param name: the name it gets among what is kept.
    """
    try:
        directory = disk.find(os.path.dirname(output.target))
        status = directory.look(os.path.basename(output.target)) if directory is not None else None
        if directory is None or status is None:
            return Before(output.path)
        before = Before(output.path, mode=stat.S_IMODE(status.st_mode), uid=status.st_uid, gid=status.st_gid)
        if output.difference is Difference.ATTRIBUTES:
            before.stays = True
            return before
        before.stored = name
        before.copied = not _linked(directory, os.path.basename(output.target), kept, name)
        if before.copied:
            _copy(directory, os.path.basename(output.target), kept, name, 0o600, None)
        return before
    except OSError as error:
        raise trouble(output.target, error) from error


def _linked(directory: Directory, name: str, other: Directory, new: str) -> bool:
    """Give a file a second name in another directory, and return whether that was possible.

    It costs nothing, and nothing of ours ever writes into an old file. But a user might.
    """
    try:
        directory.hard_link(name, other, new)
    except OSError:
        return False
    return True


def _copy(
    directory: Directory, name: str, other: Directory, new: str, mode: int, owner: tuple[int, int] | None
) -> None:
    """Copy a file or a link to another directory.

    :param mode: the permissions of the copy.
    :param owner: its user and group number; None for those of who makes it.
    """
    status = directory.look(name)
    if status is not None and stat.S_ISLNK(status.st_mode):
        other.make_link(new, directory.read_link(name), owner)
    else:
        other.write(new, directory.read(name)[0], mode, owner)


def _restore_one(before: Before, disk: Disk, target: str, kept: str) -> None:
    name = os.path.basename(target)
    try:
        directory = disk.directory(os.path.dirname(target))
    except (FileNotFoundError, NotADirectoryError):
        if before.stored or before.stays:
            raise
        return
    if before.stays:
        directory.set_attributes(name, before.mode, (before.uid, before.gid))
        return
    if not before.stored:
        directory.remove_if_there(name)
        directory.sync()
        return
    staged = f"{STAGED_PREFIX}{os.getpid()}-back"
    directory.remove_if_there(staged)
    source = disk.directory(kept)
    if before.copied or not _linked(source, before.stored, directory, staged):
        mode = before.mode & (PERMISSIONS if directory.is_a_users else ~0)
        owner = (before.uid, before.gid) if os.geteuid() == 0 else None
        _copy(source, before.stored, directory, staged, mode, owner)
    directory.rename(staged, name)
    # Renaming one link of a file over another does nothing and leaves the first.
    directory.remove_if_there(staged)
    directory.sync()


def _forget_kept(layout: Layout, disk: Disk, number: int) -> None:
    """Remove what was kept of an install; what cannot be removed only takes space."""
    with suppress(OSError):
        disk.directory(os.path.dirname(kept_directory(layout, number))).remove_tree(str(number))


def kept_directory(layout: Layout, number: int) -> str:
    """Return the directory of what an install replaced."""
    return os.path.join(layout.state, "generations", str(number))


def _name(generation: Generation) -> str:
    return f"{generation.number:012d}"


def _write(store: Store, generation: Generation, *, delete: bool = False, also: Also | None = None) -> None:
    with store.transaction(Author.current([generation.what])) as transaction:
        transaction.set_state(GENERATIONS, _name(generation), None if delete else generation.encode())
        if also is not None:
            also(transaction)
