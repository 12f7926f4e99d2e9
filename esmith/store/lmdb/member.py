"""The end of a transaction on a member of a fleet, where what others share has to be agreed on before it is stored.

This is the one call upwards (docs/architecture.md#a-setting-of-a-fleet): only the transaction knows when it ends, and
nothing but a member may pay for what is above. So that is imported by its name, and only here.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from esmith.store.lmdb.parts import Cells
    from esmith.store.lmdb.written import Written
    from esmith.store.protocol import EndingTransaction

    #: What :meth:`esmith.store.lmdb.written.Written.changed` returns.
    Changed = dict[str, dict[str, Cells]]


def end_on_member(
    transaction: EndingTransaction, written: Written, commit: Callable[[Changed], None], abort: Callable[[], None]
) -> None:
    """Store a transaction that changed something, in a store that has the table of a fleet.

    :param written: what it has written.
    :param commit: ends it, and stores what was changed.
    :param abort: ends it with nothing stored.
    :raises EsmithError: as :func:`esmith.fleet.replica.ending.end` does, or as other transactions; nothing is stored.
    """
    if transaction.state("fleet", "host") is None:
        # It has left its fleet.
        commit(written.changed())
        return
    agreed: AbstractContextManager[None] | None = None
    try:
        agreed = import_module("esmith.fleet.replica.ending").end(transaction)
    finally:
        if agreed is None:
            abort()
    with agreed:
        commit(written.changed())
