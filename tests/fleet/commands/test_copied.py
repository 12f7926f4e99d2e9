"""A copy of a member beside it: what the commands of both, and of the others, say and refuse."""

from __future__ import annotations

import functools
import shutil

import pytest

from tests.fleet.agent.kit import QUICK, connected
from tests.fleet.cluster import wait_for
from tests.fleet.commands.kit import Server, Town

pytestmark = pytest.mark.program("etcd")


def _stopped(server: Server) -> str:
    with connected(server.layout, 15) as client:
        found = client.ask({"verb": "status"})["stopped"]
    return str(found and found["message"])


def _shows(server: Server, text: str) -> bool:
    return text in server.fleet("status", code=13).out


def test_a_copy_of_a_member(town: Town) -> None:
    """Both machines and the others name it, with the cure; the copy writes nothing, and leaves without the first."""
    one = town.found()
    two = town.join(one, "two")
    copy = town.server("copy")
    shutil.rmtree(copy.path)
    shutil.copytree(two.path, copy.path)
    two.start_agent(pace=QUICK)
    # What sends a change is this host: from then on the other one is the copy.
    two.set("DNSBL", "enabled")
    copy.start_agent(pace=QUICK)
    # Before it is certain it waits, and says so.
    wait_for(lambda: "runs on two machines" in _stopped(copy), "the copy to stop")
    assert _stopped(two) == ""
    cure = "esmith fleet leave --here"
    shown = copy.fleet("status", code=13).out
    assert "two: applies no more changes: two runs on two machines, and the other one was first" in shown
    assert cure in shown and "esmith fleet resync --dry-run" not in shown
    for server in (one, two):
        wait_for(
            functools.partial(_shows, server, "two: runs on two machines; the one that was first goes on"), "status"
        )
        assert _shows(server, cure)
    for words in (("groups", "--set", "mx"), ("leave", "--yes"), ("signal", "email-update")):
        assert "runs on two machines" in copy.fleet(*words, code=None).err
    left = copy.fleet("leave", "--here", "--yes").out
    assert "the other machine stays two" in left and "esmith fleet remove" not in left
    assert (copy.revision(), two.revision(), list(two.own().members)) == (0, 5, ["one", "two"])
    two.set("RHSBL", "enabled")
    assert two.revision() == 6


def test_a_backup_of_a_member_that_still_runs(town: Town) -> None:
    """A member whose backup was made a member on another machine goes on; the other machine stops."""
    one = town.found()
    one.start_agent(pace=QUICK)
    one.wait_for(2)
    backup = str(town.folder / "backup.tar.gz")
    one.esmith("backup", backup)
    fresh = town.server("fresh")
    fresh.esmith("restore", "--yes", backup)
    fresh.fleet("resync", "--yes")
    fresh.start_agent(pace=QUICK)
    wait_for(lambda: fresh.revision() == 2, "it to follow")
    one.set("DNSBL", "enabled")
    wait_for(lambda: _stopped(fresh), "it to stop")
    assert _stopped(one) == ""
