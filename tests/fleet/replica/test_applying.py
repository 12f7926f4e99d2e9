"""Rows of the journal become settings: what does not depend on how many of them a transaction has."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.fleet.replica import applying, checking, overrides
from esmith.store.protocol import Store
from tests.fleet.replica.fleet import AUTHOR, THING, Fleet, cells_of, make_member
from tests.fleet.replica.model import Cells, Change


def _applied(store: Store, parts: list[list[list[Change]]]) -> tuple[Cells, list[tuple[str, str, str]]]:
    """Apply rows, some in each transaction, and return all settings and marks."""
    number = 0
    for part in parts:
        rows = [applying.Applied(number + at, f"h{number + at}", changes) for at, changes in enumerate(part, 1)]
        number += len(part)
        with store.transaction(AUTHOR) as transaction:
            applying.apply_rows(transaction, rows)
    with store.snapshot() as snapshot:
        assert checking.faults(snapshot) == []
        return cells_of(snapshot), [cell for cell, _ in overrides.all_marks(snapshot)]


@pytest.mark.parametrize("at_once", [False, True])
def test_a_record_that_is_deleted_and_made_again(tmp_path: Path, at_once: bool) -> None:
    """Nothing of this host is left of a record that was deleted on the way, also when it is there again at the end."""
    store = make_member(tmp_path, "one", {(*THING, ""): "v", (*THING, "own"): "1"})
    _applied(store, [[[("fleet", *THING, "", "v"), ("fleet", *THING, "p", "1")]]])
    with store.transaction(AUTHOR) as transaction:
        transaction.set_prop(*THING, "p", "marked")
    rows: list[list[Change]] = [
        [("fleet", *THING, "", None)],
        [("fleet", *THING, "", "w"), ("fleet", *THING, "q", "2")],
    ]
    cells, marks = _applied(store, [rows] if at_once else [[row] for row in rows])
    assert cells == {(*THING, ""): "w", (*THING, "q"): "2"}
    assert marks == []
    store.close()


@pytest.mark.parametrize("at_once", [False, True])
def test_a_value_that_came_and_went(tmp_path: Path, at_once: bool) -> None:
    """What a layer had and has no more is gone, also where this host had a value of its own before."""
    store = make_member(tmp_path, "one", {(*THING, ""): "v", (*THING, "p"): "own", (*THING, "q"): "own"})
    rows: list[list[Change]] = [[("group:g1", *THING, "p", "1")], [("group:g1", *THING, "p", None)]]
    cells, _ = _applied(store, [rows] if at_once else [[row] for row in rows])
    assert cells == {(*THING, ""): "v", (*THING, "q"): "own"}
    store.close()


def test_a_type_that_comes_last(tmp_path: Path) -> None:
    """Properties of a record that has no type do not show; all of them do when the type comes, in a later row."""
    store = make_member(tmp_path, "one")
    cells, _ = _applied(store, [[[("fleet", *THING, "p", "1"), ("group:g2", *THING, "q", "2")]]])
    assert cells == {}
    cells, _ = _applied(store, [[[("group:g1", *THING, "", "v")]]])
    assert cells == {(*THING, ""): "v", (*THING, "p"): "1", (*THING, "q"): "2"}
    store.close()


@pytest.mark.parametrize("at_once", [False, True])
def test_what_groups_gave_stays_on_a_host_that_leaves(tmp_path: Path, at_once: bool) -> None:
    """The row by which this host leaves, or is removed, changes none of its settings, also those of its groups."""
    store = make_member(tmp_path, "one")
    given: list[Change] = [("fleet", *THING, "", "v"), ("fleet", *THING, "p", "1"), ("group:g1", *THING, "p", "2")]
    rows = [
        applying.Applied(1, "h1", [*given, ("group:g1", *THING, "q", "3")]),
        applying.Applied(2, "h2", states={"member/one": None}),
    ]
    for part in [rows] if at_once else [[row] for row in rows]:
        with store.transaction(AUTHOR) as transaction:
            applying.apply_rows(transaction, part)
    with store.snapshot() as snapshot:
        assert cells_of(snapshot) == {(*THING, ""): "v", (*THING, "p"): "2", (*THING, "q"): "3"}
        assert snapshot.state("fleet", "member/one") is None
    store.close()


def test_a_record_is_shared_as_a_whole_but_for_what_is_marked(member: Store, fleet: Fleet) -> None:
    """A change of several properties shares the whole record, also when the last of them stays on this host."""
    with member.transaction(AUTHOR) as transaction:
        transaction.set_type("things", "b", "v")
        transaction.set_prop("things", "b", "other", "3")
    with member.transaction(AUTHOR, "host") as transaction:
        transaction.set_prop("things", "b", "p", "1")
    with member.transaction(AUTHOR, "") as transaction:
        transaction.set_prop("things", "b", "q", "2")
        transaction.set_prop("things", "b", "p", "2")
    assert sorted(fleet.journal[-1].changes) == [
        ("fleet", "things", "b", "", "v"),
        ("fleet", "things", "b", "other", "3"),
        ("fleet", "things", "b", "q", "2"),
    ]
