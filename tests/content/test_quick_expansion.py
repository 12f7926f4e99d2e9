"""The shipped templates with compiled fragments that are kept, and without: the same files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.events.definition import load_event
from esmith.fragments.compiled import CompiledFragments
from esmith.fragments.render import Renderer
from esmith.fragments.runner import Runner
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.private import keep_all
from esmith.store import open_store
from esmith.store.model import Author
from esmith.store.protocol import Snapshot, Store, Transaction
from tests.commands import Root
from tests.documents import HOME
from tests.examples import examples

_EVENTS = ("bootstrap-console-save", "email-update")
#: Values that change files, by database, record and property.
_DRIVES: list[tuple[str, str, str, str]] = [
    (*place.split(), prop, row[0])
    for place, table in tomllib.loads((HOME / "tests/page/drives.toml").read_text()).items()
    if len(place.split()) == 2
    for prop, row in table.items()
    if isinstance(row, list) and row and isinstance(row[0], str)
]
_CHANGES = st.lists(st.sampled_from(_DRIVES), max_size=12)


class _EndedError(Exception):
    """Ends a transaction without keeping anything."""


class Office:
    """An office whose files are expanded, and nothing is kept of its databases.

    :param root: the office.
    """

    def __init__(self, root: Root) -> None:
        self.layout = Layout(str(root.path))
        self._store: Store = open_store(self.layout, write=True)
        tree = TemplateTree(self.layout)
        names = (load_event(self.layout, event, tree).templates for event in _EVENTS)
        self._templates = sorted({path for paths in names for path in paths})
        with self._store.snapshot() as snapshot:
            self.expanded(snapshot)
        keep_all(self.layout.kept_code)

    def expanded(self, snapshot: Snapshot) -> list[Any]:
        """Return what each output is and was made of."""
        with Renderer(self.layout, snapshot) as renderer:
            return [
                (one.path, one.kind, one.content, one.mode, one.owner, one.reads, one.warnings)
                for path in self._templates
                for one in renderer.render(path)
            ]

    def with_changes(self, changes: list[tuple[str, str, str, str]]) -> Iterator[Transaction]:
        """Yield the databases with changes, which nobody else sees."""
        try:
            with self._store.transaction(Author("tester", "", ["trial"])) as transaction:
                for database, key, prop, value in changes:
                    record = transaction.record(database, key)
                    if record is not None and record.props:
                        transaction.set_prop(database, key, prop, value)
                yield transaction
                raise _EndedError
        except _EndedError:
            pass


@pytest.fixture
def quick(office: Root) -> Office:
    """Return an office whose fragments are compiled and kept."""
    return Office(office)


def _compare(quick: Office, changes: list[tuple[str, str, str, str]]) -> None:
    for transaction in quick.with_changes(changes):
        with mock.patch.object(CompiledFragments, "find", return_value=None):
            expected = quick.expanded(transaction)
        keep_all(quick.layout.kept_code)
        with mock.patch.object(Runner, "engine", property(lambda _one: pytest.fail("a fragment was run by Jinja2"))):
            found = quick.expanded(transaction)
        wrong = [one[0] for one, other in zip(found, expected, strict=True) if one != other]
        assert not wrong


@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=_CHANGES)
def test_the_files_are_the_same(quick: Office, changes: list[tuple[str, str, str, str]]) -> None:
    """Whatever the settings, each shipped template gives the same without Jinja2, which no shipped fragment needs."""
    _compare(quick, changes)


@pytest.mark.long
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=_CHANGES)
def test_the_files_are_the_same_for_long(quick: Office, changes: list[tuple[str, str, str, str]]) -> None:
    """The same for many more settings."""
    _compare(quick, changes)
