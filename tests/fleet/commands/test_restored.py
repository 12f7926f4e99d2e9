"""Backups of a member of a fleet, and restoring them."""

from __future__ import annotations

import json

import pytest

from tests.fleet.agent.kit import kill_at_first
from tests.fleet.commands.kit import Town
from tests.store.stores import AUTHOR, opened

pytestmark = pytest.mark.program("etcd")


def test_an_old_backup_on_a_member(town: Town) -> None:
    """A backup from before the fleet restores what is the server's own; what servers share, and the keys, stay."""
    one = town.lead()
    backup = str(town.folder / "backup.tar.gz")
    one.set("DNSBL", "enabled")
    one.config("set", "SystemName", "before")
    one.esmith("backup", backup)
    one.set("DNSBL", "disabled")
    one.config("set", "SystemName", "after")
    one.fleet(*town.init, "--host", "one")
    keys = {path.name: path.read_bytes() for path in one.path_of("").iterdir()}
    answer = one.esmith("restore", "--yes", backup)
    assert f"this server is in the fleet {town.name}: what servers share" in answer.out + answer.err
    assert (one.get("qpsmtpd", "DNSBL"), one.faults(), one.marks()) == ("disabled", [], {})
    assert one.get("fleet", "Host") == "one"
    assert one.config("get", "SystemName").out == "before\n"
    assert {path.name: path.read_bytes() for path in one.path_of("").iterdir()} == keys


def test_a_member_on_a_new_machine(town: Town) -> None:
    """A member that is restored on a new machine says how it becomes one again, and takes what it missed."""
    one = town.found()
    two = town.join(one, "two", "mx")
    backup = str(town.folder / "backup.tar.gz")
    two.esmith("backup", backup)
    one.start_agent()
    one.wait_for(4)
    one.set("DNSBL", "enabled")
    fresh = town.server("fresh")
    fresh.esmith("restore", "--yes", backup)
    assert "if it was restored from a backup: esmith fleet resync" in fresh.fleet("status", code=2).err
    assert "DNSBL: disabled -> enabled  (fleet)" in fresh.fleet("resync", "--dry-run").out
    assert fresh.revision() == 0
    fresh.fleet("resync", "--yes")
    assert (fresh.revision(), fresh.get("qpsmtpd", "DNSBL"), fresh.faults()) == (5, "enabled", [])
    assert json.loads(fresh.fleet("groups", "two", "--json").out) == [{"host": "two", "groups": ["mx"]}]
    # It has joined again meanwhile, with another key: the old backup is not its member any more.
    one.fleet("remove", "two", "--yes")
    town.server("again").fleet("join", "--yes", stdin=one.fleet("invite", "two").out)
    late = town.server("late")
    late.esmith("restore", "--yes", backup)
    assert late.fleet("resync", "--yes", code=None).code in (2, 6)
    assert late.revision() == 0


_MARK = "configuration\0qpsmtpd\0"


def test_a_resync_of_damaged_tables(town: Town) -> None:
    """All that the journal knows is made again; a mark that nobody else has is named, and what counts instead."""
    one = town.found()
    one.start_agent()
    one.wait_for(2)
    for prop in ("DNSBL", "RHSBL"):
        one.set(prop, "enabled", "host")
    one.set("MaxFiles", "7", "host", "clamav")
    one.end_agent()
    damage: dict[str, dict[str, bytes | None]] = {
        "fleet": {"revision": b"x", "digest": b"x", "member/one": b"{", "first": b"x", "invite/three": b"["},
        "layers": {"configuration\0clamav": b"fleet\0", "x": b"\xff"},
        "overrides": {f"{_MARK}DNSBL": b"x", f"{_MARK}RHSBL": b"local x", "configuration\0clamav\0MaxFiles": None},
    }
    damage["overrides"]["configuration\0clamav"] = b"host"
    with opened(one.path) as store, store.transaction(AUTHOR) as transaction:
        for table, rows in damage.items():
            for name, value in rows.items():
                transaction.set_state(table, name, value)
    shown = one.fleet("resync", "--dry-run").out
    one.fleet("resync", "--yes")
    assert "qpsmtpd DNSBL: why this server has a value of its own is damaged; it keeps that value" in shown
    assert "1 mark of values that this server had for itself cannot be read" in shown
    cells = {(*_MARK.split("\0")[:2], prop): kind for prop, kind in (("DNSBL", "host"), ("RHSBL", "local"))}
    assert (one.faults(), one.marks()) == ([], cells)
    values = [one.get("qpsmtpd", "DNSBL"), one.get("qpsmtpd", "RHSBL"), one.get("clamav", "MaxFiles")]
    assert values == ["enabled", "enabled", "1500"]
    assert one.revision() == 2


def test_a_resync_and_what_was_sent(town: Town) -> None:
    """What a killed command did on its own server a resync does, too, before what others changed after it."""
    one = town.found()
    two = town.join(one, "two")
    one.set("DNSBL", "mine", "local")
    one.start_agent(kill_at_first("after txn"))
    one.wait_for(4)
    one.fleet("push", code=None)
    one.end_agent()
    two.start_agent()
    two.wait_for(5)
    two.set("DNSBL", "later")
    assert one.revision() == 4
    one.fleet("resync", "--yes")
    assert (one.revision(), one.get("qpsmtpd", "DNSBL"), one.marks(), one.faults()) == (6, "later", {}, [])
