"""A recorded history of what several writers did on several hosts, and what has to hold of it.

The writers note each operation with the moments it began and ended, the hosts are sampled while that goes on, and the
journal is read at the end. From these three alone follows what is wrong. The layers are worked out once more
here, in the plainest way, so a fault of the product is not repeated by its judge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

#: How an operation ended for who asked: done, refused with nothing changed, or nobody knows.
Outcome = Literal["ok", "fail", "info"]


class Cell(NamedTuple):
    """A value of a record; the property without a name is the type."""

    database: str
    key: str
    prop: str


class Place(NamedTuple):
    """A cell of a shared layer."""

    layer: str
    cell: Cell


#: What is written: places, and None where one is deleted.
Writes = Mapping[Place, str | None]


@dataclass(frozen=True)
class Operation:
    """What one writer asked for once.

    :param stamp: its own, which the row of the journal carries.
    :param seen: what it read of the effective settings in the same transaction, before it wrote.
    :param invoked: when it was asked for, in seconds.
    :param ended: when the answer came; infinity for one whose writer died.
    :param revision: the fleet revision that it was given, 0 for none.
    """

    stamp: str
    host: str
    writes: Writes
    invoked: float
    ended: float
    outcome: Outcome
    seen: Mapping[Cell, str | None] = field(default_factory=dict)
    revision: int = 0


@dataclass(frozen=True)
class Landed:
    """A row of the journal; one that changes no settings has no stamp and no writes."""

    revision: int
    stamp: str = ""
    writes: Writes = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """What one host held at one moment: all effective cells of the watched records, read in one snapshot.

    :param own: those of them that the host's own layer decides.
    :param secret: what the host keeps for itself beside the mirror.
    """

    host: str
    at: float
    revision: int
    hash: str
    cells: Mapping[Cell, str]
    own: Mapping[Cell, str | None] = field(default_factory=dict)
    secret: str | None = None


@dataclass
class History:
    """All that was recorded.

    :param watched: the records the samples are of: pairs of a database and a key.
    :param counters: cells that each operation raised by one, and nothing else changed.
    :param bundles: sets of cells that are always written together, with one value.
    :param mirror: a shared cell whose writers keep something for themselves with it: its stamp, in hexadecimal.
    """

    operations: list[Operation] = field(default_factory=list)
    rows: list[Landed] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    watched: frozenset[tuple[str, str]] = frozenset()
    counters: Sequence[Cell] = ()
    bundles: Sequence[Sequence[Cell]] = ()
    mirror: Cell | None = None


class Replay:
    """The shared layers after so many rows.

    :param rows: in their order.
    """

    def __init__(self, rows: Iterable[Landed]) -> None:
        self._rows = iter(rows)
        self.revision = 0
        self._layers: dict[str, dict[Cell, str]] = {}
        self._groups: dict[str, Sequence[str]] = {}

    def advance(self, revision: int) -> None:
        """Go on until a revision is done; one that is not there yet leaves the last one."""
        while self.revision < revision:
            row = next(self._rows, None)
            if row is None:
                return
            self.revision = row.revision
            self._groups.update(row.groups)
            for place, value in row.writes.items():
                layer = self._layers.setdefault(place.layer, {})
                if value is None:
                    # Without a type a layer says nothing of a record.
                    gone = [cell for cell in layer if cell == place.cell or _is_of(cell, place.cell)]
                    for cell in gone:
                        del layer[cell]
                else:
                    layer[place.cell] = value

    def value(self, host: str, cell: Cell, own: Mapping[Cell, str | None]) -> str | None:
        """Return the effective value of a cell for a host, None for none."""
        if cell.prop and self.value(host, cell._replace(prop=""), own) is None:
            return None
        if cell in own:
            return own[cell]
        for layer in (*(f"group:{name}" for name in self._groups.get(host, ())), "fleet"):
            if (found := self._layers.get(layer, {}).get(cell)) is not None:
                return found
        return None

    def cells(self, host: str, records: frozenset[tuple[str, str]], own: Mapping[Cell, str | None]) -> dict[Cell, str]:
        """Return all effective cells of some records for a host."""
        known = {cell for layer in self._layers.values() for cell in layer} | set(own)
        named = (cell for cell in known if (cell.database, cell.key) in records)
        return {cell: value for cell in named if (value := self.value(host, cell, own)) is not None}


def faults(history: History) -> list[str]:
    """Return what is wrong with a history, a sentence each; none when all claims hold."""
    rows = history.rows
    return [
        *_numbers(rows),
        *_lost_or_doubled(history),
        *_order(history),
        *_blind(history),
        *_mixed(history),
        *_torn(history),
        *_own_part(history),
        *_back(history),
        *_branched(history.samples),
    ]


def _numbers(rows: Sequence[Landed]) -> Iterator[str]:
    """The journal is numbered from 1 without a gap."""
    for wanted, row in enumerate(rows, 1):
        if row.revision != wanted:
            yield f"row {wanted} of the journal is numbered {row.revision}"
            return


def _lost_or_doubled(history: History) -> Iterator[str]:
    """What was acknowledged is there once, as it was asked for; what was refused never; the rest at most once."""
    landed: dict[str, list[Landed]] = {}
    for row in history.rows:
        if row.stamp:
            landed.setdefault(row.stamp, []).append(row)
    for operation in history.operations:
        found = landed.pop(operation.stamp, [])
        what = f"{operation.stamp} on {operation.host}"
        if len(found) > 1:
            yield f"{what} is in the journal {len(found)} times: {[row.revision for row in found]}"
        elif operation.outcome == "ok" and not found:
            yield f"{what} was acknowledged and is lost"
        elif operation.outcome == "fail" and found:
            yield f"{what} was refused and is revision {found[0].revision}"
        for row in found[:1]:
            if _plain(row.writes) != _plain(operation.writes):
                yield f"{what} is torn: revision {row.revision} holds another changeset"
            if operation.outcome == "ok" and operation.revision not in (0, row.revision):
                yield f"{what} was given revision {operation.revision} and is {row.revision}"
    yield from (f"{stamp} is in the journal and nobody asked for it" for stamp in landed)


def _order(history: History) -> Iterator[str]:
    """What ended before another began has the lower revision."""
    revisions = {row.stamp: row.revision for row in history.rows if row.stamp}
    done = [(revisions[item.stamp], item) for item in history.operations if item.stamp in revisions]
    by_start = sorted(done, key=lambda pair: pair[1].invoked)
    by_end = sorted((pair for pair in done if pair[1].outcome == "ok"), key=lambda pair: pair[1].ended)
    position, highest, which = 0, 0, ""
    for revision, operation in by_start:
        while position < len(by_end) and by_end[position][1].ended < operation.invoked:
            if by_end[position][0] > highest:
                highest, which = by_end[position][0], by_end[position][1].stamp
            position += 1
        if revision < highest:
            yield f"{operation.stamp} began after {which} had ended, and is revision {revision}, before {highest}"


def _blind(history: History) -> Iterator[str]:
    """Each operation that landed had seen the settings of the revision right before it; each counter rises by one."""
    by_stamp = {operation.stamp: operation for operation in history.operations}
    replay = Replay(history.rows)
    for row in history.rows:
        operation = by_stamp.get(row.stamp)
        if operation is None:
            continue
        replay.advance(row.revision - 1)
        for cell, value in operation.seen.items():
            before = replay.value(operation.host, cell, {})
            if value != before:
                yield f"{row.stamp} saw {value!r} of {'/'.join(cell)} where revision {row.revision - 1} has {before!r}"
        for place, value in row.writes.items():
            if place.cell in history.counters:
                before = replay.value(operation.host, place.cell, {})
                if value != str(int(before or 0) + 1):
                    yield f"{row.stamp} made {'/'.join(place.cell)} {value} where it was {before}"


def _mixed(history: History) -> Iterator[str]:
    """Each sample is one fleet revision and the host's own layer."""
    replay = Replay(history.rows)
    for sample in sorted(history.samples, key=lambda item: item.revision):
        replay.advance(sample.revision)
        if replay.revision != sample.revision:
            yield f"{sample.host} is at revision {sample.revision}, which the journal does not have"
            continue
        wanted = replay.cells(sample.host, history.watched, sample.own)
        if wanted != sample.cells:
            wrong = sorted(cell for cell in {*wanted, *sample.cells} if wanted.get(cell) != sample.cells.get(cell))
            shown = ", ".join(
                f"{'/'.join(cell)} {sample.cells.get(cell)!r} for {wanted.get(cell)!r}" for cell in wrong[:3]
            )
            yield f"{sample.host} at revision {sample.revision} is not that revision: {shown}"


def _torn(history: History) -> Iterator[str]:
    """No sample shows a part of a command."""
    for sample in history.samples:
        for bundle in history.bundles:
            values = {sample.cells.get(cell) for cell in bundle}
            if len(values) > 1:
                yield f"{sample.host} at revision {sample.revision} shows a torn command: {sorted(map(str, values))}"


def _own_part(history: History) -> Iterator[str]:
    """What a host keeps for itself is that of its last operation that landed, wherever this was killed."""
    hosts = {operation.stamp: operation.host for operation in history.operations}
    mirrors = [(row, hosts[row.stamp]) for row in history.rows if row.stamp in hosts and _is_mirror(history, row)]
    for host, samples in _by_host(history.samples).items():
        pending, wanted = [row for row, writer in mirrors if writer == host], None
        for sample in sorted(samples, key=lambda item: item.revision):
            while pending and pending[0].revision <= sample.revision:
                wanted = pending.pop(0).stamp.encode().hex()
            if sample.secret != wanted:
                yield f"{host} at revision {sample.revision} keeps {sample.secret} for itself, and not {wanted}"


def _is_mirror(history: History, row: Landed) -> bool:
    return any(place.cell == history.mirror for place in row.writes)


def _back(history: History) -> Iterator[str]:
    """No host gets older, and each has what was acknowledged there."""
    acknowledged: dict[str, list[tuple[float, int]]] = {}
    for operation in sorted(history.operations, key=lambda item: item.ended):
        if operation.outcome == "ok" and operation.revision and operation.ended < math.inf:
            acknowledged.setdefault(operation.host, []).append((operation.ended, operation.revision))
    for host, samples in _by_host(history.samples).items():
        highest, pending = 0, acknowledged.get(host, [])
        for sample in sorted(samples, key=lambda item: item.at):
            while pending and pending[0][0] < sample.at:
                highest = max(highest, pending.pop(0)[1])
            if sample.revision < highest:
                yield f"{host} is at revision {sample.revision} after it was at {highest}"
            highest = max(highest, sample.revision)


def _branched(samples: Iterable[Sample]) -> Iterator[str]:
    """One revision is the same row everywhere."""
    first: dict[int, Sample] = {}
    for sample in samples:
        other = first.setdefault(sample.revision, sample)
        if other.hash != sample.hash:
            yield f"revision {sample.revision} is another row on {sample.host} than on {other.host}"


def _is_of(cell: Cell, kind: Cell) -> bool:
    """Return whether a cell is of the record whose type another is."""
    return not kind.prop and cell[:2] == kind[:2]


def _plain(writes: Writes) -> Writes:
    """Return writes without what is deleted together with the type."""
    gone = [place for place, value in writes.items() if value is None and not place.cell.prop]
    return {
        place: value
        for place, value in writes.items()
        if value is not None
        or not place.cell.prop
        or not any(place.layer == kind.layer and _is_of(place.cell, kind.cell) for kind in gone)
    }


def _by_host(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    hosts: dict[str, list[Sample]] = {}
    for sample in samples:
        hosts.setdefault(sample.host, []).append(sample)
    return hosts
