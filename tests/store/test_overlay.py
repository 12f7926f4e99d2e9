"""Unsaved changes on a snapshot: what is read of them is what is read when they are saved."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.errors import RefusedError, StoreError, UsageError
from esmith.store.model import Change, Record
from esmith.store.overlay import Overlay, apply_changes
from esmith.store.protocol import Snapshot, Store
from esmith.store.unsaved import UnsavedStore
from tests.examples import examples
from tests.memory import memory
from tests.store.steps import STEPS_OF, Step, take_steps
from tests.store.stores import AUTHOR, cells, contents, opened, put

_NAMES = ["a", "a b", "ab", "é", "none"]


def _seen(snapshot: Snapshot) -> dict[str, Any]:
    """Return what every method of a snapshot gives for a few names, but for the time and author of revisions."""
    newest = snapshot.revision()
    found: dict[str, Any] = {"databases": snapshot.databases(), "revision": newest}
    for name in _NAMES:
        found[name] = [
            snapshot.has_database(name),
            snapshot.keys(name),
            list(snapshot.records(name)),
            list(snapshot.records(name, "v")),
            [row for block in snapshot.blocks(name) for row in block],
            snapshot.revision(name),
            [snapshot.record(name, key) for key in _NAMES],
            [snapshot.type_of(name, key) for key in _NAMES],
            [snapshot.prop(name, key, prop) for key in _NAMES for prop in ("", "p", "p q", "none")],
        ]
        for record in snapshot.records(name):
            assert list(record.props) == sorted(record.props, key=str.encode)
    for number in (None, *range(newest + 2)):
        entries = list(snapshot.journal(number))
        found[f"journal {number}"] = [(entry.number, cells(list(entry))) for entry in entries]
        assert [one.number for one in snapshot.revisions(number)] == [one.number for one in entries]
    return found


def _saved(store: Store, steps: list[Step]) -> bool:
    """Take steps in a transaction, and return whether they were saved: none is when one names no record."""
    with contextlib.suppress(UsageError), store.transaction(AUTHOR) as transaction:
        take_steps(transaction, steps)
        return True
    return False


def _is_like_saved(before: list[list[Step]], inside: list[Step], steps: list[Step]) -> None:
    place = Path(tempfile.mkdtemp(prefix="overlay-", dir=memory()))
    try:
        with opened(place, create=True) as store:
            for earlier in before:
                _saved(store, earlier)
            with store.snapshot() as snapshot:
                first, overlay, refused = _seen(snapshot), Overlay(snapshot), False
                with contextlib.suppress(UsageError, _StoppedError), overlay.savepoint():
                    take_steps(overlay, inside)
                    raise _StoppedError
                assert _seen(overlay) == first
                try:
                    take_steps(overlay, steps)
                except UsageError:
                    refused = True
                unsaved, changes, count = _seen(overlay), overlay.changes, overlay.count_changes()
                assert _seen(snapshot) == first
            assert _saved(store, steps) is not refused
            if refused:
                return
            with UnsavedStore(store, []).snapshot() as same, store.snapshot() as snapshot:
                assert _seen(same) == _seen(snapshot)
                if changes or set(snapshot.databases()) == set(unsaved["databases"]):
                    assert _seen(snapshot) == unsaved
                newest = next(snapshot.revisions(), None)
                assert cells(changes) == (cells(newest.changes) if changes and newest else set())
                assert sum(count.values()) == len(changes)
            with store.snapshot() as snapshot:
                back = Overlay(snapshot, [Change(*one.cell, one.new, one.old) for one in changes])
                assert cells(back.changes) == {(*one.cell, one.new, one.old) for one in changes}
                for name in first["databases"]:
                    assert list(back.records(name)) == first[name][2]
    finally:
        shutil.rmtree(place)


class _StoppedError(Exception):
    """Ends a savepoint that is not to be kept."""


@settings(max_examples=examples(40), deadline=None, database=None)
@given(st.lists(STEPS_OF, max_size=3), STEPS_OF, STEPS_OF)
def test_it_reads_as_what_is_saved(before: list[list[Step]], inside: list[Step], steps: list[Step]) -> None:
    """Every method of an overlay gives what a snapshot gives after the same steps were saved in a transaction."""
    _is_like_saved(before, inside, steps)


@pytest.mark.long
@settings(max_examples=5000, deadline=None, database=None)
@given(st.lists(STEPS_OF, max_size=3), STEPS_OF, STEPS_OF)
def test_it_reads_as_what_is_saved_long(before: list[list[Step]], inside: list[Step], steps: list[Step]) -> None:
    """The same with 5,000 examples."""
    _is_like_saved(before, inside, steps)


def test_nothing_is_stored(store: Store) -> None:
    """A store with unsaved changes shows them in each snapshot, refuses to be written, and leaves what is stored."""
    put(store, "a", "k", "v", {"p": "1"})
    before = contents(store)
    unsaved = UnsavedStore(store, [Change("a", "k", "p", None, "2"), Change("b", "new", "", None, "v")])
    with unsaved.snapshot() as first, unsaved.snapshot() as second:
        assert first.prop("a", "k", "p") == second.prop("a", "k", "p") == "2"
        assert first.databases() == ["a", "b"]
        assert first.revision("a") == first.revision("b") == first.revision() == 2
    with pytest.raises(StoreError, match="only tried"):
        unsaved.transaction(AUTHOR)
    assert contents(store) == before


def test_what_cannot_be_stored_is_refused(store: Store) -> None:
    """An overlay refuses names and values that the store refuses, and a property of a record that is not there."""
    with store.snapshot() as snapshot:
        overlay = Overlay(snapshot)
        with pytest.raises(UsageError, match="no such record"):
            apply_changes(overlay, [Change("a", "k", "p", None, "1")])
        for change in (
            Change("a", "k=", "", None, "v"),
            Change("a", "k", "", None, "x|y"),
            Change("a/b", "k", "", "", ""),
        ):
            with pytest.raises((RefusedError, UsageError)):
                apply_changes(overlay, [change])
        overlay.set_record("a", Record("k", "v", {}))
        with pytest.raises(RefusedError):
            apply_changes(overlay, [Change("a", "k", "p", None, "\0")])
        assert overlay.keys("a") == ["k"]


def test_the_engines_own_tables(store: Store) -> None:
    """A row of the engine's own tables that is set in an overlay is read there, and nowhere else."""
    with store.transaction(AUTHOR) as transaction:
        transaction.set_state("t", "a", b"1")
        transaction.set_state("t", "c", b"3")
    with store.snapshot() as snapshot:
        overlay = Overlay(snapshot)
        overlay.set_state("t", "b", b"2")
        overlay.set_state("t", "c", None)
        assert list(overlay.states("t")) == [("a", b"1"), ("b", b"2")]
        assert [overlay.state("t", name) for name in "abc"] == [b"1", b"2", None]
        assert [snapshot.state("t", name) for name in "abc"] == [b"1", None, b"3"]
