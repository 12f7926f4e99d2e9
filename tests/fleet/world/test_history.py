"""The checker of histories finds each kind of fault, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.fleet.world.history import Cell, History, Landed, Place, Replay, Sample, faults
from tests.fleet.world.made_up import BUNDLE, COUNTER, LISTED, TYPE, right_history


def _landed(history: History, outcome: str, cell: Cell) -> int:
    """Return the place in the operations of one near the middle that wrote a cell and is in the journal."""
    stamps = {row.stamp for row in history.rows}
    fitting = [
        number
        for number, operation in enumerate(history.operations)
        if operation.outcome == outcome
        and operation.stamp in stamps
        and any(place.cell == cell for place in operation.writes)
    ]
    return fitting[len(fitting) // 2]


def _row_of(history: History, number: int) -> int:
    stamp = history.operations[number].stamp
    return next(place for place, row in enumerate(history.rows) if row.stamp == stamp)


def _lose(history: History) -> None:
    """An acknowledged change is nowhere; what follows keeps its numbers, as if a row of nothing stood there."""
    place = _row_of(history, _landed(history, "ok", LISTED))
    history.rows[place] = Landed(history.rows[place].revision)


def _double(history: History) -> None:
    """A change is repeated at the end."""
    row = history.rows[_row_of(history, _landed(history, "ok", LISTED))]
    history.rows.append(replace(row, revision=len(history.rows) + 1))


def _double_unknown(history: History) -> None:
    """A change whose outcome nobody knew is there twice."""
    row = history.rows[_row_of(history, _landed(history, "info", LISTED))]
    history.rows.append(replace(row, revision=len(history.rows) + 1))


def _refused_lands(history: History) -> None:
    """A refused change is there anyway."""
    operation = next(item for item in history.operations if item.outcome == "fail")
    history.rows.append(Landed(len(history.rows) + 1, operation.stamp, operation.writes))


def _nobodys(history: History) -> None:
    """A change is there that nobody asked for."""
    history.rows.append(Landed(len(history.rows) + 1, "nobody", {Place("fleet", LISTED): "x"}))


def _half(history: History) -> None:
    """A row has only a part of its command."""
    place = _row_of(history, _landed(history, "ok", BUNDLE[0]))
    row = history.rows[place]
    history.rows[place] = replace(row, writes=dict(list(row.writes.items())[:1]))


def _gap(history: History) -> None:
    """A row is missing."""
    del history.rows[10]


def _late(history: History) -> None:
    """A change lands after others that were asked for when it had ended."""
    number = _landed(history, "ok", LISTED)
    history.operations[number] = replace(history.operations[number], invoked=0.01, ended=0.02)


def _given_wrong(history: History) -> None:
    """A command was given another revision than it is."""
    number = _landed(history, "ok", LISTED)
    operation = history.operations[number]
    history.operations[number] = replace(operation, revision=operation.revision + 1)


def _lost_update(history: History) -> None:
    """A counter is raised from what it was before another raised it."""
    number = _landed(history, "ok", COUNTER)
    operation, place = history.operations[number], _row_of(history, number)
    writes = {at: str(int(value or 0) - 1) for at, value in operation.writes.items()}
    history.operations[number] = replace(operation, writes=writes)
    history.rows[place] = replace(history.rows[place], writes=writes)


def _blind(history: History) -> None:
    """A command had read an old value."""
    number = _landed(history, "ok", COUNTER)
    history.operations[number] = replace(history.operations[number], seen={COUNTER: "no such value"})


def _change_sample(history: History, change: Callable[[Sample], Sample]) -> None:
    place = len(history.samples) // 2
    history.samples[place] = change(history.samples[place])


def _mix(history: History) -> None:
    """A host shows a value of another revision."""
    _change_sample(history, lambda item: replace(item, cells={**item.cells, LISTED: "of another time"}))


def _kept(history: History) -> None:
    """A host shows the records without one that it should have."""
    _change_sample(
        history, lambda item: replace(item, cells={cell: value for cell, value in item.cells.items() if cell != TYPE})
    )


def _part(history: History) -> None:
    """A host shows a part of a command."""
    _change_sample(history, lambda item: replace(item, cells={**item.cells, BUNDLE[1]: "half"}))


def _back(history: History) -> None:
    """A host is at an older revision than before."""
    last = history.samples[-1]
    old = next(item for item in history.samples if item.host == last.host)
    history.samples.append(replace(old, at=last.at + 1))


def _ahead(history: History) -> None:
    """A host is at a revision that the journal does not have."""
    _change_sample(history, lambda item: replace(item, revision=10_000))


def _forgets(history: History) -> None:
    """A host does not have what was acknowledged to it."""
    operation = history.operations[_landed(history, "ok", LISTED)]
    old = next(item for item in history.samples if item.host == operation.host)
    kept = [item for item in history.samples if item.at < operation.invoked]
    history.samples[:] = [*kept, replace(old, at=operation.ended + 0.01)]


def _forgets_own(history: History) -> None:
    """A host does not have what belongs to it alone of a command that landed."""
    kept = next(place for place, item in enumerate(history.samples) if item.secret is not None)
    history.samples[kept] = replace(history.samples[kept], secret=None)


def _branch(history: History) -> None:
    """Two hosts have different rows of one number."""
    first = history.samples[0]
    history.samples.append(replace(first, host="mail9", hash="another"))


WRONG: dict[Callable[[History], None], str] = {
    _lose: "is lost",
    _double: "2 times",
    _double_unknown: "2 times",
    _refused_lands: "was refused and is",
    _nobodys: "nobody asked for it",
    _half: "is torn",
    _gap: "is numbered",
    _late: "began after",
    _given_wrong: "was given revision",
    _lost_update: "where it was",
    _blind: "saw 'no such value'",
    _mix: "is not that revision",
    _kept: "is not that revision",
    _part: "shows a torn command",
    _back: "after it was at",
    _ahead: "which the journal does not have",
    _forgets: "after it was at",
    _forgets_own: "for itself",
    _branch: "is another row",
}


@pytest.mark.parametrize("seed", range(8))
def test_a_right_history_is_right(seed: int) -> None:
    """In a history in which everything is as it should be nothing is found."""
    assert faults(right_history(seed)) == []


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__.strip("_"))
def test_a_wrong_history_is_found(spoil: Callable[[History], None]) -> None:
    """Each kind of fault in an otherwise right history is found and named."""
    for seed in range(3):
        history = right_history(seed, 120)
        spoil(history)
        found = faults(history)
        assert any(WRONG[spoil] in sentence for sentence in found), (seed, found)


def test_the_nearest_layer_wins() -> None:
    """In the replay the host's own layer wins over its groups in their order, and these over the fleet."""
    cell = Cell("configuration", "trial", "Text")
    rows = [
        Landed(1, groups={"mail1": ("a", "b")}),
        Landed(2, "s", {Place("fleet", Cell("configuration", "trial", "")): "service"}),
        Landed(3, "f", {Place("fleet", cell): "fleet"}),
        Landed(4, "b", {Place("group:b", cell): "b"}),
        Landed(5, "a", {Place("group:a", cell): "a"}),
        Landed(6, "c", {Place("group:a", cell): None}),
        Landed(7, "d", {Place("fleet", Cell("configuration", "trial", "")): None}),
        Landed(8, "e", {Place("fleet", Cell("configuration", "trial", "")): "service"}),
    ]
    replay = Replay(rows)
    seen = []
    for revision in range(1, 9):
        replay.advance(revision)
        seen.append(replay.value("mail1", cell, {}))
    assert seen == [None, None, "fleet", "b", "a", "b", None, "b"]
    replay = Replay(rows)
    replay.advance(6)
    assert replay.value("mail1", cell, {cell: "own"}) == "own"
    assert replay.value("mail2", cell, {}) == "fleet"
