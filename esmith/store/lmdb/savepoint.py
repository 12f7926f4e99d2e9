"""A transaction within a transaction, which can be taken back alone."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.store.lmdb.transaction import LmdbTransaction


class Savepoint:
    """A transaction within a transaction; see :meth:`LmdbTransaction.savepoint`."""

    __slots__ = ("_before", "_transaction")

    def __init__(self, transaction: LmdbTransaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> None:
        self._before = self._transaction.begin_inner()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._transaction.end_inner(self._before, keep=kind is None)
