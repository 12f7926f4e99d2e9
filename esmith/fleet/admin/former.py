"""What the fleet keeps of the former values of a property, for ``esmith forget``.

A server takes nothing of it away: layers are the same on every member, and a row of the journal that is changed does
not fit any more. So it is found, and named with the cure.
"""

from __future__ import annotations

import json
import os

from esmith.errors import EsmithError
from esmith.fields import dataclass, field
from esmith.fleet.admin.own import Own
from esmith.fleet.agent.places import outbox_of
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.row import decode, fill
from esmith.fleet.replica import layers, rows
from esmith.private_files import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from esmith.fleet.agent.remote import Remote
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

    Cell = tuple[str, str, str]

#: Rows that are asked for at once; one has up to 1 MiB.
_PAGE = 20
#: Larger than any file of the outbox.
_LARGEST = 2**26


@dataclass
class InFleet:
    """Where a former value still is.

    :param layers: layer and cell of each value of today in a layer.
    :param rows: the numbers of the journal's rows.
    :param trouble: why the journal could not be looked through; "" when it was.
    :param outbox: whether a change has it whose outcome is not known yet.
    :param others: the other servers, which have each shared value in their journals.
    """

    layers: list[tuple[str, Cell]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    trouble: str = ""
    outbox: bool = False
    others: list[str] = field(default_factory=list)


def find_in_fleet(layout: Layout, snapshot: Snapshot, cell: Cell, values: Collection[str]) -> InFleet:
    """Return where the fleet has former values of a property; nothing is changed.

    :param cell: database, key and property, "" for the type.
    :param values: the former values that are long enough to be looked for in other cells and in words.
    :raises StoreError: when the layers are damaged.
    """
    today = snapshot.prop(*cell)
    found = InFleet(list(_in_layers(snapshot, cell, values, today)))
    found.outbox = any(_holds(f"{outbox_of(layout)}/{name}", values) for name in _names_in(outbox_of(layout)))
    try:
        own = Own.of(layout, snapshot)
        found.others = sorted(name for name in own.members if name != own.host)
        with own.connect() as etcd:
            found.rows = list(_in_journal(own.remote(etcd), cell, values, today))
    except EsmithError as error:
        found.trouble = str(error)
    return found


def _in_layers(
    snapshot: Snapshot, cell: Cell, values: Collection[str], today: str | None
) -> Iterator[tuple[str, Cell]]:
    for name, value in snapshot.states(layers.TABLE):
        try:
            (database, key), content = rows.read(name, value, 2)
        except ValueError as error:
            raise layers.damaged() from error
        for layer, props in layers.RecordLayers.of_row(content).cells.items():
            for prop, text in props.items():
                other = database, key, prop
                if text in values or (other == cell and text != today):
                    yield layer, other


def _in_journal(remote: Remote, cell: Cell, values: Collection[str], today: str | None) -> Iterator[int]:
    first = 1
    while page := remote.rows(first, _PAGE):
        for number, raw in page:
            if _row_has(remote, raw, cell, values, today):
                yield number
        first = page[-1][0] + 1


def _row_has(remote: Remote, raw: bytes, cell: Cell, values: Collection[str], today: str | None) -> bool:
    """Return whether a row has a former value. It does not matter who wrote it, nor whether it fits."""
    try:
        row = decode(raw)
        if row.blobs:
            row = fill(row, remote.blobs(row.token, len(row.blobs)))
    except RowError:
        return any(value.encode() in raw for value in values)
    for _, database, key, prop, value in row.changes:
        if value is not None and (value in values or ((database, key, prop) == cell and value != today)):
            return True
    return any(value in word for value in values for word in row.author[2])


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _holds(path: str, values: Collection[str]) -> bool:
    try:
        content, _ = read_regular(path, _LARGEST)
    except (OSError, ValueError):
        return False
    return any(json.dumps(value)[1:-1].encode() in content for value in values)


def fleet_lines(found: InFleet) -> Iterator[str]:
    """Yield what is not reached, for people."""
    for layer, cell in found.layers:
        yield f"the layer {layer} has a former value, of {' '.join(filter(None, cell))}; set another one there"
    if found.outbox:
        yield "a change that the fleet may not have taken; run this again when 'esmith fleet status' names none"
    if found.trouble:
        yield f"the fleet's journal in etcd was not looked through ({found.trouble}); run this again when it answers"
    if found.rows:
        shown = ", ".join(map(str, found.rows[:10])) + (" ..." if len(found.rows) > 10 else "")
        yield (
            f"the fleet's journal in etcd has it without end, in row {shown}, where every member may read it: choose "
            "another secret where it is used; only a new fleet in a new etcd is without it"
        )
    if found.others and (found.rows or found.layers):
        yield f"what the other servers keep ({', '.join(found.others)}); run this there, too"
