"""``esmith fleet push``, ``drop``, ``resync`` and ``signal``."""

from __future__ import annotations

import json

import pytest

from esmith.fleet.etcd.errors import DeniedError
from esmith.fleet.etcd.operations import put
from esmith.fleet.journal.row import hash_of
from tests.cli.test_json_shapes import _tables, faults
from tests.fleet.commands.kit import Server, Town
from tests.store.stores import AUTHOR, opened

pytestmark = pytest.mark.program("etcd")
_CELL = ("configuration", "qpsmtpd", "DNSBL")


def test_push_and_drop(town: Town) -> None:
    """What was set while etcd was away is given to the fleet, or gives way to it; what is for the host, when named."""
    one = town.found()
    two = town.join(one, "two")
    assert "nothing was set while etcd was away" in two.fleet("push", code=2).err
    two.set("DNSBL", "enabled", "local")
    one.set("DNSBL", "enabled", "host")
    assert two.marks() == {_CELL: "local"}
    # No agent answers: nothing is changed.
    assert "the agent" in two.fleet("push", code=6).err
    assert two.marks() == {_CELL: "local"}
    for server in (one, two):
        server.start_agent()
    assert two.fleet("push").out.startswith("pushed: configuration qpsmtpd DNSBL\n")
    assert two.marks() == {}
    one.wait_for(5)
    assert one.marks() == {_CELL: "host"}
    assert (
        "configuration qpsmtpd RHSBL is not set" in one.fleet("drop", "configuration", "qpsmtpd", "RHSBL", code=2).err
    )
    two.set("DNSBL", "disabled", "local")
    two.end_agent()
    assert two.fleet("drop").out == "dropped: configuration qpsmtpd DNSBL\n"
    assert (two.get("qpsmtpd", "DNSBL"), two.marks(), two.faults()) == ("enabled", {}, [])
    assert one.fleet("drop", "configuration", "qpsmtpd").out == "dropped: configuration qpsmtpd DNSBL\n"
    assert "DATABASE KEY PROP" in one.fleet("drop", "qpsmtpd", code=2).err


def test_resync(town: Town) -> None:
    """A server with damaged layers, and one that is ahead of a restored etcd, take what etcd has."""
    one = town.found()
    two = town.join(one, "two")
    one.start_agent()
    one.wait_for(4)
    one.set("DNSBL", "enabled")
    two.set("DNSBL", "disabled", "host")
    whole = two.contents()
    with opened(two.path) as store, store.transaction(AUTHOR) as transaction:
        transaction.set_state("layers", "configuration\0qpsmtpd", b"damaged")
        transaction.set_state("fleet", "stopped", b"a row is damaged")
    shown = two.fleet("resync", "--dry-run").out
    assert "etcd has fleet revision 5 of" in shown
    assert "no setting of this server would change" in shown
    assert two.revision() == 4
    two.fleet("resync", "--yes")
    assert (two.revision(), two.faults(), two.marks()) == (5, [], {_CELL: "host"})
    assert two.get("qpsmtpd", "DNSBL") == "disabled"
    assert "stopped" not in dict(two.contents()["fleet"])  # type: ignore[call-overload]
    assert whole["configuration"] == two.contents()["configuration"]
    # etcd comes back as it was before row 5.
    with one.own().connect() as etcd:
        raw = one.own().remote(etcd).row(4)
        assert raw is not None
        one.end_agent()
        etcd.txn([], [put(f"/esm/{town.name}/head", f"4 {hash_of(raw)}")])
        etcd.delete(f"/esm/{town.name}/j/{5:012d}")
    shown = one.fleet("resync", "--dry-run").out
    assert "configuration qpsmtpd DNSBL: enabled -> disabled  (fleet)" in shown
    assert "nobody can be asked" in one.fleet("resync", code=2).err
    one.fleet("resync", "--yes")
    assert (one.revision(), one.get("qpsmtpd", "DNSBL"), one.faults()) == (4, "disabled", [])


def test_resync_refuses_another_journal(town: Town) -> None:
    """A journal that begins with another row 1 is never taken, and nothing is changed."""
    one = town.found()
    with opened(one.path) as store, store.transaction(AUTHOR) as transaction:
        transaction.set_state("fleet", "first", b"0" * 64)
    before = one.contents()
    assert "row 1 of the fleet's journal" in one.fleet("resync", "--yes", code=6).err
    assert one.contents() == before


def _event(server: Server, code: int) -> None:
    action = "/etc/e-smith/events/try-it/S10try"
    server.write(action, f"#!/bin/sh\necho trying\nexit {code}\n", mode=0o755)


def test_signal(town: Town) -> None:
    """An event is signalled on each server, with a line for each; one that fails, and one that is away, are named."""
    one = town.found()
    two = town.join(one, "two")
    town.join(one, "three")
    _event(one, 0)
    _event(two, 3)
    for server in (one, two):
        server.start_agent()
    answer = one.fleet("signal", "try-it", "--wait", "30", "one")
    assert answer.out == "one  done\n"
    data = json.loads(one.fleet("signal", "try-it", "--wait", "0", "--json", "three", code=1).out)
    assert faults(_tables()["esmith fleet signal"], data) == []
    assert data["hosts"] == [{"host": "three", "answered": False, "exit_code": None, "message": "has not answered yet"}]
    lines = one.fleet("signal", "try-it", "--wait", "30", "one", "two", code=1).out.splitlines()
    assert sorted(line.split("  ")[0] for line in lines) == ["one", "two"]
    assert any(line.startswith("two  exit code 7: ") for line in lines), lines
    assert "signal: try-it on one, two" in one.fleet("history", "-n", "1").out
    assert "no server 'four'" in one.fleet("signal", "try-it", "four", code=2).err
    assert one.fleet("signal", "../x", "one", code=6).err


def test_cut(town: Town) -> None:
    """A row that no member may write is taken out with those after it, by the first server, and the agents go on."""
    one = town.found()
    two = town.join(one, "two")
    one.start_agent()
    assert "all 4 rows of the fleet's journal fit" in one.fleet("resync", "--cut", "--yes", code=2).err
    # Whoever has stolen two writes with its rights in etcd.
    thief = two.own()
    with thief.connect() as etcd:
        for number in (5, 6):
            etcd.put(f"/esm/{town.name}/j/{number:012d}", b"nonsense")
        etcd.put(f"/esm/{town.name}/head", "6 " + "0" * 64)
        assert "row 5 of the fleet's journal does not fit" in one.fleet("groups", "--set", "x", code=6).err
        assert "its user in etcd is deleted" in one.fleet("remove", "two", "--yes", code=6).err
        with pytest.raises(DeniedError):
            etcd.put(f"/esm/{town.name}/head", "again")
    assert "the password of etcd's root is not on this server" in two.fleet("resync", "--cut", code=6).err
    assert "rows 5 to 6 are taken out" in one.fleet("resync", "--cut", "--dry-run").out
    assert one.fleet("resync", "--cut", "--yes").out.endswith("this server has fleet revision 4\n")
    one.fleet("remove", "two", "--yes")
    one.wait_for(5)
    one.set("DNSBL", "enabled")
    assert (one.revision(), one.faults()) == (6, [])
