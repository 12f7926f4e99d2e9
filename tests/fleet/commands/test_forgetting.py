"""``esmith forget`` on a member: what the fleet keeps of a former value is found and named."""

from __future__ import annotations

import json

import pytest

from esmith.fleet.agent.places import outbox_of
from tests.fleet.commands.kit import Server, Town
from tests.store.stores import AUTHOR, opened

pytestmark = pytest.mark.program("etcd")
_CELL = ("configuration", "qpsmtpd", "Note")
_FIRST, _SECOND, _NOW = "open-sesame-1", "open-sesame-2", "open-sesame-3"


def _member(town: Town) -> Server:
    """Return a member of two, which has set a shared value three times, and once for a group it is not in."""
    one = town.found()
    town.join(one, "two")
    one.start_agent()
    one.wait_for(4)
    for value in (_FIRST, _SECOND, _NOW):
        one.set("Note", value)
    one.set("Note", _FIRST, "group:mx")
    return one


def test_what_the_fleet_keeps_is_named(town: Town) -> None:
    """Layers and rows with a former value stay as they are, since all members have the same, and each is named."""
    one = _member(town)
    layers = one.contents()["layers"]
    names = json.loads(one.run("esmith", "forget", "--dry-run", "--json", *_CELL).out)["not_reached"]
    printed = one.run("esmith", "forget", *_CELL).out
    assert all(f"not reached: {name}\n" in printed for name in names)
    layer, journal, others, _ = names
    assert layer.startswith("the layer group:mx has a former value, of configuration qpsmtpd Note;")
    assert "has it without end, in row 5, 6, 8, where every member may read it" in journal
    assert others == "what the other servers keep (two); run this there, too"
    assert (one.contents()["layers"], one.faults(), one.get("qpsmtpd", "Note")) == (layers, [], _NOW)
    assert not [value for value in (_FIRST, _SECOND, _NOW) if value in printed]
    # Nothing local knows the values any more, and the rows have them as before.
    assert "in row 5, 6, 8," in one.run("esmith", "forget", *_CELL).out


def test_what_cannot_be_looked_at_is_named(town: Town) -> None:
    """While etcd is away, and while the outcome of a change is open, it says what to do later."""
    one = _member(town)
    one.end_agent()
    with opened(one.path) as store, store.transaction(AUTHOR) as transaction:
        transaction.set_prop("configuration", "fleet", "Endpoints", "https://127.0.0.1:1")
    open_change = one.file(outbox_of(one.layout).removeprefix(str(one.path))) / "open.json"
    open_change.write_text(json.dumps({"host": [[*_CELL, _SECOND]]}))
    printed = one.run("esmith", "forget", *_CELL).out
    assert "not reached: the fleet's journal in etcd was not looked through (" in printed
    assert "127.0.0.1:1" in printed
    assert "not reached: a change that the fleet may not have taken;" in printed
    assert "without end" not in printed


def test_a_value_that_no_layer_had(town: Town) -> None:
    """Of a setting that stays on its host, as secrets do, the fleet has nothing, and nothing is printed of it."""
    one = town.found()
    for value in (_FIRST, _SECOND):
        one.set("Password", value)
    printed = one.run("esmith", "forget", "configuration", "qpsmtpd", "Password").out
    assert printed.startswith("journal: 2 revisions")
    assert "fleet" not in printed
