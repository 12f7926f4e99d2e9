"""What a member of a fleet knows, read from its store: its name, its groups, the others, and where each value is from.

The table ``=fleet`` holds ``revision`` (number and hash of the last row of the journal that was applied, with a blank
between), ``name`` (of the fleet), ``host`` (of this member), ``member/NAME`` and ``invite/NAME`` (JSON, written by what
:mod:`esmith.fleet.journal` makes of the rows), ``digest``, ``stopped``, and what the commands keep besides.
"""

from __future__ import annotations

from esmith.errors import StoreError
from esmith.fields import dataclass
from esmith.fleet.names import FLEET, GROUP
from esmith.fleet.replica import layers, overrides, rows
from esmith.quick_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.replica.scope import Scopes
    from esmith.store.protocol import Snapshot, Transaction

TABLE = "fleet"
#: What the names of the rows of members and of invitations begin with.
PREFIX, INVITE = "member/", "invite/"
_DIGITS = frozenset("0123456789abcdef")


@dataclass
class Origin:
    """Where the values of a cell are.

    :param cell: the property; "" for the type.
    :param value: the one that counts, None for none.
    :param source: where it is from: ``host`` or ``local`` for a value of this host that goes before the layers,
        ``group:NAME``, ``fleet``, or ``own`` for one of this host that no layer has.
    :param layers: what each layer has, also those of groups this host is not in.
    """

    cell: str
    value: str | None
    source: str
    layers: dict[str, str]


class Membership:
    """What a member knows, at one moment.

    :param snapshot: where it is read from.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._groups: list[str] | None = None

    @property
    def is_member(self) -> bool:
        """Whether this host is in a fleet."""
        return self._snapshot.state(TABLE, "host") is not None

    @property
    def host(self) -> str:
        """The name of this host in the fleet; "" when it is in none."""
        return self.text("host")

    @property
    def name(self) -> str:
        """The name of the fleet; "" when this host is in none."""
        return self.text("name")

    @property
    def base(self) -> str:
        """Number and hash of the last row of the journal that was applied, with a blank between; "0 " for none."""
        return self.text("revision") or "0 "

    @property
    def revision(self) -> int:
        """The number of the last row of the journal that was applied; 0 for none.

        :raises StoreError: when the row is damaged.
        """
        number = self.base.partition(" ")[0]
        if not number.isascii() or not number.isdigit():
            raise StoreError("the fleet revision is damaged", hint="replay the journal: esmith fleet resync")
        return int(number)

    @property
    def hash(self) -> str:
        """The hash of that row; "" for none."""
        return self.base.partition(" ")[2]

    @property
    def digest(self) -> str:
        """The digest of the layers, which all members of one revision have: 64 hexadecimal digits.

        :raises StoreError: when the row is damaged.
        """
        digest = self.text("digest") or "0" * 64
        if len(digest) != 64 or not _DIGITS.issuperset(digest):
            raise _damaged()
        return digest

    @property
    def groups(self) -> list[str]:
        """The groups of this host, the nearest first.

        :raises StoreError: when the row of this member is damaged.
        """
        if self._groups is None:
            self._groups = groups_of(self._snapshot.state(TABLE, PREFIX + self.host))
        return self._groups

    def members(self) -> dict[str, list[str]]:
        """Return the members by their names, sorted, each with its groups.

        :raises StoreError: when one of the rows is damaged.
        """
        return {
            name.removeprefix(PREFIX): groups_of(value)
            for name, value in self._snapshot.states(TABLE)
            if name.startswith(PREFIX)
        }

    def hosts_of(self, layer: str) -> list[str]:
        """Return the members that a layer counts for: all, or those of a group."""
        group = layer.removeprefix(GROUP)
        return [name for name, groups in self.members().items() if layer == FLEET or group in groups]

    def layers(self, database: str, key: str) -> layers.RecordLayers:
        """Return what the layers have of a record."""
        return layers.read(self._snapshot, database, key)

    def origins(self, database: str, key: str, scopes: Scopes | None = None) -> list[Origin]:
        """Return where each value of a record is from, in byte order of the properties, the type first.

        Also those are there that are deleted on this host only, and what layers have for a record that is not here.

        :param scopes: with it what is of this host by nature is its own, also where somebody put it into a layer.
        """
        record, found = self._snapshot.record(database, key), self.layers(database, key)
        own = {} if record is None else {"": record.type, **record.props}
        marks = overrides.of_record(self._snapshot, database, key)
        result = []
        for prop in sorted({*own, *marks, *found.props()}, key=str.encode):
            mark = marks.get(prop)
            source = mark.kind if mark is not None else found.layer_of(self.groups, prop) or "own"
            if scopes is not None and mark is None and scopes.is_host(database, key, prop):
                source = "own"
            has = {layer: props[prop] for layer, props in sorted(found.cells.items()) if prop in props}
            result.append(Origin(prop, own.get(prop), source, has))
        return result

    def text(self, name: str) -> str:
        """Return a row of the table ``=fleet`` as a text; "" for none."""
        value = self._snapshot.state(TABLE, name)
        return "" if value is None else str(value, "utf-8", "replace")


def reach(transaction: Transaction, revision: int, hash: str) -> None:
    """Note the last row of the journal that was applied.

    :param revision: its number.
    :param hash: its hash.
    """
    transaction.set_state(TABLE, "revision", f"{revision} {hash}".encode())


def groups_of(row: bytes | None) -> list[str]:
    """Return the groups that the row of a member names, the nearest first; none where there is no row.

    :raises StoreError: when it is damaged.
    """
    if row is None:
        return []
    try:
        groups = loads(row)["groups"]
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged() from error
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise _damaged()
    return groups


def records_of_layers(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return database and key of each record that a layer says something of.

    :raises StoreError: when a row is damaged.
    """
    try:
        found = [rows.read(name, value, 2)[0] for name, value in snapshot.states(layers.TABLE)]
    except ValueError as error:
        raise _damaged() from error
    return [(database, key) for database, key in found]


def _damaged() -> StoreError:
    return StoreError("what this host knows of its fleet is damaged", hint="replay the journal: esmith fleet resync")
