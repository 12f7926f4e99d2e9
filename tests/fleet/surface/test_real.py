"""The commands on two members with real agents and a real etcd: what one changes, the other shows."""

from __future__ import annotations

import json
import signal

import pytest

from esmith.status.fleet import fleet_data, fleet_findings
from tests.commands import Root
from tests.fleet.agent.conftest import fleet
from tests.fleet.agent.kit import Fleet, Host
from tests.store.stores import opened

__all__ = ["fleet"]
QPSMTPD = "configuration", "qpsmtpd"


def findings(host: Host) -> list[tuple[str, str, str]]:
    """Return the findings about the fleet of a member."""
    with opened(host.root, write=False) as store, store.snapshot() as snapshot:
        return list(fleet_findings(fleet_data(host.layout, snapshot)))


@pytest.mark.program("etcd")
def test_two_members(root: Root, fleet: Fleet) -> None:
    """A change is printed and shown as what it is on both; without an agent it is refused, and the status says why."""
    a, b = fleet.hosts
    for host in (a, b):
        host.start()
        host.wait(3)

    def config(host: Host, *words: str, code: int = 0) -> tuple[str, str]:
        answer = root.run("config", "--root", str(host.root), *words, code=code)
        return answer.out, answer.err

    assert config(a, "set", "qpsmtpd", "service", "MaxLoad", "7")[1] == "config: changed for the fleet: 2 hosts\n"
    b.wait(4)
    config(b, "setprop", "--host", "qpsmtpd", "MaxLoad", "9")
    assert config(b, "show", "--layers", "qpsmtpd")[0].splitlines() == [
        "qpsmtpd=service  (fleet)",
        "    MaxLoad=9  (this host, which overrides)",
        "        fleet has 7",
    ]
    config(a, "setprop", "qpsmtpd", "MaxLoad", "8")
    b.wait(5)
    assert (a.prop(*QPSMTPD, "MaxLoad"), b.prop(*QPSMTPD, "MaxLoad")) == ("8", "9")
    answer = root.run("esmith", "--root", str(b.root), "history", "--json", "--limit", "0")
    of_fleet = [one for one in json.loads(answer.out) if "fleet" in one]
    assert {one["fleet"] for one in of_fleet} == {4}
    assert of_fleet[0]["user"].endswith("@a")
    assert findings(a) == findings(b) == []
    a.end(signal.SIGKILL)
    assert "the agent of the fleet is not there" in config(a, "setprop", "qpsmtpd", "MaxLoad", "6", code=6)[1]
    config(a, "setprop", "--local", "qpsmtpd", "MaxLoad", "6")
    assert [(kind, command) for kind, _, command in findings(a)] == [
        ("fleet", "esmith services"),
        ("local", "esmith fleet push"),
    ]
