"""Applying what the fleet agreed on: changes of layers become the settings of this host, all in one transaction.

Rows of the journal are applied in their order, and what comes out does not depend on how many a transaction has: what
a layer of this host once gave a cell is gone when no layer gives it any more, also within one transaction, and a record
that lost its type on the way is made again. Marked cells (:mod:`esmith.fleet.replica.overrides`) stay as they are.
"""

from __future__ import annotations

from esmith.digests import sha256
from esmith.errors import RefusedError, StoreError
from esmith.fields import dataclass, field
from esmith.fleet.names import FLEET, is_layer
from esmith.fleet.replica import databases, layers, member, overrides, rows
from esmith.fleet.replica.databases import Databases
from esmith.fleet.replica.settling import Settling
from esmith.names import shorten
from esmith.store import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from esmith.fleet.replica.asking import HostChange
    from esmith.fleet.replica.layers import LayerChange
    from esmith.store.protocol import Snapshot, Transaction


@dataclass
class Applied:
    """A row of the journal, as far as the store of a member has to do with it.

    :param revision: its number.
    :param hash: its hash.
    :param changes: what it changes in layers, in order.
    :param states: the rows of the table ``=fleet`` that it leaves, by their names, such as ``member/mail1``; None for
        one that goes.
    :param host: who signed it.
    """

    revision: int
    hash: str
    changes: Sequence[LayerChange] = ()
    states: Mapping[str, bytes | None] = field(default_factory=dict)
    host: str = ""


def apply_changes(
    transaction: Transaction, changes: Sequence[LayerChange], *, revision: int = 0, hash: str = ""
) -> int:
    """Apply one changeset, and note the fleet revision that is reached by it.

    :param changes: in order. A property "" with None deletes all that the layer has of the record.
    :param revision: 0 where it is not known yet: :func:`esmith.fleet.replica.member.reach` notes it then.
    :return: how many cells of the databases were written.
    :raises StoreError: when a row of the layers is damaged.
    """
    return apply_rows(transaction, [Applied(revision, hash, changes)])


def apply_rows(transaction: Transaction, applied: Iterable[Applied]) -> int:
    """Apply rows of the journal, the oldest first: what a host missed, in one transaction.

    :return: how many cells of the databases were written.
    :raises StoreError: when a row of the layers is damaged.
    """
    work = _Work(transaction)
    for row in applied:
        work.take(row)
    return work.finish()


def rebuild(transaction: Transaction, applied: Iterable[Applied]) -> int:
    """Replay the journal from its first row in the place of all that is known of the fleet.

    Values of this host, the marked ones and those that no layer had, stay as they are. What was given by a layer and is
    given by none now goes.

    :param applied: all rows, the oldest first.
    :return: how many cells of the databases were written.
    """
    rows = list(applied)
    work = _Work(transaction, _groups_before(transaction, rows))
    work.forget_all()
    for row in rows:
        work.take(row)
    return work.finish()


def _groups_before(transaction: Transaction, applied: Sequence[Applied]) -> list[str]:
    """Return the groups whose layers gave this host its values; where that is damaged, those that the journal says."""
    membership = member.Membership(transaction)
    try:
        return membership.groups
    except StoreError:
        own = f"{member.PREFIX}{membership.host}"
        return next((member.groups_of(row.states[own]) for row in reversed(applied) if own in row.states), [])


def apply_host(transaction: Transaction, cells: Sequence[HostChange]) -> None:
    """Change what a command changed on this host together with layers, in the transaction that applies these.

    It is for a command that ended before it stored its change. The transaction has the layer None, so a cell that the
    layers have is marked at its end, unless it has their value.

    :param cells: the part ``host`` of the request, in its order.
    """
    groups = member.Membership(transaction).groups
    given = {cell: layers.read(transaction, *cell[:2]).value(groups, cell[2]) for cell in cells}
    # A record that is deleted here, and that somebody made again since, is the fleet's.
    put(transaction, [cell for cell in cells if cell[2] or cell[3] is not None or given[cell] is None])
    for cell, value in given.items():
        database, key, prop, new = cell
        if new == value:
            overrides.unmark(transaction, database, key, prop)


def put(transaction: Transaction, cells: Sequence[HostChange]) -> None:
    """Set cells, or delete them; one of a record that is not there is left out."""
    for database, key, prop, value in sorted(cells, key=lambda cell: cell[:3]):
        if not prop and value is None:
            transaction.delete_record(database, key)
        elif not prop and value is not None:
            transaction.set_type(database, key, value)
        elif value is None:
            transaction.delete_prop(database, key, prop)
        elif transaction.type_of(database, key) is not None:
            transaction.set_prop(database, key, prop, value)


def digest_of(snapshot: Snapshot) -> str:
    """Return the digest of all layers, counted again: it has to be the one that is kept."""
    total = 0
    for name, value in snapshot.states(layers.TABLE):
        total += _digest(name, layers.content(name, value))
    return _text(total)


class _Record:
    """A record that is being changed.

    :param name: of its row of layers.
    :param found: what the layers have of it.
    """

    __slots__ = ("covered", "layers", "name", "row", "touched")

    def __init__(self, name: str, found: layers.RecordLayers) -> None:
        self.name = name
        self.layers = found
        #: The row as it is counted in the digest.
        self.row = found.row()
        #: The properties that may have got another value.
        self.touched: set[str] = set()
        #: Those of them that a layer of this host gave a value at some time.
        self.covered: set[str] = set()


class _Work:
    """Rows of the journal that are being applied.

    :param groups: of this host until now; None for those that the store has.
    """

    def __init__(self, transaction: Transaction, groups: list[str] | None = None) -> None:
        self._transaction = transaction
        membership = member.Membership(transaction)
        self._own = f"{member.PREFIX}{membership.host}"
        self._groups = membership.groups if groups is None else groups
        self._digest = 0 if groups is not None else int(membership.digest, 16)
        self._databases = Databases.of(transaction) if groups is None else Databases()
        self._records: dict[tuple[str, str], _Record] = {}
        self._states: dict[str, bytes | None] = {}
        self._last: Applied | None = None
        self._settling = Settling(transaction, self._groups)
        #: Whether what is between does not count, but only what was before and what is at the end.
        self._replays = False

    def forget_all(self) -> None:
        """Begin with no layers, no members and no groups; rows that are damaged go as well."""
        self._replays = True
        for name, value in list(self._transaction.states(layers.TABLE)):
            try:
                (database, key), row = rows.read(name, value, 2)
                record = self._records[database, key] = _Record(name, layers.RecordLayers.of_row(row))
            except (ValueError, StoreError):
                self._transaction.set_state(layers.TABLE, name, None)
                continue
            record.covered = set(record.layers.resolve(self._groups))
            record.touched, record.layers = record.layers.props(), layers.RecordLayers()
            # The digest is counted again: that of a damaged row is not known.
            self._transaction.set_state(layers.TABLE, name, None)
            record.row = None
        self._databases.is_changed = True
        self._groups = []
        for name, _ in list(self._transaction.states(member.TABLE)):
            if name.startswith((member.PREFIX, member.INVITE, databases.LEFT_OUT)):
                self._states[name] = None

    def take(self, row: Applied) -> None:
        """Take a row of the journal."""
        self._last = row
        self._states.update(row.states)
        # A host that left or was removed is in no group, but its settings stay as they are.
        if (own := row.states.get(self._own)) is not None:
            self._regroup(member.groups_of(own))
        for change in row.changes:
            check_change(change)
        if not self._databases.have_room(row.changes):
            self._states[f"{databases.LEFT_OUT}{row.host}"] = b"%d" % row.revision
            return
        for change in row.changes:
            self._change(*change)

    def _change(self, layer: str, database: str, key: str, prop: str, value: str | None) -> None:
        record = self._record(database, key)
        props = [prop]
        if value is None and not prop:
            props = list(record.layers.cells.get(layer, ()))
        given = [one for one in props if record.layers.value(self._groups, one) is not None]
        was_there = bool(record.layers.cells)
        record.layers.put(layer, prop, value)
        if was_there != bool(record.layers.cells):
            self._databases.note(database, -1 if was_there else 1)
        self._note(database, key, record, props, given)

    def _regroup(self, groups: list[str]) -> None:
        """Take other groups for this host from now on."""
        if groups == self._groups:
            return
        before, self._groups = self._groups, groups
        self._settling.groups = groups
        for database, key in {*self._records, *([] if self._replays else member.records_of_layers(self._transaction))}:
            record = self._record(database, key)
            if record.layers.cells.keys() - {FLEET}:
                given = record.layers.resolve(before)
                self._note(database, key, record, record.layers.props(), given)

    def _note(self, database: str, key: str, record: _Record, props: Iterable[str], given: Iterable[str]) -> None:
        """Note which properties may have another value, and which of them a layer of this host gave one before."""
        record.touched.update(props)
        if self._replays:
            return
        record.covered.update(given)
        if "" in given and record.layers.value(self._groups, "") is None:
            self._settling.drop_record(database, key)

    def _record(self, database: str, key: str) -> _Record:
        record = self._records.get((database, key))
        if record is None:
            name = rows.name_of(database, key)
            record = _Record(name, layers.read(self._transaction, database, key))
            self._records[database, key] = record
        return record

    def finish(self) -> int:
        """Write what came of it, and return how many cells of the databases were written."""
        transaction = self._transaction
        written = 0
        for (database, key), record in self._records.items():
            row = record.layers.row()
            if row != record.row:
                self._digest += _digest(record.name, row) - _digest(record.name, record.row)
                stored = None if row is None else rows.value_of((database, key), row)
                transaction.set_state(layers.TABLE, record.name, stored)
            written += self._settling.settle(database, key, record.layers, record.touched, record.covered)
        self._databases.write(transaction)
        for name, value in self._states.items():
            transaction.set_state(member.TABLE, name, value)
        transaction.set_state(member.TABLE, "digest", _text(self._digest).encode())
        if self._last is not None and self._last.revision:
            member.reach(transaction, self._last.revision, self._last.hash)
        return written


def check_change(change: LayerChange) -> None:
    """Refuse what no layer can hold: whoever may sign a row may have written anything into it.

    :raises RefusedError: when the layer, a name or the value cannot be.
    :raises UsageError: likewise for the database.
    """
    layer, database, key, prop, value = change
    if not is_layer(layer):
        raise RefusedError(f"{shorten(layer)!r} is not a layer that hosts share")
    limits.check_database(database)
    limits.check_key(database, key)
    if prop:
        limits.check_property(database, key, prop)
    if value is not None:
        if prop:
            limits.check_value(f"{database} {key} {prop}", value)
        else:
            limits.check_type(database, key, value)


def _digest(name: str, row: bytes | None) -> int:
    """Return what a row of the layers adds to the digest."""
    return 0 if row is None else int.from_bytes(sha256(b"%b\0%b" % (name.encode(), row)).digest())


def _text(total: int) -> str:
    return f"{total % 2**256:064x}"
