"""Sorting what a transaction changed to the layers it belongs to: what is agreed on, and what stays on this host."""

from __future__ import annotations

from esmith.errors import RefusedError, UsageError
from esmith.fleet.names import FLEET, is_layer
from esmith.fleet.replica import databases, layers, member, overrides
from esmith.fleet.replica.settling import Settling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.replica.asking import HostChange
    from esmith.fleet.replica.layers import LayerChange, RecordLayers
    from esmith.store.protocol import Transaction

    #: By property, "" for the type: the value before, and the one it is to have.
    Cells = dict[str, tuple[str | None, str | None]]


class Sorting:
    """What a transaction changed, sorted.

    Marks are written while it is sorted, and cells of this host. Cells that go to a layer are left to
    :func:`esmith.fleet.replica.applying.apply_changes`.

    :param transaction: it.
    :param target: the layer, as :meth:`esmith.store.protocol.Store.transaction` has it.
    :raises UsageError: when there is no such layer.
    """

    def __init__(self, transaction: Transaction, target: str | None) -> None:
        if target not in (None, "", overrides.HOST, overrides.LOCAL) and not is_layer(str(target)):
            raise UsageError(
                f"there is no layer {target!r}", hint="layers are: fleet, group:NAME, host, local; --group takes a NAME"
            )
        self._transaction = transaction
        self._target = target
        self._groups = member.Membership(transaction).groups
        self.settling = Settling(transaction, self._groups)
        #: What the fleet has to agree on.
        self.changes: list[LayerChange] = []
        #: What changes on this host only.
        self.host: list[HostChange] = []
        #: The records that had no type before.
        self.fresh: list[tuple[str, str]] = []
        #: What was changed on the way to a layer and is to be as before first: a nearer layer may hide it.
        self.before: dict[tuple[str, str], Cells] = {}
        self._may_go = False
        #: What was changed, and what was assigned, by record; since it was sorted.
        self.records: dict[tuple[str, str], Cells] = {}

    def _by_record(self) -> dict[tuple[str, str], Cells]:
        """Return what was changed, and what was assigned, by record."""
        found: dict[tuple[str, str], Cells] = {}
        for change in self._transaction.changes:
            found.setdefault((change.database, change.key), {})[change.prop] = change.old, change.new
        for (database, key, prop), value in self._transaction.assigned.items():
            cells = found.setdefault((database, key), {})
            cells.setdefault(prop, (self._transaction.prop(database, key, prop), value))
        return found

    def sort(self) -> None:
        """Sort all.

        :raises RefusedError: when nothing of it may go to the layer that was chosen, or the layers have no room for it.
        """
        self.records = self._by_record()
        for (database, key), cells in self.records.items():
            found = layers.read(self._transaction, database, key)
            if cells.get("", ("", ""))[0] is None and cells[""][1] is not None:
                self.fresh.append((database, key))
            if self._target is None:
                self._sort_engine(database, key, cells, found)
            elif self._target in (overrides.HOST, overrides.LOCAL):
                self._sort_here(database, key, cells, found)
            else:
                self._sort_shared(database, key, cells, found)
        if self._target and is_layer(self._target) and self.host and not self.changes and not self._may_go:
            raise _only_here(self.host[0])
        if self.changes:
            databases.require_room(self._transaction, self.changes)

    # The engine.

    def _sort_engine(self, database: str, key: str, cells: Cells, found: RecordLayers) -> None:
        given = found.resolve(self._groups)
        if self._is_deleted(cells):
            overrides.unmark_record(self._transaction, database, key)
            if "" in given and not self._is_host(database, key, "", cells):
                overrides.mark(self._transaction, database, key, "")
            return
        is_new = (database, key) in self.fresh and "" not in given
        for prop, (_, new) in cells.items():
            value = given.get(prop)
            if self._is_host(database, key, prop, cells):
                continue
            if new == value:
                overrides.unmark(self._transaction, database, key, prop)
            elif value is not None and not is_new and overrides.of_cell(self._transaction, database, key, prop) is None:
                overrides.mark(self._transaction, database, key, prop)

    # The layer of this host.

    def _sort_here(self, database: str, key: str, cells: Cells, found: RecordLayers) -> None:
        given = found.resolve(self._groups)
        for prop in cells:
            self.host.append((database, key, prop, cells[prop][1]))
        if self._is_deleted(cells):
            self._delete_here(database, key, cells, given)
            return
        for prop, (_, new) in cells.items():
            if self._is_host(database, key, prop, cells):
                continue
            if self._target == overrides.LOCAL:
                self._mark_local(database, key, prop, new, given.get(prop))
            elif new is not None:
                overrides.mark(self._transaction, database, key, prop)
            else:
                overrides.unmark(self._transaction, database, key, prop)
                self.settling.settle(database, key, found, [prop])

    def _delete_here(self, database: str, key: str, cells: Cells, given: dict[str, str]) -> None:
        if self._is_host(database, key, "", cells):
            return
        overrides.unmark_record(self._transaction, database, key)
        if self._target == overrides.LOCAL and "" in given:
            overrides.mark(self._transaction, database, key, "", overrides.LOCAL)
        else:
            # What the layers have shows again.
            self.settling.show(database, key)

    def _mark_local(self, database: str, key: str, prop: str, new: str | None, value: str | None) -> None:
        mark = overrides.of_cell(self._transaction, database, key, prop)
        if new == value:
            overrides.unmark(self._transaction, database, key, prop)
        elif mark is None:
            overrides.mark(self._transaction, database, key, prop, overrides.LOCAL)

    # Layers that hosts share.

    def _sort_shared(self, database: str, key: str, cells: Cells, found: RecordLayers) -> None:
        if self._is_deleted(cells):
            self._delete_shared(database, key, cells, found)
            return
        goes = False
        for prop, (_, new) in cells.items():
            if self._is_host(database, key, prop, cells):
                self.host.append((database, key, prop, new))
            elif self._target:
                goes = self._may_go = True
                self._change(self._target, database, key, prop, new, found)
            else:
                goes |= self._sort_by_origin(database, key, prop, new, found)
        if goes:
            self._send_whole(database, key, cells, found)
        if self._target:
            self.before[database, key] = cells

    def _sort_by_origin(self, database: str, key: str, prop: str, new: str | None, found: RecordLayers) -> bool:
        """Sort a cell to the layer its value comes from, and return whether that is one that hosts share."""
        layer = found.layer_of(self._groups, prop)
        is_marked = overrides.of_cell(self._transaction, database, key, prop) is not None
        if is_marked or (layer is None and new is None):
            self.host.append((database, key, prop, new))
            if is_marked and new == found.value(self._groups, prop):
                overrides.unmark(self._transaction, database, key, prop)
            return False
        if (database, key, prop) in self._transaction.assigned:
            # It is pushed: when the agent has to finish this, its mark goes as well.
            self.host.append((database, key, prop, new))
        self._change(layer or FLEET, database, key, prop, new, found)
        return True

    def _delete_shared(self, database: str, key: str, cells: Cells, found: RecordLayers) -> None:
        """Delete a record that layers have: in the layer that was chosen, else in all of them and here."""
        is_of_host = self._is_host(database, key, "", cells)
        if is_of_host or not self._target:
            self.host.append((database, key, "", None))
        if is_of_host:
            return
        if self._target:
            self._may_go = True
            self.before[database, key] = cells
        else:
            overrides.unmark_record(self._transaction, database, key)
        for layer in sorted(found.cells):
            if self._target in ("", layer):
                self.changes.append((layer, database, key, "", None))

    def _send_whole(self, database: str, key: str, cells: Cells, found: RecordLayers) -> None:
        """Send all of a record that no layer has, when a part of it is: a part of it is of no use to others."""
        if (database, key) in self.fresh or found.layer_of(self._groups, "") is not None:
            return
        record = self._transaction.record(database, key)
        if record is None or self._is_here(database, key, ""):
            return
        for prop, value in {"": record.type, **record.props}.items():
            if prop in cells or found.layer_of(self._groups, prop) is not None or self._is_here(database, key, prop):
                continue
            self._change(self._target or FLEET, database, key, prop, value, found)

    def _change(self, layer: str, database: str, key: str, prop: str, new: str | None, found: RecordLayers) -> None:
        if found.get(layer, prop) != new:
            self.changes.append((layer, database, key, prop, new))

    def _is_here(self, database: str, key: str, prop: str) -> bool:
        """Return whether a cell stays on this host, by its nature or its mark."""
        is_host = self.settling.scopes.is_host(database, key, prop)
        return is_host or overrides.of_cell(self._transaction, database, key, prop) is not None

    def _is_host(self, database: str, key: str, prop: str, cells: Cells) -> bool:
        return self.settling.scopes.is_host(database, key, prop, types=cells.get("", ()))

    @staticmethod
    def _is_deleted(cells: Cells) -> bool:
        return "" in cells and cells[""][1] is None


def _only_here(change: HostChange) -> RefusedError:
    place = " ".join(part for part in change[:3] if part)
    return RefusedError(
        "this is of one server by its nature, and no layer can have it",
        place=place,
        hint="leave the option out: it changes on this server only",
    )
