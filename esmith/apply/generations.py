"""All or nothing: what was there before each install is kept until, and after, the install is complete.

Before the first rename the old files are linked into a private directory and a row of the store says so, durably. When
the install, or what follows it, fails or the machine crashes, the old files are restored from there: by the command
itself, by the next one, or by ``esmith recover``. What is kept of complete installs lets an administrator go back.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

from esmith.apply.kept import Before, forget_kept, keep, kept_directory, make_kept, restore_file
from esmith.disk import Disk, sweep
from esmith.errors import InstallError, StoreError, UserFileError
from esmith.layout import Layout
from esmith.names import counted
from esmith.plan.host import trouble
from esmith.plan.installed import TABLE
from esmith.plan.plan import Plan
from esmith.store.model import Author
from esmith.store.protocol import Snapshot, Store, Transaction

#: What else belongs into a transaction of this module.
Also = Callable[[Transaction], None]


class AddPending(Protocol):
    """Something that records pending actions."""

    def __call__(self, transaction: Transaction, services: Mapping[str, list[str]]) -> None:
        """Record actions of services as pending, because the files they read were restored."""


#: The engine's table of generations: number -> :class:`Generation` as JSON.
GENERATIONS = "generations"
#: How many complete generations are kept.
KEPT = 20
#: The transactions of an event from the first rename to its end, also when it fails. There may be more, one for each
#: service that refuses; they use the pages that the others leave, unless somebody reads all the while.
_TRANSACTIONS = 8
#: What a row of an output has besides its names, in bytes; rather too much.
_ROW_BYTES = 300


@dataclass
class Generation:
    """One install.

    :param number: counting up by one.
    :param what: the command, e.g. ``signal-event email-update``.
    :param time: seconds since 1970.
    :param revision: the revision of the databases it was made from.
    :param complete: whether everything that belongs to it was done.
    :param before: what was there before.
    :param services: the services that read what it changed, each with its service actions.
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
    """What was restored.

    :param paths: the outputs.
    :param left: those that could not be, because of the users in whose directories they are, each with the reason.
    :param services: the services that read them, each with the service actions of the installs.
    """

    paths: list[str] = field(default_factory=list)
    left: dict[str, UserFileError] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)


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


def begin(
    plan: Plan, layout: Layout, store: Store, what: str, services: Mapping[str, list[str]], disk: Disk
) -> Generation | None:
    """Keep what an install is about to replace, and record durably that it begins.

    :param what: the command.
    :param services: the services that read what it changes, each with its service actions.
    :return: the generation; None when the plan changes nothing.
    :raises InstallError: when an old file cannot be kept; no output was changed.
    :raises StoreError: when the store has no space for all that follows; no output was changed.
    """
    if not plan.changed:
        return None
    with store.snapshot() as snapshot:
        newest = list_generations(snapshot)[:1]
        generation = Generation(newest[0].number + 1 if newest else 1, what, int(time.time()), snapshot.revision())
        generation.services = dict(services)
        kept = False
        try:
            _keep_all(generation, plan, layout, snapshot, disk)
            kept = True
        finally:
            if not kept:
                forget_kept(layout, disk, generation.number)
    if not generation.before:
        forget_kept(layout, disk, generation.number)
        return None
    try:
        # The last step that may fail for want of space comes before the first rename.
        store.reserve(_bytes_of(generation, plan), _TRANSACTIONS)
        _write(store, generation)
    except StoreError as error:
        if not error.is_doubtful:
            forget_kept(layout, disk, generation.number)
        raise
    return generation


def _keep_all(generation: Generation, plan: Plan, layout: Layout, snapshot: Snapshot, disk: Disk) -> None:
    kept = make_kept(layout, disk, generation.number)
    for index, output in enumerate(plan.changed):
        row = snapshot.state(TABLE, output.path)
        with plan.leaving(output):
            before = keep(output, disk, kept, str(index))
            before.row = row.decode("utf-8", "surrogateescape") if row is not None else None
            generation.before.append(before)
    try:
        kept.sync()
    except OSError as error:
        raise trouble(kept.path, error) from error


def _bytes_of(generation: Generation, plan: Plan) -> int:
    """Return how much an event writes to the store: the generation, at its end once more, the rows new and restored."""
    outputs = [output for output in plan.outputs if not output.rendering.recalled]
    texts = (text for output in outputs for text in (output.path, output.inputs, output.rendering.template.path))
    return 3 * len(generation.encode()) + sum(map(len, texts)) + _ROW_BYTES * len(outputs)


def finish(
    generation: Generation, layout: Layout, store: Store, also: Also | None = None, *, keep_since: int | None = None
) -> None:
    """Record that everything that belongs to an install is done, and forget generations beyond the last ones.

    That is one transaction: when it fails the install is not complete, and the caller restores it.

    :param also: what else is to be written in the same transaction.
    :param keep_since: the first generation that must not be forgotten.
    :raises StoreError: when the store cannot be written.
    """
    with store.transaction(Author.current([generation.what])) as transaction:
        transaction.set_state(GENERATIONS, _name(generation), replace(generation, complete=True).encode())
        old = list_generations(transaction)[KEPT:]
        outdated = [other for other in old if keep_since is None or other.number < keep_since]
        for other in outdated:
            transaction.set_state(GENERATIONS, _name(other), None)
        if also is not None:
            also(transaction)
    generation.complete = True
    disk = layout.disk()
    for other in outdated:
        forget_kept(layout, disk, other.number)


def restore_since(
    number: int, layout: Layout, store: Store, add_pending: AddPending | None = None, also: Also | None = None
) -> Restored:
    """Restore what was there before an install and before those that followed it, e.g. of events it signalled.

    First all files, then one transaction forgets the installs. It may be repeated when it is interrupted or fails.

    :param number: the number of the first install that is taken back.
    :param add_pending: called in the transaction for each install, with its services: they read the new files perhaps.
    :param also: what else is to be written in the transaction.
    :return: everything that was restored.
    :raises InstallError: when a file cannot be restored; the others are, and no install is forgotten.
    :raises UnrecordedError: when all files were restored and the transaction failed.
    """
    with store.snapshot() as snapshot:
        installs = [other for other in list_generations(snapshot) if other.number >= number]
    restored = Restored()
    disk = layout.disk()
    paths: dict[str, None] = {}
    failures: list[InstallError] = []
    for install in installs:
        failures += _restore_files(install, layout, disk, restored.left)
        paths |= dict.fromkeys(before.path for before in install.before if not before.directory)
        for service, actions in install.services.items():
            restored.services.setdefault(service, []).extend(actions)
    if failures:
        raise failures[0]
    restored.paths = [path for path in paths if path not in restored.left]
    try:
        with store.transaction(Author.current(["esmith", "recover"])) as transaction:
            for install in installs:
                _forget(install, transaction)
                if add_pending is not None:
                    add_pending(transaction, services=install.services)
            if also is not None:
                also(transaction)
    except StoreError as error:
        raise UnrecordedError(error, restored) from error
    for install in installs:
        forget_kept(layout, disk, install.number)
    return restored


def _restore_files(
    install: Generation, layout: Layout, disk: Disk, left: dict[str, UserFileError]
) -> list[InstallError]:
    """Restore what was there before an install, as far as possible; return what cannot be restored.

    :param left: gets what cannot be restored because of the user in whose directory it is.
    """
    failures = []
    sweep(disk, {os.path.dirname(layout.under(before.path)) for before in install.before})
    for before in install.before:
        target = layout.under(before.path)
        try:
            restore_file(before, disk, target, kept_directory(layout, install.number))
        except OSError as error:
            reason = trouble(target, error)
            if isinstance(reason, UserFileError):
                left[before.path] = reason
            else:
                failures.append(reason)
    return failures


def _forget(install: Generation, transaction: Transaction) -> None:
    for before in install.before:
        row = None if before.row is None else before.row.encode("utf-8", "surrogateescape")
        transaction.set_state(TABLE, before.path, row)
    transaction.set_state(GENERATIONS, _name(install), None)


def mark_interrupted(transaction: Transaction, number: int, what: str) -> list[Generation]:
    """Record that an install and those that followed it are to be taken back: if this is interrupted, it is finished.

    :param number: the number of the first install.
    :param what: the command that takes them back.
    :return: the installs.
    """
    installs = [other for other in list_generations(transaction) if other.number >= number]
    for install in installs:
        marked = replace(install, complete=False, what=what)
        transaction.set_state(GENERATIONS, _name(install), marked.encode())
    return installs


def list_interrupted(snapshot: Snapshot) -> list[Generation]:
    """Return the installs that were not completed, the newest first: an event runs now, or was killed."""
    return [generation for generation in list_generations(snapshot) if not generation.complete]


def _name(generation: Generation) -> str:
    return f"{generation.number:012d}"


def _write(store: Store, generation: Generation) -> None:
    with store.transaction(Author.current([generation.what])) as transaction:
        transaction.set_state(GENERATIONS, _name(generation), generation.encode())
