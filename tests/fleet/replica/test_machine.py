"""Random histories of a member: settings, layers, marks and digest are what plain dicts say, whatever comes when."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from esmith.errors import EsmithError, RefusedError
from esmith.fleet.replica import applying, asking, checking, layers, overrides, settling
from esmith.fleet.replica.member import Membership, records_of_layers
from esmith.fleet.replica.scope import Scopes
from esmith.layout import Layout
from esmith.store.behind import BehindError
from tests.examples import examples
from tests.fleet.replica.commands import command, finish
from tests.fleet.replica.fleet import AUTHOR, HOSTS, Fleet, cells_of, make_member, member_row, take
from tests.fleet.replica.model import SECRET, Cell, Cells, Change, Model, Step, is_host
from tests.memory import memory
from tests.state_machines import play

EXAMPLES, STEPS = 60, 14
LONG_EXAMPLES, LONG_STEPS = 1500, 40

KEYS = st.tuples(st.just("things"), st.sampled_from(["a", "b"]))
PROPS = st.sampled_from(["p", "q", SECRET])
VALUES = st.sampled_from(["1", "2"])
TYPES = st.sampled_from(["v", "w"])
CELLS = st.builds(lambda record, prop: (*record, prop), KEYS, st.sampled_from(["", "p", "q"]))


def _step(name: str, *words: st.SearchStrategy[str]) -> st.SearchStrategy[Step]:
    return st.builds(lambda record, rest: (name, (*record, *rest)), KEYS, st.tuples(*words))


STEP = st.one_of(
    _step("set_prop", PROPS, VALUES),
    _step("set_prop", PROPS, VALUES),
    _step("delete_prop", PROPS),
    _step("set_type", TYPES),
    _step("set_record", TYPES),
    _step("set_record", TYPES, PROPS, VALUES),
    _step("set_records", TYPES, PROPS, VALUES),
    _step("delete_record"),
)
TARGETS = st.sampled_from([None, None, "", "", "", "fleet", "group:g1", "group:g2", "group:g3", "host", "local"])
CHANGE = st.one_of(
    st.builds(
        lambda layer, record, prop, value: (layer, *record, prop, value),
        st.sampled_from(["fleet", "group:g1", "group:g2", "group:g3"]),
        KEYS,
        st.sampled_from(["", "p", "q", SECRET]),
        st.sampled_from(["1", "2", None]),
    ),
)
GROUPS = st.lists(st.sampled_from(["g1", "g2", "g3"]), unique=True)


class _StoppedError(EsmithError):
    """Ends a transaction that is not to be kept."""


class Machine(RuleBasedStateMachine):
    """A member that is changed by commands and by rows of others, one that only follows, and plain dicts for both."""

    agent: Fleet

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="fleet-", dir=memory()))
        own: Cells = {("things", "a", ""): "v", ("things", "a", "p"): "own", ("things", "a", SECRET): "s"}
        self.fleet = Machine.agent = Fleet()
        self.store = make_member(self.root / "one", "one", own)
        self.other = make_member(self.root / "two", "two", own)
        self.one = Model(list(HOSTS["one"]), dict(own))
        self.two = Model(list(HOSTS["two"]), dict(own))
        self.followed = 0

    def teardown(self) -> None:
        """Catch up, and replay the whole journal: that changes nothing."""
        self.follow(False)
        with self.store.transaction(AUTHOR) as transaction:
            applying.rebuild(transaction, self._first() + self.fleet.journal)
        self.as_the_model()
        self.store.close()
        self.other.close()
        shutil.rmtree(self.root)

    def _first(self) -> list[applying.Applied]:
        return [applying.Applied(0, "", (), dict(map(member_row, HOSTS)))]

    @rule(where=TARGETS, steps=st.lists(STEP, min_size=1, max_size=4), inside=st.lists(STEP, max_size=2))
    def change(self, where: str | None, steps: list[Step], inside: list[Step]) -> None:
        """A transaction lands in the layers it is meant for; what is taken back in it does not count."""
        model, sent = command(self.one, where, steps)
        only_here = where in ("fleet", "group:g1", "group:g2", "group:g3") and not sent
        try:
            with self.store.transaction(AUTHOR, where) as transaction:
                take(transaction, steps)
                with pytest.raises(_StoppedError), transaction.savepoint():
                    take(transaction, inside)
                    raise _StoppedError("enough")
        except RefusedError:
            assert only_here
            return
        self.one = model
        self._check_sent(sent)

    def _check_sent(self, sent: list[Change]) -> None:
        asked = [one for one in self.fleet.asked if one.get("verb") == "commit"]
        self.fleet.asked.clear()
        assert sorted(tuple(change) for one in asked for change in one["changes"]) == sorted(sent, key=str) or (
            {tuple(change) for one in asked for change in one["changes"]} == set(sent)
        )
        assert not any(is_host((one[1], one[2], one[3])) for one in sent)

    @rule(steps=st.lists(STEP, min_size=1, max_size=4), outcome=st.sampled_from(["behind", "refused", "unknown"]))
    def fail(self, steps: list[Step], outcome: str) -> None:
        """What the fleet does not take changes nothing."""
        model, sent = command(self.one, "", steps)
        if not sent:
            return
        self.fleet.outcome = outcome
        errors = {"behind": BehindError, "refused": asking.FleetRefusesError, "unknown": asking.UnsettledError}
        with pytest.raises(errors[outcome]), self.store.transaction(AUTHOR, "") as transaction:
            take(transaction, steps)
        self.fleet.outcome = "accepted"
        self.fleet.asked.clear()

    @rule(
        rows=st.lists(st.lists(CHANGE, min_size=1, max_size=4) | GROUPS, min_size=1, max_size=4), at_once=st.booleans()
    )
    def hear(self, rows: list[list[Change] | list[str]], at_once: bool) -> None:
        """Rows of others are applied, one by one or all at once."""
        heard = []
        for row in rows:
            changes = [one for one in row if isinstance(one, tuple)]
            if changes:
                heard.append(self.fleet.append(changes))
                self.one.apply(changes)
                continue
            groups = [one for one in row if isinstance(one, str)]
            heard.append(
                self.fleet.append((), {"member/one": b'{"groups": %b}' % str(groups).replace("'", '"').encode()})
            )
            self.one.regroup(groups)
        for some in [heard] if at_once else [[row] for row in heard]:
            with self.store.transaction(AUTHOR) as transaction:
                applying.apply_rows(transaction, some)

    @rule(cells=st.lists(CELLS, min_size=1, max_size=3))
    def drop(self, cells: list[Cell]) -> None:
        """Values of this host are given up."""
        with self.store.transaction(AUTHOR) as transaction:
            settling.drop(transaction, cells)
        self.one.drop(cells)

    @rule()
    def push(self) -> None:
        """Values of this host that wait for the fleet are shared."""
        marked = [cell for cell, kind in self.one.marks.items() if kind == "local"]
        new = self.one.copy()
        wanted = {cell: self.one.cells.get(cell) for cell in marked}
        for cell in marked:
            del new.marks[cell]
        with self.store.transaction(AUTHOR, "") as transaction:
            settling.push(transaction, marked)
        self.one, sent = finish(self.one.cells, new, "", wanted)
        self._check_sent(sent)

    @rule(at_once=st.booleans())
    def follow(self, at_once: bool) -> None:
        """The other member applies what it has not yet, one by one or all at once."""
        new = self.fleet.journal[self.followed :]
        for row in new:
            self.two.apply(list(row.changes))
        self.followed = len(self.fleet.journal)
        for some in [new] if at_once else [[row] for row in new]:
            with self.other.transaction(AUTHOR) as transaction:
                applying.apply_rows(transaction, some)

    @invariant()
    def as_the_model(self) -> None:
        """Settings, layers, marks and groups are those of the dicts, and nothing is wrong with them."""
        for store, model in ((self.store, self.one), (self.other, self.two)):
            with store.snapshot() as snapshot:
                assert cells_of(snapshot) == model.cells
                assert {cell: mark.kind for cell, mark in overrides.all_marks(snapshot)} == model.marks
                has = {
                    (layer, *record, prop): value
                    for record in records_of_layers(snapshot)
                    for layer, props in layers.read(snapshot, *record).cells.items()
                    for prop, value in props.items()
                }
                assert has == {
                    (layer, *cell): text for layer, cells in model.layers.items() for cell, text in cells.items()
                }
                assert Membership(snapshot).groups == model.groups
                assert checking.faults(snapshot, Scopes(Layout(str(self.root)), snapshot)) == []


def _run(number: int, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: Callable[..., Fleet] = lambda root, patience=2.0: Machine.agent  # noqa: E731, ARG005
    monkeypatch.setattr(asking, "Agent", connected)
    play(Machine, number, steps)


def test_random_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is changed by whom in whatever order, a member has what plain dicts have."""
    _run(examples(EXAMPLES), STEPS, monkeypatch)


@pytest.mark.long
def test_many_random_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, 60,000 steps."""
    _run(LONG_EXAMPLES, LONG_STEPS, monkeypatch)
