"""The table "IPv6" of docs/daemons.md, against the types of the settings."""

from __future__ import annotations

import re

import pytest

from esmith.layout import Layout
from esmith.patterns.lists import read_entry
from esmith.schema.addresses import address_fault
from esmith.schema.load import Schema
from esmith.schema.model import Property
from esmith.schema.types import refusal
from tests.commands import Root
from tests.documents import rows, section

ADDRESS = "2001:db8::1"
GREETING = f"[IPv6:{ADDRESS}]"
#: Types that hold the address of a host; lists of addresses are in the table, too.
TYPES = ("host", "host:port", "address", "ipv4")


def _table() -> dict[str, bool]:
    """Return each setting of the table, and whether it takes IPv6."""
    found: dict[str, bool] = {}
    for row in rows(section("daemons.md", "IPv6")):
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", row[0]), row[1] == "yes")
    return found


def _settings(schema: Schema) -> dict[str, Property]:
    """Return the settings by the names they have in the table; that of a key stands for its rule."""
    found: dict[str, Property] = {}
    for database in schema.databases():
        for file in schema.files(database):
            place = f"{database} {file.key}"
            found |= {f"{place} {name}": prop for name, prop in file.properties.items()}
            rule = file.value or file.key_rule
            if rule is not None:
                found[place] = rule
    return found


@pytest.fixture
def settings(root: Root) -> dict[str, Property]:
    """Return the settings of the product."""
    return _settings(Schema(Layout(str(root.path))))


def test_the_table_is_what_the_schema_says(settings: dict[str, Property]) -> None:
    """Each setting of the table takes an IPv6 address exactly where the table says so: no refusal, and no hint."""
    found = {name: _takes(settings[name], ADDRESS) for name in _table() if name in settings}
    # The names of properties are the entries of these lists.
    lists = {name: settings[f"{name} *"].list for name in _table() if name not in settings}
    found |= {
        name: not read_entry(list, GREETING if list == "badhelo" else ADDRESS).fault for name, list in lists.items()
    }
    assert found == _table()


def _takes(prop: Property, address: str) -> bool:
    if prop.refers_to or prop.type == "mailbox":
        literal = f"joe@[{address}]"
        return refusal(prop, literal) is None and not address_fault(literal)
    return refusal(prop, address) is None and not (prop.list and read_entry(prop.list, address).fault)


def test_the_table_is_complete(settings: dict[str, Property]) -> None:
    """Each setting that holds the address of a host is in the table."""
    holding = {name for name, prop in settings.items() if prop.type in TYPES and not prop.removed}
    assert sorted(holding - _table().keys()) == []
