"""Panel files with random faults: each is a page or a fault, and never stops the others."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.panels.build import build_panel
from esmith.panels.setting import PanelError
from esmith.schema.load import Schema
from esmith.tables import TomlFile
from tests.examples import examples
from tests.panels.kit import SHIPPED, table_of
from tests.sources import ROOT

_TABLES = {id: table_of(id) for id in SHIPPED}
#: What may be put anywhere.
_ANYTHING = st.one_of(
    st.sampled_from(
        ["", " ", "\0", "a\0b c", "../../etc passwd x", "x" * 5000, "accounts", "{key}", "a b c d", "*", "@user"]
    ),
    st.text(max_size=8),
    st.integers(),
    st.booleans(),
    st.just([]),
    st.just({}),
    st.just(["x"]),
    st.just({"configuration qpsmtpd DNSBL": "enabled"}),
    st.just([{}]),
)


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to each value in a table."""
    found = [way] if way else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        found += _places(one, (*way, key))
    return found


_EVENTS = [path.name for path in ROOT.glob("events/*")]


class _Shipped(Schema):
    """The schema of the repository, whoever owns it."""

    def __init__(self) -> None:
        super().__init__(Layout(str(ROOT)))
        self._directory = str(ROOT / "db")


_SCHEMA = _Shipped()


@settings(deadline=None, max_examples=examples(50))
@given(data=st.data())
def test_a_random_fault_is_an_error_of_the_file(data: st.DataObject) -> None:
    """Whatever is put into a panel file, it can be read or is refused with an error that names the file."""
    id = data.draw(st.sampled_from(SHIPPED))
    table = copy.deepcopy(_TABLES[id])
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(_places(table)))
        inner: Any = table
        for step in way:
            inner = inner[step]
        if data.draw(st.booleans()):
            inner[last] = copy.deepcopy(data.draw(_ANYTHING))
        elif isinstance(inner, dict):
            inner[data.draw(st.one_of(st.text(max_size=3), st.just("\0")))] = inner.pop(last)
        else:
            inner.pop(last)
    try:
        build_panel(TomlFile("/panel.toml", PanelError, table), _SCHEMA, id, _EVENTS)
    except EsmithError as error:
        assert error.place.startswith("/panel.toml")


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "..", ".", "wbl/", "*"])
def test_names_that_lead_elsewhere(name: str) -> None:
    """A name that no database, record or type can have is a mistake, and nothing is looked for under it."""
    field = {"setting": f"{name} {name} {name}"}
    section = {"name": "one", "heading": "One", "fields": [field]}
    tables = (
        {"heading": "Tried", "sections": [section]},
        {"heading": "Tried", "sections": [section], "records": {"database": name, "type": name}},
        {"heading": "Tried", "sections": [], "records": {"database": name, "type": name}},
    )
    for table in tables:
        with pytest.raises(PanelError):
            build_panel(TomlFile("/panel.toml", PanelError, table), _SCHEMA, "configuration/tried", _EVENTS)
