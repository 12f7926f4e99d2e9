"""Replacing files that no template makes, all or none: those of the product itself.

It is kept like an install of generated files (:mod:`esmith.apply.generations`): until the last step is done the next
command that changes files restores the old ones. Once it is done there is no generation of it to go back to.
"""

from __future__ import annotations

import os

from esmith.apply.generations import (
    Generation,
    close_kept,
    forget_generation,
    is_recorded,
    new_generation,
    record_begin,
)
from esmith.apply.kept import Before, forget_kept, keep_file, make_kept
from esmith.apply.restore import restore_or_explain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from esmith.layout import Layout
    from esmith.plan.host import DiskHost
    from esmith.store.protocol import Store, Transaction

#: The transactions from the first file to the end, also when it fails.
_TRANSACTIONS = 4


class Replacement:
    """Files that are replaced. A context manager, which restores the old ones unless the replacement was completed.

    The caller holds the event lock. First all new files are staged, then :meth:`begin` keeps the old ones, then the new
    ones are installed, and a transaction in which :meth:`complete` was called is the end of it.

    :param host: installs the files.
    :param store: the databases, opened for writing.
    :param what: the command.
    :param note: called with what was restored.
    """

    def __init__(self, host: DiskHost, store: Store, what: str, note: Callable[[str], None]) -> None:
        self._host = host
        self._layout: Layout = host.layout
        self._store = store
        self._what = what
        self._note = note
        self._generation: Generation | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        generation = self._generation
        if generation is None:
            self._host.close(undo=kind is not None)
            if kind is KeyboardInterrupt:
                self._note("nothing was changed")
        elif self._is_recorded(generation):
            try:
                _, text = restore_or_explain(generation, self._layout, self._store, note=self._note)
                self._note(text)
            finally:
                self._host.close(undo=True)
        else:
            forget_kept(self._layout, self._host.disk, generation.number)
            self._host.close(undo=kind is not None)

    def begin(self, changed: Iterable[str], removed: Iterable[str], made: Iterable[str]) -> None:
        """Keep what is about to be replaced, and record durably that this begins.

        :param changed: the files that are made or replaced, as paths of this disk.
        :param removed: those that are removed.
        :param made: the directories that are made, also in the place of a removed file.
        :raises InstallError: when an old file cannot be kept; nothing was replaced.
        :raises StoreError: when the store has no space for all that follows; nothing was replaced.
        """
        layout, store, disk = self._layout, self._store, self._host.disk
        with store.snapshot() as snapshot:
            generation = new_generation(snapshot, layout, disk, self._what)
        self._generation = generation
        kept = make_kept(layout, disk, generation.number)

        def keep(target: str) -> None:
            name = str(len(generation.before))
            generation.before.append(keep_file(layout.inside(target), target, disk, kept, name))

        # They are restored in this order: a file may have to take the place of a directory that was made.
        for target in changed:
            keep(target)
        for path in sorted(made, key=len, reverse=True):
            generation.before.append(Before(layout.inside(path), directory=True))
        for target in removed:
            keep(target)
        close_kept(kept, generation)
        record_begin(generation, store, 2 * len(generation.encode()), _TRANSACTIONS)

    def complete(self, transaction: Transaction) -> None:
        """Have the replacement end with a transaction: when that is on the disk, no old file is restored any more."""
        if self._generation is not None:
            forget_generation(self._generation, transaction)

    def _is_recorded(self, generation: Generation) -> bool:
        with self._store.snapshot() as snapshot:
            return is_recorded(generation, snapshot)


def missing_directories(targets: Iterable[str]) -> set[str]:
    """Return the directories that have to be made for some files; also those in whose place a file is now."""
    missing: set[str] = set()
    for target in targets:
        directory = os.path.dirname(target)
        while directory not in missing and not os.path.isdir(directory):
            missing.add(directory)
            directory = os.path.dirname(directory)
    return missing
