"""The changes of a transaction so far, and those that the journal gets: whatever is done in it, also in savepoints."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.errors import UsageError
from esmith.store.protocol import Store, Transaction
from tests.examples import examples
from tests.store.plain import Cells
from tests.store.steps import STEPS, Step, stepped, take_steps
from tests.store.stores import AUTHOR, cells, contents, last_revision


class _TakenBackError(Exception):
    """Ends a savepoint."""


@dataclass
class Within:
    """What is done in a savepoint.

    :param kept: whether it stays.
    """

    acts: list[Act]
    kept: bool


Act = Step | Within
ACTS = st.lists(
    st.recursive(STEPS, lambda acts: st.builds(Within, st.lists(acts, max_size=4), st.booleans()), max_leaves=8),
    min_size=1,
    max_size=6,
)


def act(transaction: Transaction, acts: list[Act], before: Cells, now: Cells) -> Cells:
    """Do things in a transaction and to plain dicts, and compare what changed so far after each.

    :param before: what was stored before the transaction.
    :return: what the dicts hold.
    """
    for one in acts:
        if isinstance(one, Within):
            try:
                with transaction.savepoint():
                    inside = act(transaction, one.acts, before, now)
                    if not one.kept:
                        raise _TakenBackError
                now = inside
            except _TakenBackError:
                pass
        else:
            found = stepped(now, [one])
            try:
                take_steps(transaction, [one])
            except UsageError:
                assert found is None
            if found is not None:
                now = found[0]
        assert cells(transaction.changes) == differing(before, now)
        counts = {name: count for name in ("a", "ab") if (count := sum(c[0] == name for c in differing(before, now)))}
        assert transaction.count_changes() == counts
    return now


def differing(before: Cells, now: Cells) -> set[tuple[str, str, str, str | None, str | None]]:
    """Return the cells that differ, with what they hold."""
    every = before.keys() | now.keys()
    return {(*cell, before.get(cell), now.get(cell)) for cell in every if before.get(cell) != now.get(cell)}


@given(transactions=st.lists(ACTS, min_size=1, max_size=4))
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changes_are_what_differs(store: Store, transactions: list[list[Act]]) -> None:
    """At each moment the changes are the cells that differ from before the transaction, and so is its revision."""
    now: Cells = {
        (name, record.key, prop): value
        for name, records in contents(store).items()
        for record in records
        for prop, value in {"": record.type, **record.props}.items()
    }
    for acts in transactions:
        before, number = now, last_revision(store)
        with store.transaction(AUTHOR) as transaction:
            now = act(transaction, acts, before, before)
        wanted = differing(before, now)
        assert last_revision(store) == number + bool(wanted)
        with store.snapshot() as snapshot:
            if wanted:
                assert cells(next(snapshot.revisions()).changes) == wanted
            for name in snapshot.databases():
                snapshot_cells = {
                    (name, record.key, prop): value
                    for record in snapshot.records(name)
                    for prop, value in {"": record.type, **record.props}.items()
                }
                assert snapshot_cells == {cell: value for cell, value in now.items() if cell[0] == name}
