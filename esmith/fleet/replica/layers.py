"""The layers of shared settings, a row of the store a record; and which of their values counts.

The table ``=layers`` holds a row for each record that a layer says something of, its name as
:func:`esmith.fleet.replica.rows.record_name` has it. The row is layer, property and value of each cell, all with a NUL
between, in byte order: no name and no value holds a NUL. The property "" is the type. Every member has all layers, also
those of groups it is not in, so members of one revision have the same rows.
"""

from __future__ import annotations

from esmith.errors import StoreError
from esmith.fleet.names import FLEET, GROUP
from esmith.fleet.replica import rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.store.protocol import Snapshot

    #: Layer, database, key, property, and the value; None deletes. A property "" with None deletes all that the layer
    #: has of the record.
    LayerChange = tuple[str, str, str, str, str | None]

TABLE = "layers"


class RecordLayers:
    """What the layers have of one record.

    :param cells: by layer and property; "" is the type.
    """

    __slots__ = ("cells",)

    def __init__(self, cells: dict[str, dict[str, str]] | None = None) -> None:
        self.cells: dict[str, dict[str, str]] = {} if cells is None else cells

    @classmethod
    def of_row(cls, row: bytes | None) -> RecordLayers:
        """Return what a row says.

        :param row: None for none.
        :raises StoreError: when it is damaged.
        """
        found = cls()
        if not row:
            return found
        try:
            fields = str(row, "utf-8").split("\0")
            for layer, prop, value in zip(fields[::3], fields[1::3], fields[2::3], strict=True):
                found.cells.setdefault(layer, {})[prop] = value
        except ValueError as error:
            raise damaged() from error
        return found

    def row(self) -> bytes | None:
        """Return the row, None when no layer says anything."""
        fields: list[str] = []
        for layer in sorted(self.cells, key=str.encode):
            props = self.cells[layer]
            for prop in sorted(props, key=str.encode):
                fields += (layer, prop, props[prop])
        return "\0".join(fields).encode() if fields else None

    def put(self, layer: str, prop: str, value: str | None) -> None:
        """Set a cell of a layer, or delete it; the type None deletes all that the layer says."""
        if value is not None:
            self.cells.setdefault(layer, {})[prop] = value
            return
        props = self.cells.get(layer)
        if props is None:
            return
        props.pop(prop, None)
        if not prop or not props:
            del self.cells[layer]

    def get(self, layer: str, prop: str) -> str | None:
        """Return what a layer has of a cell, None for nothing."""
        return self.cells.get(layer, {}).get(prop)

    def layer_of(self, groups: Sequence[str], prop: str) -> str | None:
        """Return the layer whose value of a cell counts, None when there is none.

        :param groups: the names of the host's groups, the nearest first.
        """
        for group in groups:
            layer = GROUP + group
            if prop in self.cells.get(layer, ()):
                return layer
        return FLEET if prop in self.cells.get(FLEET, ()) else None

    def value(self, groups: Sequence[str], prop: str) -> str | None:
        """Return the value of a cell that counts, None when no layer of the host has one."""
        layer = self.layer_of(groups, prop)
        return None if layer is None else self.cells[layer][prop]

    def resolve(self, groups: Sequence[str]) -> dict[str, str]:
        """Return the values that count for a host, by property."""
        found = dict(self.cells.get(FLEET, {}))
        for group in reversed(groups):
            found |= self.cells.get(GROUP + group, {})
        return found

    def props(self) -> set[str]:
        """Return the properties that any layer says something of."""
        return {prop for props in self.cells.values() for prop in props}


def read(snapshot: Snapshot, database: str, key: str) -> RecordLayers:
    """Return what the layers have of a record.

    :raises StoreError: when its row is damaged.
    """
    name = rows.name_of(database, key)
    value = snapshot.state(TABLE, name)
    return RecordLayers() if value is None else RecordLayers.of_row(content(name, value))


def content(name: str, value: bytes) -> bytes:
    """Return what a row of the table says, without what its name stands for.

    :raises StoreError: when it is damaged.
    """
    try:
        return rows.read(name, value, 2)[1]
    except ValueError as error:
        raise damaged() from error


def damaged() -> StoreError:
    """Return the error of a row that cannot be read."""
    return StoreError("a row of the layers is damaged", hint="replay the journal: esmith fleet resync")
