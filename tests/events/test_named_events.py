"""Which events are named where settings wait: the fewest, and after them nothing waits."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from esmith.events.applying import events_for
from esmith.events.following import Following, what_follows
from esmith.events.outstanding import find_outstanding
from esmith.events.signal import signal_event
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author, Change
from tests.commands import Root, copy_tree
from tests.events.kit import Scene, make_event
from tests.examples import examples
from tests.page.drives import Row, Table
from tests.page.test_drives import SAMPLES

Cell = tuple[str, str, str]

TABLE = Table()
AUTHOR = Author.current(["test"])
ROWS = [(name, row) for name, rows in TABLE.rows.items() for row in rows if row.files]


@pytest.mark.parametrize(
    ("named", "events"),
    [
        ({"a": ["clamav-update", "email-update"]}, ["email-update"]),
        ({"a": ["clamav-update"], "b": ["clamav-update", "email-update"]}, ["clamav-update"]),
        (
            {"a": ["clamav-update"], "b": ["email-update"], "c": ["email-update", "x"]},
            ["email-update", "clamav-update"],
        ),
        ({"a": ["email-update", "console-save"], "b": ["console-save"]}, ["console-save"]),
        ({"a": ["email-update", "post-install"], "b": ["post-install"]}, ["email-update", "post-install"]),
        ({"a": ["email-update", "bootstrap-x"], "b": ["x-update", "bootstrap-x"]}, ["email-update", "x-update"]),
        ({"a": ["user-modify", "ssl-update"], "b": ["user-modify"]}, ["ssl-update", "user-modify"]),
        ({"a": ["bootstrap-x", "user-modify"]}, ["bootstrap-x"]),
        ({"a": ["x-update", "x"], "b": ["x-update", "x"]}, ["x-update"]),
        ({"a": [], "b": ["x"]}, ["x"]),
        ({}, []),
    ],
)
def test_which_events_are_named(named: dict[str, list[str]], events: list[str]) -> None:
    """As few events as can be; rather one for changed settings, and of these the one that the wiki page names."""
    assert list(events_for(named, named)) == events


@given(
    named=st.dictionaries(
        st.sampled_from("abcdefgh"), st.sets(st.sampled_from(["a-update", "b-update", "c", "d", "e", "f"]), min_size=1)
    )
)
@hypothesis_settings(max_examples=examples(60), deadline=None)
def test_no_fewer_events_would_do(named: dict[str, set[str]]) -> None:
    """Each template is made by one of the events, which has it, and no smaller set of events makes all of them."""
    found = events_for(named, named)
    assert sorted(itertools.chain(*found.values())) == sorted(named)
    assert all(event in named[template] for event, made in found.items() for template in made)
    every = sorted(set(itertools.chain(*named.values())))
    smaller = itertools.combinations(every, len(found) - 1) if found else ()
    assert not any(all(names & set(some) for names in named.values()) for some in smaller)


def test_many_events() -> None:
    """With a hundred events and as many templates the search ends, and all templates are made."""
    named = {f"{one}": {f"event-{one * more % 101}" for more in range(1, 7)} for one in range(100)}
    assert sorted(itertools.chain(*events_for(named, named).values())) == sorted(named)


class _Office:
    """An office, with the settings of the table."""

    def __init__(self, path: Path) -> None:
        self.root = Root(path)
        self.layout = Layout(str(path))
        self.set_all([((database, key, prop), value) for database, key, prop, value in TABLE.base])

    def set_all(self, settings: list[tuple[Cell, str]]) -> None:
        """Store settings, whatever the schema says."""
        with closing(open_store(self.layout, write=True)) as store, store.transaction(AUTHOR) as transaction:
            for (database, key, prop), value in settings:
                if transaction.type_of(database, key) is None:
                    transaction.set_type(database, key, "service" if prop else value)
                elif not prop:
                    transaction.set_type(database, key, value)
                if prop:
                    transaction.set_prop(database, key, prop, value)

    def events(self) -> list[str]:
        """Return the events that are named for settings."""
        with closing(open_store(self.layout)) as store:
            return [one.event for one in find_outstanding(self.layout, store).waiting if one.by_settings]

    def apply(self) -> list[str]:
        """Signal the events that are named, and return them."""
        named = self.events()
        for event in named:
            self.root.signal(event)
        return named


@pytest.fixture(scope="module")
def office_of_the_table(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> _Office:
    """Return an office with the base settings of the table, which no event made effective yet."""
    path = tmp_path_factory.mktemp("applied") / "root"
    copy_tree(_office, path)
    return _Office(path)


def _settings(rows: list[tuple[str, Row]]) -> list[tuple[Cell, str]]:
    found = []
    for name, row in rows:
        database, key = name.split()
        found.append(((database, SAMPLES.get(name, key), row.setting.prop), row.value))
    return found


def test_after_the_named_events_nothing_waits(office_of_the_table: _Office) -> None:
    """Settings from the whole table wait for few events; when exactly these were signalled, none waits."""
    office_of_the_table.set_all(_settings(ROWS[::7]))
    named = office_of_the_table.apply()
    assert named
    assert office_of_the_table.events() == []


@pytest.mark.long
def test_after_the_named_events_of_each_setting_nothing_waits(office_of_the_table: _Office) -> None:
    """So it is for each setting of the table by itself, and one event is named for each."""
    found = {}
    office_of_the_table.apply()
    for row in ROWS:
        office_of_the_table.set_all(_settings([row]))
        named = office_of_the_table.apply()
        left = office_of_the_table.events()
        if left or len(named) > 1:
            found[str(row[1].setting)] = (named, left)
    assert found == {}


def test_what_follows_is_what_differs(scene: Scene) -> None:
    """Only files that will differ are counted, for each event; where something is broken as many as may differ."""
    scene.template("/etc/t", "{{ A.value }}\n")
    scene.template("/etc/u", "{{ 'long' if A.value | length > 3 else 'short' }}\n")
    make_event(scene.path, "t-update", templates="/etc/t\n/etc/u\n")
    scene.set("configuration", "A", "setting", value="1", note="")
    signal_event(scene.session(), "t-update")
    for value, following in (("2", {"t-update": 1}), ("1234", {"t-update": 2}), ("1", {})):
        change = Change("configuration", "A", "value", "1", value)
        assert what_follows(scene.layout, scene.store, [change]) == Following(following, is_exact=True)
    scene.trees.custom("/etc/t/90broken", "{{ nosuch.x }}\n")
    change = Change("configuration", "A", "value", "1", "2")
    assert what_follows(scene.layout, scene.store, [change]) == Following({"t-update": 2}, is_exact=False)
