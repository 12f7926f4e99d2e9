"""Backups of a member of a fleet, and restoring them."""

from __future__ import annotations

import json

import pytest

from tests.fleet.commands.kit import Town

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
