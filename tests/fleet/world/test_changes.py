"""What reaches all hosts, and from whom: quick changes, deletions, wrong clocks, other versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.fleet.journal.keys import SigningKey
from tests.fleet.world.fleet import Fleet
from tests.fleet.world.founding import KEYS, encode_newer
from tests.fleet.world.trial_settings import DATABASE, GUEST, KEY, LAYERED, MANY, REGISTER

pytestmark = pytest.mark.program("etcd")


def test_two_quick_changes(fleet: Fleet) -> None:
    """Of two changes right after each other no host misses the second."""
    for _ in range(10):
        fleet.do("mail1", "swap")
        fleet.do("mail1", "swap")
        fleet.settle()
        wanted = fleet["mail1"].prop(*REGISTER)
        assert [host.prop(*REGISTER) for host in fleet.hosts.values()] == [wanted] * 3


def test_delete_reaches_all(fleet: Fleet) -> None:
    """A record that is deleted on one host is gone on all, also on one that was away, and can come again."""
    fleet.do("mail1", "guest")
    fleet.settle()
    assert [host.prop(DATABASE, GUEST, "") for host in fleet.hosts.values()] == ["service"] * 3
    fleet["mail3"].end_agent()
    fleet.do("mail2", "leave")
    fleet["mail3"].start_agent()
    fleet.settle()
    assert [host.prop(DATABASE, GUEST, "") for host in fleet.hosts.values()] == [None] * 3
    fleet.do("mail3", "guest")
    fleet.judge()


def test_delete_of_a_property_shows_the_layer_below(fleet: Fleet) -> None:
    """The command that deletes a property in a group has the fleet's value show, on each host of the group."""
    fleet.do("mail1", "layer", "fleet")
    below = fleet["mail1"].prop(*LAYERED)
    fleet.do("mail1", "layer", "group:mx")
    fleet.settle()
    above = fleet["mail1"].prop(*LAYERED)
    assert [host.prop(*LAYERED) for host in fleet.hosts.values()] == [above, above, below]
    fleet["mail2"].root.db("--group", "mx", DATABASE, "delprop", KEY, LAYERED.prop)
    fleet.settle()
    assert [host.prop(*LAYERED) for host in fleet.hosts.values()] == [below] * 3


def test_a_long_command_is_whole(fleet: Fleet) -> None:
    """A command of thousands of settings is one row, and each host has all of it or none."""
    fleet.do("mail1", "many")
    head = fleet.settle()
    assert fleet.rows()[head - 1].blobs
    for host in fleet.hosts.values():
        with host.snapshot() as snapshot:
            record = snapshot.record(DATABASE, KEY)
        assert record is not None
        values = [value for name, value in record.props.items() if name.startswith("Many")]
        assert (len(values), len(set(values))) == (MANY, 1)


@pytest.mark.program("faketime")
def test_clock_skew(fleet: Fleet) -> None:
    """A host whose clock is days off takes changes and makes them as the others do."""
    fleet["mail3"].end_agent()
    # Not by the program faketime, which stays between and is not ended together with what it started.
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    clock = {"LD_PRELOAD": str(library), "FAKETIME": "+9d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with fleet["mail3"].agent_in(env=clock):
        fleet.do("mail1", "add")
        fleet.do("mail3", "add")
        fleet.do("mail2", "add")
        fleet.settle()
        rows = fleet.rows()
        assert rows[-2].time - rows[-1].time > 8 * 86400
        fleet.judge()


def test_old_and_new_version_mixed(fleet: Fleet) -> None:
    """At a row of a newer version an older host stops, names it with the cure, and changes nothing any more."""
    fleet.do("mail1", "swap")
    fleet.settle()
    before = {name: host.prop(*REGISTER) for name, host in fleet.hosts.items()}
    row = fleet.writer.row("mail2", "changes", changes=(("fleet", *REGISTER, "of a newer one"),), program="9.9")
    key = SigningKey.load(str(fleet["mail2"].root.path / KEYS / "signing.key"))
    number = fleet.writer.write(encode_newer(row, key))
    for host in fleet.hosts.values():
        status = host.wait_stopped()
        assert str(number) in status and "mail2" in status and "newer" in status, status
        assert "upgrade" in status
        assert host.prop(*REGISTER) == before[host.name]
    assert "newer" in fleet.do("mail1", "swap", outcome="fail")
