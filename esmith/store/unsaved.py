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

    def snapshot(self) -> UnsavedSnapshot:
        """Return a snapshot to read from."""
        return UnsavedSnapshot(self._store.snapshot(), self._changes)

    def transaction(self, _author: Author, _layer: str | None = None) -> NoReturn:
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

    :param snapshot: what is below, not begun yet.
    :param changes: the changes.
    """

    def __init__(self, snapshot: Snapshot, changes: list[Change]) -> None:
        self._below = snapshot
        self._wanted = changes

    def __enter__(self) -> Self:
        """Begin.

        :raises StoreError: when the store cannot be read.
        :raises UsageError: as :func:`apply_changes` does.
        """
        base = self._below.__enter__()
        has_begun = False
        try:
            Overlay.__init__(self, base, self._wanted)
            has_begun = True
        finally:
            if not has_begun:
                self._below.__exit__(None, None, None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._below.__exit__(kind, error, trace)
