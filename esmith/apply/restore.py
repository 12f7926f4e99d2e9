"""Restoring what was there before installs: after a failure, after a crash, or by a rollback.

Only what can be restored for certain is: an install of another machine, or one whose old files are not kept any more,
is given up, and a file that somebody has changed since is copied before the old one takes its place.
"""

from __future__ import annotations

from esmith.apply.generations import (
    Generation,
    forget_generation,
    generations_since,
    is_recorded,
    list_interrupted,
    list_numbers,
    record_complete,
)
from esmith.apply.kept import forget_kept, kept_directory
from esmith.apply.origin import Mark, find_machine, find_mark
from esmith.apply.restoring import CURE, Restored, Restoring, listed
from esmith.errors import InstallError, StoreError
from esmith.names import counted
from esmith.plan.host import trouble
from esmith.plan.installed import OUTPUTS
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from esmith.apply.generations import Also
    from esmith.disk import Disk
    from esmith.layout import Layout
    from esmith.store.protocol import Store, Transaction
else:
    Protocol = object


_WHAT = ("esmith", "recover")
_OTHER_MACHINE = "the databases are a copy from another machine, or are not those of this /var/lib/e-smith"
_NOT_KEPT = "its old files are not kept any more"
_COMPLETED = "it was completed after this copy of the databases was made"


class AddPending(Protocol):
    """Something that records pending actions."""

    def __call__(self, transaction: Transaction, services: Mapping[str, list[str]]) -> None:
        """Record actions of services as pending, because the files they read were restored."""


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


def restore_or_explain(
    generation: Generation,
    layout: Layout,
    store: Store,
    add_pending: AddPending | None = None,
    also: Also | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> tuple[Restored | None, str]:
    """Restore what was there before an install that failed, or that was followed by a failure.

    It raises no error of ours, because there is one already, which the administrator has to see.

    :param add_pending: see :func:`restore_since`.
    :param also: likewise.
    :param note: likewise.
    :return: what was restored, None when that is not all; and the message about it.
    """
    try:
        with store.snapshot() as snapshot:
            if not is_recorded(generation, snapshot):
                return None, "its files were taken back by another command already"
        restored = restore_since(generation.number, layout, store, add_pending, also, note=note)
    except UnrecordedError as error:
        return error.restored, error.fact
    except (InstallError, StoreError) as error:
        text = "not all old files could be restored; remove the cause of this and run: esmith recover"
        return None, f"{text}\n  {error}"
    return restored, f"the old content of {counted(len(restored.paths), 'file')} was restored"


def restore_interrupted(
    layout: Layout,
    store: Store,
    add_pending: AddPending,
    also_since: Callable[[Sequence[Generation]], Also],
    note: Callable[[str], None],
    *,
    after: int = 0,
) -> set[str]:
    """Restore what was there before the installs that were interrupted.

    Those that do not belong to this machine, or whose old files are not kept, are given up: nothing of them is changed.

    :param add_pending: called in the transactions for each install, with its services.
    :param also_since: called with the installs that are taken back, or with one that is given up and those that
        followed it; it returns what else is to be written in that transaction.
    :param note: called with what the administrator should know, as soon as it is so.
    :param after: only installs with higher numbers.
    :return: see :attr:`Restored.swept`.
    :raises InstallError: when a file cannot be restored.
    :raises StoreError: when the store cannot be written; an UnrecordedError when all files were restored before.
    """
    with store.snapshot() as snapshot:
        interrupted = list_interrupted(snapshot, after=after)
    disk = layout.disk()
    chain: list[Generation] = []
    for install in interrupted:
        reason = why_given_up(install, layout, disk)
        if reason:
            with store.snapshot() as snapshot:
                installs = generations_since(install.number, snapshot)
            note(_give_up(install, reason, store, add_pending, also_since(installs)))
        else:
            chain.append(install)
    if not chain:
        return set()
    first = chain[-1]
    with store.snapshot() as snapshot:
        since = {number for number in list_numbers(snapshot) if number >= first.number}
        # The row of an install may hold a megabyte, so it is not read once more without need.
        is_all = chain == interrupted and since == {install.number for install in chain}
        installs = chain if is_all else generations_since(first.number, snapshot)
    restored = _restore(installs, layout, store, add_pending, also_since(installs), note=note)
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
    return f"{install.what} is recorded as interrupted, but {reason}\n  not restored: {listed(paths)}; {CURE}"


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
    return _restore(installs, layout, store, add_pending, also, command=command, note=note)


def _restore(
    installs: Sequence[Generation],
    layout: Layout,
    store: Store,
    add_pending: AddPending | None,
    also: Also | None,
    *,
    command: Sequence[str] = _WHAT,
    note: Callable[[str], None],
) -> Restored:
    """Restore what was there before installs, the newest first, as :func:`restore_since` says."""
    restored, failures = Restoring(installs, layout).restore()
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


def _forget(install: Generation, transaction: Transaction) -> None:
    for before in install.before:
        # An event that was killed while it renamed has not written them yet.
        if before.row is None or not OUTPUTS.holds(transaction, before.path, before.content_of_row):
            OUTPUTS.put(transaction, before.path, before.installed)
    forget_generation(install, transaction)
