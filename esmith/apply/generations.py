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
from dataclasses import asdict, dataclass, field

from esmith.apply.host import STAGED_PREFIX, make_directory, set_attributes, sync_directory, trouble
from esmith.apply.installed import TABLE
from esmith.apply.plan import Difference, Output, Plan
from esmith.layout import Layout
from esmith.names import counted
from esmith.store.model import Author
from esmith.store.protocol import Snapshot, Store

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
    """

    number: int
    what: str
    time: int
    revision: int
    complete: bool = False
    before: list[Before] = field(default_factory=list)

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


def begin(plan: Plan, layout: Layout, store: Store, what: str) -> Generation | None:
    """Keep what an install is about to replace, and record durably that it begins.

    :param what: the command.
    :return: the generation; None when the plan changes nothing.
    :raises InstallError: when an old file cannot be kept; nothing was changed.
    """
    if not plan.changed:
        return None
    with store.snapshot() as snapshot:
        newest = list_generations(snapshot)[:1]
        generation = Generation(newest[0].number + 1 if newest else 1, what, int(time.time()), snapshot.revision())
        directory = _directory(layout, generation)
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


def finish(generation: Generation, layout: Layout, store: Store) -> None:
    """Record that everything that belongs to an install is done, and forget generations beyond the last ones."""
    generation.complete = True
    _write(store, generation)
    with store.snapshot() as snapshot:
        old = list_generations(snapshot)[KEPT:]
    for outdated in old:
        _write(store, outdated, delete=True)
        shutil.rmtree(_directory(layout, outdated), ignore_errors=True)


def restore(generation: Generation, layout: Layout, store: Store) -> list[str]:
    """Put back what was there before an install, and forget the install.

    May be repeated when it is interrupted.

    :return: the paths that were put back.
    :raises InstallError: when a file cannot be put back.
    """
    directory = _directory(layout, generation)
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
    shutil.rmtree(directory, ignore_errors=True)
    return [before.path for before in generation.before]


def restore_since(generation: Generation, layout: Layout, store: Store) -> list[str]:
    """Put back what was there before an install and before those that followed it, e.g. of events it signalled.

    :return: the paths that were put back.
    :raises InstallError: when a file cannot be put back.
    """
    with store.snapshot() as snapshot:
        later = [other for other in list_generations(snapshot) if other.number >= generation.number]
    return list(dict.fromkeys(path for other in later for path in restore(other, layout, store)))


def recover(layout: Layout, store: Store) -> list[str]:
    """Put back what an interrupted install changed; the caller holds the event lock.

    :return: what was done, for the administrator; empty when nothing was interrupted.
    """
    with store.snapshot() as snapshot:
        interrupted = [generation for generation in list_generations(snapshot) if not generation.complete]
    notes = []
    for generation in interrupted:
        paths = restore(generation, layout, store)
        notes.append(
            f"{generation.what} was interrupted; the old content of {counted(len(paths), 'file')} was put back"
        )
    return notes


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


def _directory(layout: Layout, generation: Generation) -> str:
    return os.path.join(layout.state, "generations", str(generation.number))


def _name(generation: Generation) -> str:
    return f"{generation.number:012d}"


def _write(store: Store, generation: Generation, *, delete: bool = False) -> None:
    with store.transaction(Author.current([generation.what])) as transaction:
        transaction.set_state(GENERATIONS, _name(generation), None if delete else generation.encode())
