"""A backup that is restored on a member of a fleet: what servers share stays as the fleet has it."""

from __future__ import annotations

from esmith.fleet.place import DATABASE
from esmith.fleet.replica import member
from esmith.fleet.replica.settling import Settling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.store.model import Record
    from esmith.store.protocol import Transaction


def keep_shared(transaction: Transaction, fleet: Record | None) -> None:
    """Have the layers count again, after all databases were replaced; nothing is done on a server in no fleet.

    :param transaction: which replaced them.
    :param fleet: the record that says where the fleet is, as it was before.
    """
    own = member.Membership(transaction)
    if not own.is_member:
        return
    settling = Settling(transaction, own.groups)
    for database, key in member.records_of_layers(transaction):
        settling.show(database, key)
    if fleet is not None:
        transaction.set_record(DATABASE, fleet)
