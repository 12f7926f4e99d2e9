"""The end of a transaction on a member of a fleet: what others share is agreed on before it is stored."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from esmith.store.protocol import Transaction


def end(transaction: Transaction) -> AbstractContextManager[None]:
    """Sort what a transaction changed to the layers it belongs to, and have the fleet agree on it.

    Called by the transaction itself, before it is stored, on a member and only when something was changed, or assigned
    to a layer.

    :return: a context for the commit: it tells the agent how that ended.
    :raises BehindError: when another member was quicker.
    :raises StoreError: when the fleet cannot be asked, or does not take it; nothing was changed.
    :raises UsageError: when there is no such layer.
    """
    raise NotImplementedError
