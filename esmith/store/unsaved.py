"""A store with unsaved changes, for those who only look: its snapshots are overlays (:mod:`esmith.store.overlay`)."""

from __future__ import annotations

from esmith.store.overlay import Overlay, only_tried

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from types import TracebackType
    from typing import NoReturn, Self

    from esmith.store.model import Author, Change, Erased
    from esmith.store.protocol import Snapshot, Store


class UnsavedStore:
    """A store with unsaved changes, each snapshot of which is an :class:`Overlay`; implements the protocol Store.

    It cannot be written to: for those who only look.

    :param store: what is below; it stays its owner's.
    :param changes: the changes.
    """

    def __init__(self, store: Store, changes: Iterable[Change]) -> None:
        self._store = store
        self._changes = list(changes)
        #: The snapshot of what is below that is open now. Two at once would mix up the tables they open: LMDB has one
        #: list of these for a process.
        self.open: Snapshot | None = None

    def snapshot(self) -> UnsavedSnapshot:
        """Return a snapshot to read from. One that begins while another is open reads the same moment."""
        return UnsavedSnapshot(self, self._store, self._changes)

    def transaction(self, _author: Author) -> NoReturn:
        """Refuse.

        :raises StoreError: always.
        """
        raise only_tried()

    def reserve(self, _size: int, _transactions: int) -> NoReturn:
        """Refuse.

        :raises StoreError: always.
        """
        raise only_tried()

    def erase(self, _texts: Collection[str]) -> Erased:
        """Refuse.

        :raises StoreError: always.
        """
        raise only_tried()

    def close(self) -> None:
        """Do nothing: the store below is its owner's."""


class UnsavedSnapshot(Overlay):
    """A snapshot with unsaved changes that begins and ends the snapshot below.

    :param unsaved: the store whose snapshot it is.
    :param store: what is below.
    :param changes: the changes.
    """

    def __init__(self, unsaved: UnsavedStore, store: Store, changes: list[Change]) -> None:
        self._unsaved = unsaved
        self._below: Snapshot | None = None if unsaved.open is not None else store.snapshot()
        self._wanted = changes

    def __enter__(self) -> Self:
        """Begin.

        :raises StoreError: when the store cannot be read.
        :raises UsageError: as :func:`apply_changes` does.
        """
        if self._below is None:
            assert self._unsaved.open is not None
            Overlay.__init__(self, self._unsaved.open, self._wanted)
            return self
        base = self._below.__enter__()
        has_begun = False
        try:
            Overlay.__init__(self, base, self._wanted)
            has_begun = True
            self._unsaved.open = base
        finally:
            if not has_begun:
                self._below.__exit__(None, None, None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._below is not None:
            self._unsaved.open = None
            self._below.__exit__(kind, error, trace)
