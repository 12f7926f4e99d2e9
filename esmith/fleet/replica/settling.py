"""Making the cells of a record what its layers say, where this host has no value of its own that goes before."""

from __future__ import annotations

from esmith.fleet.replica import layers, member, overrides
from esmith.fleet.replica.scope import Scopes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from esmith.fleet.replica.layers import RecordLayers
    from esmith.store.protocol import Transaction


class Settling:
    """Writes cells of the databases as the layers have them.

    :param transaction: where they are written.
    :param groups: those of this host, the nearest first.
    """

    def __init__(self, transaction: Transaction, groups: list[str]) -> None:
        self._transaction = transaction
        self.groups = groups
        self.scopes = Scopes.of(transaction)

    def settle(
        self, database: str, key: str, found: RecordLayers, touched: Collection[str], covered: Collection[str] = ()
    ) -> int:
        """Make cells of a record what the layers say now.

        What layers have for a record without a type is not shown; all of it is as soon as there is a type.

        :param found: what they have of it.
        :param touched: the properties that may have another value.
        :param covered: those of them that go where no layer has a value, because one of this host's had until now.
            Others are this host's own then, and stay.
        :return: how many cells were written.
        """
        transaction = self._transaction
        before = transaction.type_of(database, key)
        written = 0
        if "" in touched:
            written += self._settle_type(database, key, found.value(self.groups, ""), "" in covered)
        if transaction.type_of(database, key) is None:
            return written
        values = found.resolve(self.groups)
        for prop in sorted(values if before is None else touched):
            value = values.get(prop)
            if not prop or (value is None and prop not in covered) or self._is_own(database, key, prop):
                continue
            if transaction.prop(database, key, prop) == value:
                continue
            written += 1
            if value is None:
                transaction.delete_prop(database, key, prop)
            else:
                transaction.set_prop(database, key, prop, value)
        return written

    def show(self, database: str, key: str) -> int:
        """Make all cells of a record what the layers say, where they say something; return how many were written."""
        found = layers.read(self._transaction, database, key)
        return self.settle(database, key, found, found.resolve(self.groups))

    def drop_record(self, database: str, key: str) -> None:
        """Delete a record whose type no layer has any more, with its marks; not where its type is this host's."""
        if self._is_own(database, key, ""):
            return
        if self._transaction.type_of(database, key) is not None:
            overrides.unmark_record(self._transaction, database, key)
            self._transaction.delete_record(database, key)

    def _settle_type(self, database: str, key: str, given: str | None, was_given: bool) -> int:
        before = self._transaction.type_of(database, key)
        if given == before or self._is_own(database, key, "", given):
            return 0
        if given is not None:
            self._transaction.set_type(database, key, given)
            return 1
        if was_given:
            self.drop_record(database, key)
        return int(was_given)

    def _is_own(self, database: str, key: str, prop: str, *types: str | None) -> bool:
        """Return whether a cell is this host's, whatever a layer says."""
        if overrides.of_cell(self._transaction, database, key, prop) is not None:
            return True
        return self.scopes.is_host(database, key, prop, types=types)


def drop(transaction: Transaction, cells: Iterable[tuple[str, str, str]]) -> int:
    """Give the values of this host up that go before the layers: what the layers say shows again.

    A value that no layer has goes. It is meant for a transaction of the layer None.

    :param cells: database, key and property of each; those that are not marked stay as they are. With the type of a
        record go all marks of it.
    :return: how many were marked.
    """
    settling = Settling(transaction, member.Membership(transaction).groups)
    wanted: dict[tuple[str, str], set[str]] = {}
    for database, key, prop in cells:
        marks = overrides.of_record(transaction, database, key)
        if prop in marks:
            wanted.setdefault((database, key), set()).update([prop] if prop else marks)
    for (database, key), props in wanted.items():
        for prop in props:
            overrides.unmark(transaction, database, key, prop)
        settling.settle(database, key, layers.read(transaction, database, key), props, props)
    return sum(map(len, wanted.values()))


def push(transaction: Transaction, cells: Iterable[tuple[str, str, str]]) -> int:
    """Have values of this host that go before the layers shared instead, by a transaction of the layer "".

    Each goes where a plain change of it would go if it were not marked: to the layer that has the cell, or to the
    fleet.

    :param cells: database, key and property of each; those that are not marked stay as they are.
    :return: how many were marked.
    """
    pushed = {}
    for database, key, prop in cells:
        if overrides.of_cell(transaction, database, key, prop) is not None:
            overrides.unmark(transaction, database, key, prop)
            pushed[database, key, prop] = transaction.prop(database, key, prop)
    transaction.assigned = {**transaction.assigned, **pushed}
    return len(pushed)
