"""The settings that the tests change on every host, and how one operation changes them.

All are properties of one record, so that each sample is small: a counter, cells that are always written together, a
register, and one that several layers have. Another record comes and goes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from esmith.store.protocol import Snapshot, Transaction
from tests.fleet.world.history import Cell, History, Place

DATABASE, KEY, GUEST = "trials", "trial", "guest"
TYPE = Cell(DATABASE, KEY, "")
COUNTER = Cell(DATABASE, KEY, "Count")
BUNDLE = tuple(Cell(DATABASE, KEY, f"Part{number}") for number in range(4))
REGISTER = Cell(DATABASE, KEY, "Register")
LAYERED = Cell(DATABASE, KEY, "Layered")
#: Two cells that the kind ``own`` writes together: one is shared, the other is a secret, which never leaves its host.
MIRROR, SECRET = Cell(DATABASE, KEY, "Mirror"), Cell(DATABASE, KEY, "Password")
#: How many properties the kind ``many`` sets: its row is longer than one value of etcd should be.
MANY = 6000
#: The first operation of each history: the record itself.
BEGIN = "begin"
KINDS = ("add", "bundle", "swap", "layer", "own", "guest", "leave")


@dataclass(frozen=True)
class Task:
    """What one operation is to do.

    :param layer: the shared layer for the kind ``layer``.
    """

    stamp: str
    kind: str
    layer: str = "fleet"

    def do(self, transaction: Transaction) -> tuple[dict[Place, str | None], dict[Cell, str | None]]:
        """Do it in a transaction; return what it writes, and what it saw."""
        if self.kind == "begin":
            transaction.set_type(DATABASE, KEY, "service")
            return {Place("fleet", TYPE): "service"}, {}
        if self.kind == "add":
            before = transaction.prop(*COUNTER)
            value = str(int(before or 0) + 1)
            transaction.set_prop(*COUNTER, value)
            return {Place("fleet", COUNTER): value}, {COUNTER: before}
        if self.kind == "bundle":
            for cell in BUNDLE:
                transaction.set_prop(*cell, self.stamp)
            return {Place("fleet", cell): self.stamp for cell in BUNDLE}, {}
        if self.kind == "swap":
            before = transaction.prop(*REGISTER)
            transaction.set_prop(*REGISTER, self.stamp)
            return {Place("fleet", REGISTER): self.stamp}, {REGISTER: before}
        if self.kind == "layer":
            transaction.set_prop(*LAYERED, self.stamp)
            return {Place(self.layer, LAYERED): self.stamp}, {}
        if self.kind == "own":
            transaction.set_prop(*MIRROR, self.stamp)
            transaction.set_prop(*SECRET, hidden(self.stamp))
            return {Place("fleet", MIRROR): self.stamp}, {}
        if self.kind == "many":
            cells = [Cell(DATABASE, KEY, f"Many{number:04}") for number in range(MANY)]
            for cell in cells:
                transaction.set_prop(*cell, self.stamp * 20)
            return {Place("fleet", cell): self.stamp * 20 for cell in cells}, {}
        return self._come_or_go(transaction)

    def _come_or_go(self, transaction: Transaction) -> tuple[dict[Place, str | None], dict[Cell, str | None]]:
        kind, text = Cell(DATABASE, GUEST, ""), Cell(DATABASE, GUEST, "Text")
        before = transaction.type_of(DATABASE, GUEST)
        if self.kind == "leave" and before is not None:
            seen = {kind: before, text: transaction.prop(*text)}
            transaction.delete_record(DATABASE, GUEST)
            return dict.fromkeys((Place("fleet", kind), Place("fleet", text)), None), seen
        writes: dict[Place, str | None] = {Place("fleet", text): self.stamp}
        if before is None:
            transaction.set_type(DATABASE, GUEST, "service")
            writes[Place("fleet", kind)] = "service"
        transaction.set_prop(*text, self.stamp)
        return writes, {kind: before}

    @property
    def target(self) -> str:
        """The ``layer`` of the transaction: what an administrator would name, "" for none."""
        return self.layer if self.kind == "layer" else ""


def hidden(stamp: str) -> str:
    """Return the secret that goes with a stamp; another text, since secrets are masked wherever they stand."""
    return stamp.encode().hex()


def draw_task(chance: random.Random, stamp: str, layers: tuple[str, ...]) -> Task:
    """Return one operation, drawn at random.

    :param layers: the shared layers that are written by name.
    """
    return Task(stamp, chance.choice(KINDS), chance.choice(layers))


def empty_history() -> History:
    """Return a history of these settings with nothing in it yet."""
    return History(
        watched=frozenset({(DATABASE, KEY), (DATABASE, GUEST)}), counters=(COUNTER,), bundles=(BUNDLE,), mirror=MIRROR
    )


def look(snapshot: Snapshot) -> dict[str, Any]:
    """Return what a host holds: its fleet revision, the hash of that row, the effective cells, and those of its own."""
    revision, _, row_hash = (snapshot.state("fleet", "revision") or b"0 ").decode().partition(" ")
    cells: list[list[str]] = []
    for key in (KEY, GUEST):
        if (record := snapshot.record(DATABASE, key)) is not None:
            cells += [[DATABASE, key, "", record.type], *([DATABASE, key, *item] for item in record.props.items())]
    secret = next((value for *cell, value in cells if Cell(*cell) == SECRET), None)
    cells = [cell for cell in cells if Cell(*cell[:3]) != SECRET]
    own = []
    for name, _value in snapshot.states("overrides"):
        database, key, prop = name.split("\0")
        if database == DATABASE:
            own.append([database, key, prop, snapshot.prop(database, key, prop)])
    return {"revision": int(revision), "hash": row_hash, "cells": cells, "own": own, "secret": secret}
