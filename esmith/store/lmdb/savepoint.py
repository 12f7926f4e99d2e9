"""A transaction within a transaction, which can be taken back alone."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Outer(Protocol):
        """The transaction in which there is another one."""

        def begin_inner(self) -> Any:
            """Begin the other one, and return what is to be as now when it is taken back."""

        def end_inner(self, before: Any, *, keep: bool) -> None:
            """End it."""


class Savepoint:
    """A transaction within a transaction; see :meth:`esmith.store.protocol.Transaction.savepoint`.

    :param transaction: the outer one.
    """

    __slots__ = ("_before", "_transaction")

    def __init__(self, transaction: Outer) -> None:
        self._transaction = transaction

    def __enter__(self) -> None:
        self._before = self._transaction.begin_inner()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._transaction.end_inner(self._before, keep=kind is None)
