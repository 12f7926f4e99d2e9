"""Histories that never happened: a right one, drawn at random, for the tests of the checker."""

from __future__ import annotations

import math
import random

from tests.fleet.world.history import Cell, History, Landed, Operation, Outcome, Place, Replay, Sample

HOSTS = ("mail1", "mail2", "mail3")
GROUPS = {"mail1": ("mx", "eu"), "mail2": ("mx",), "mail3": ()}
TYPE = Cell("configuration", "trial", "")
COUNTER = Cell("configuration", "trial", "Count")
BUNDLE = tuple(Cell("configuration", "trial", f"Part{number}") for number in range(3))
LISTED = Cell("configuration", "trial", "List")
MIRROR = Cell("configuration", "trial", "Mirror")


def right_history(seed: int, count: int = 60) -> History:
    """Return a history in which everything is as it should be.

    :param count: how many operations.
    """
    chance = random.Random(seed)
    history = History(
        watched=frozenset({("configuration", "trial")}), counters=(COUNTER,), bundles=(BUNDLE,), mirror=MIRROR
    )
    first = {Place("fleet", TYPE): "service"}
    history.rows.append(Landed(1, groups=GROUPS))
    _land(history, Operation("setup", "mail1", first, 0.1, 0.2, "ok", revision=2), landed=True)
    reached = dict.fromkeys(HOSTS, 2)
    for number in range(count):
        moment, host = 1.0 + number, chance.choice(HOSTS)
        before = Replay(history.rows)
        before.advance(len(history.rows))
        outcome: Outcome = chance.choice(("ok", "ok", "fail", "info", "info"))
        landed = outcome == "ok" or (outcome == "info" and chance.random() < 0.5)
        writes, seen = _draw(chance, before, host, f"w{number}")
        revision = len(history.rows) + 1 if outcome == "ok" else 0
        ended = math.inf if outcome == "info" else moment + 0.5
        asked = Operation(f"w{number}", host, writes, moment, ended, outcome, seen, revision)
        _land(history, asked, landed)
        for other in HOSTS:
            # Who asked has it when the command returns; the others are behind as far as they like.
            lowest = len(history.rows) if other == host and outcome == "ok" else reached[other]
            reached[other] = chance.randint(lowest, len(history.rows))
            history.samples.append(_sample(history, other, moment + 0.6, reached[other]))
    return history


def _draw(
    chance: random.Random, before: Replay, host: str, stamp: str
) -> tuple[dict[Place, str | None], dict[Cell, str | None]]:
    """Return what an operation writes, and what it saw."""
    kind = chance.randrange(4)
    if kind == 0:
        value = before.value(host, COUNTER, {})
        return {Place("fleet", COUNTER): str(int(value or 0) + 1)}, {COUNTER: value}
    if kind == 1:
        return {Place("fleet", cell): stamp for cell in BUNDLE}, {}
    if kind == 2:
        return {Place("fleet", MIRROR): stamp}, {}
    return {Place(chance.choice(("group:mx", "group:eu", "fleet")), LISTED): chance.choice((stamp, None))}, {}


def _land(history: History, operation: Operation, landed: bool) -> None:
    history.operations.append(operation)
    if landed:
        history.rows.append(Landed(len(history.rows) + 1, operation.stamp, operation.writes))


def _sample(history: History, host: str, at: float, revision: int) -> Sample:
    replay = Replay(history.rows)
    replay.advance(revision)
    cells = replay.cells(host, history.watched, {})
    hosts = {operation.stamp: operation.host for operation in history.operations}
    mine = [
        row for row in history.rows[:revision] if hosts.get(row.stamp) == host and Place("fleet", MIRROR) in row.writes
    ]
    secret = mine[-1].stamp.encode().hex() if mine else None
    return Sample(host, at, revision, f"hash {revision}", cells, secret=secret)
