"""``config show --layers``, ``esmith explain`` and ``esmith history``: where a value comes from."""

from __future__ import annotations

import json
from contextlib import closing

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.fleet.replica.applying import apply_changes
from esmith.fleet.surface.origins import origin_data, origin_lines
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.overlay import Overlay
from tests.cli.test_json_shapes import _tables, faults
from tests.commands import Root
from tests.examples import examples
from tests.fleet.surface.kit import FakeAgent, receive, stored

QPSMTPD = "configuration", "qpsmtpd"


def office(root: Root) -> None:
    """Have three layers say something of qpsmtpd, and this host something of its own."""
    layers = (("fleet", "7"), ("group:mx", "8"), ("group:branch", "5"))
    receive(root, [(layer, *QPSMTPD, "MaxLoad", load) for layer, load in layers])
    receive(root, [("fleet", *QPSMTPD, "", "service"), ("fleet", *QPSMTPD, "LogLevel", "3")])
    root.config("setprop", "--host", "qpsmtpd", "LogLevel", "8")


def test_show_layers(member: Root) -> None:
    """Each value has its layer behind it, and what other layers have below it, the nearest first."""
    office(member)
    lines = member.config("show", "--layers", "qpsmtpd").out.splitlines()
    assert lines[0] == "qpsmtpd=service  (fleet)"
    at = lines.index("    MaxLoad=8  (group mx)")
    assert lines[at + 1 : at + 3] == [
        "        fleet has 7",
        "        group branch has 5; this host is not in that group",
    ]
    at = lines.index("    LogLevel=8  (this host, which overrides)")
    assert lines[at + 1] == "        fleet has 3"
    assert "    DNSBL=disabled  (this host; no layer has it)" in lines


def test_show_layers_as_json(member: Root) -> None:
    """With --json it is one object, for ``db`` as well, also where the database is called by its path."""
    office(member)
    path = member.path / "home/e-smith/db/configuration"
    data = json.loads(member.db(str(path), "show", "--layers", "--json", "qpsmtpd").out)
    assert faults(_tables()["config show --layers"], data) == []
    assert (data["name"], data["groups"]) == ("qpsmtpd", ["mx"])
    found = {one["property"]: one for one in data["properties"]}
    assert found["MaxLoad"] == {
        "property": "MaxLoad",
        "value": "8",
        "layer": "group:mx",
        "scope": "shared",
        "overrides": False,
        "layers": {"fleet": "7", "group:branch": "5", "group:mx": "8"},
    }
    assert (found["LogLevel"]["layer"], found["LogLevel"]["overrides"]) == ("host", True)
    assert found["DNSBL"]["layer"] == "own"


def test_what_belongs_to_the_machine(member: Root) -> None:
    """A value of one machine is shown as one, and what somebody put into a layer for it counts nowhere."""
    receive(member, [("fleet", "configuration", "SystemName", "", "stolen")])
    lines = member.config("show", "--layers", "SystemName").out.splitlines()
    assert lines == [
        "SystemName=mail  (this host; it belongs to one machine)",
        "        fleet has stolen; it belongs to one machine, so nobody takes it",
    ]


def test_show_layers_of_no_record(member: Root) -> None:
    """A record that is not there, and in no layer, has the exit code 1, as with show."""
    assert member.config("show", "--layers", "none", code=1).out == ""


def test_explain_says_the_layer(member: Root) -> None:
    """``esmith explain`` names the layer of a value and what it hides."""
    office(member)
    lines = member.esmith("explain", "qpsmtpd", "MaxLoad").out.splitlines()
    at = lines.index("  from group mx")
    assert lines[at + 1] == "  fleet has 7"
    data = json.loads(member.esmith("explain", "--json", "qpsmtpd", "LogLevel").out)
    origin = data["record"]["settings"][0]["origin"]
    assert origin == {"layer": "host", "scope": "shared", "overrides": True, "layers": {"fleet": "3"}, "groups": ["mx"]}


def test_history_shows_the_fleet_revision(member: Root, agent: FakeAgent) -> None:
    """A revision that the fleet has shows its number there; one of this host alone does not."""
    member.config("setprop", "qpsmtpd", "MaxLoad", "9")
    member.config("setprop", "--host", "qpsmtpd", "MaxLoad", "4")
    assert len(agent.commits) == 1
    own, shared = json.loads(member.esmith("history", "--limit", "2", "--json").out)
    assert "fleet" not in own
    assert shared["fleet"] == 1
    assert "config setprop qpsmtpd MaxLoad 9 (fleet 1)" in member.esmith("history", "--limit", "2").out


_LAYERS = st.sampled_from(["fleet", "group:mx", "group:branch"])
_PROPS = st.sampled_from(["", "MaxLoad", "LogLevel", "MyOwn"])
_CHANGES = st.lists(st.tuples(_LAYERS, _PROPS, st.sampled_from(["1", "2", "two words", "x=y", "\u202e"])), max_size=12)


def test_what_is_shown_is_what_counts(member: Root) -> None:
    """Whatever layers hold, the value shown is the stored one, of the nearest layer that has it."""

    @given(changes=_CHANGES)
    @settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def check(changes: list[tuple[str, str, str]]) -> None:
        wanted: dict[str, dict[str, str]] = {"fleet": {"": "service"}}
        rows = [("fleet", *QPSMTPD, "", "service")]
        for layer, prop, value in changes:
            wanted.setdefault(layer, {})[prop] = value if prop else "service"
            rows.append((layer, *QPSMTPD, prop, wanted[layer][prop]))
        with store.snapshot() as snapshot:
            tried = Overlay(snapshot)
            apply_changes(tried, rows, revision=1, hash="h1")
            data = origin_data(layout, tried, *QPSMTPD)
            record = tried.record(*QPSMTPD)
        assert record is not None
        assert {one["property"]: one["value"] for one in data["properties"] if one["layer"]} == {
            "": record.type,
            **record.props,
        }
        for one in data["properties"]:
            has = [layer for layer in ("group:mx", "fleet") if one["property"] in wanted.get(layer, {})]
            assert one["layer"] == (has[0] if has else "own" if one["value"] is not None else "")
            assert one["layers"] == {
                layer: cells[one["property"]] for layer, cells in sorted(wanted.items()) if one["property"] in cells
            }
            if has:
                assert one["value"] == wanted[has[0]][one["property"]]
        assert all(line.isprintable() for line in origin_lines(data))

    layout = Layout(str(member.path))
    with closing(open_store(layout)) as store:
        check()
    assert stored(member, *QPSMTPD, "MyOwn") is None
