"""All or nothing: what was there before each install is kept until, and after, the install is complete.

Before the first rename the old files are linked into a private directory and a row of the store says so, durably. When
the install, or what follows it, fails or the machine crashes, the old files are put back from there: by the command
itself, by the next one, or by ``esmith recover``. What is kept of complete installs lets an administrator go back.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Protocol

from esmith.apply.host import STAGED_PREFIX, make_directory, set_attributes, sync_directory, trouble
from esmith.apply.installed import TABLE
from esmith.apply.plan import Difference, Output, Plan
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
    :param stays: its content stays; only mode and owner change.
    :param mode: its permissions.
    :param uid: its owner.
    :param gid: its group.
    :param row: what the engine remembered of it.
    """

    path: str
    stored: str = ""
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


def list_generations(snapshot: Snapshot) -> list[Generation]:
    """Return the generations that are kept, the newest first."""
    return [Generation.decode(row) for _, row in snapshot.states(GENERATIONS)][::-1]


@dataclass
class Restored:
    """What was put back.

    :param paths: the outputs.
    :param services: the services that read them, each with the words the installs told it.
    """

    paths: list[str] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)


def begin(plan: Plan, layout: Layout, store: Store, what: str, services: Mapping[str, list[str]]) -> Generation | None:
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
        directory = kept_directory(layout, generation.number)
        try:
            shutil.rmtree(directory, ignore_errors=True)
            make_directory(directory)
            os.chmod(directory, 0o700)
            for index, output in enumerate(plan.changed):
                row = snapshot.state(TABLE, output.path)
                before = _keep(output, os.path.join(directory, str(index)))
                before.row = row.decode("utf-8", "surrogateescape") if row is not None else None
                generation.before.append(before)
            sync_directory(directory)
        except OSError as error:
            raise trouble(directory, error) from error
    _write(store, generation)
    return generation


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
        shutil.rmtree(kept_directory(layout, outdated.number), ignore_errors=True)


def restore(generation: Generation, layout: Layout, store: Store, also: Also | None = None) -> None:
    """Put back what was there before an install, and forget the install.

    May be repeated when it is interrupted.

    :param also: what else is to be written in the transaction that forgets it.
    :raises InstallError: when a file cannot be put back.
    """
    directory = kept_directory(layout, generation.number)
    for before in generation.before:
        target = layout.under(before.path)
        try:
            _put_back(before, target, os.path.join(directory, before.stored))
        except OSError as error:
            raise trouble(target, error) from error
    with store.transaction(Author.current(["esmith", "recover"])) as transaction:
        for before in generation.before:
            row = None if before.row is None else before.row.encode("utf-8", "surrogateescape")
            transaction.set_state(TABLE, before.path, row)
        transaction.set_state(GENERATIONS, _name(generation), None)
        if also is not None:
            also(transaction)
    shutil.rmtree(directory, ignore_errors=True)


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
    services: dict[str, list[str]] = {}
    for other in later:
        restore(other, layout, store, partial(owe, services=other.services))
        paths |= dict.fromkeys(before.path for before in other.before)
        for service, words in other.services.items():
            services.setdefault(service, []).extend(words)
    return Restored(list(paths), services)


def list_interrupted(snapshot: Snapshot) -> list[Generation]:
    """Return the installs that were not completed, the newest first: an event runs now, or was killed."""
    return [generation for generation in list_generations(snapshot) if not generation.complete]


def _keep(output: Output, place: str) -> Before:
    path, target = output.path, output.target
    try:
        status = os.lstat(target)
    except (FileNotFoundError, NotADirectoryError):
        return Before(path)
    if output.difference is Difference.ATTRIBUTES:
        return Before(path, "", True, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    try:
        # A link costs nothing, and the install never writes into the old file.
        os.link(target, place, follow_symlinks=False)
    except OSError:
        shutil.copy2(target, place, follow_symlinks=False)
    name = os.path.basename(place)
    return Before(path, name, False, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def _put_back(before: Before, target: str, place: str) -> None:
    folder = os.path.dirname(target)
    if before.stays:
        set_attributes(target, before.mode, (before.uid, before.gid))
        return
    if not before.stored:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(target)
            sync_directory(folder)
        return
    staged = os.path.join(folder, f"{STAGED_PREFIX}{os.getpid()}-back")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(staged)
    try:
        os.link(place, staged, follow_symlinks=False)
    except OSError:
        shutil.copy2(place, staged, follow_symlinks=False)
    if not os.path.islink(staged):
        if os.geteuid() == 0:
            os.chown(staged, before.uid, before.gid)
        os.chmod(staged, before.mode)
    os.rename(staged, target)
    # Renaming one link of a file over another does nothing and leaves the first.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(staged)
    sync_directory(folder)


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
