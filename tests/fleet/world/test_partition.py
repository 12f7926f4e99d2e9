"""The network between etcd's members, or between them and the hosts, is cut."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fleet.cluster import Cluster, wait_for
from tests.fleet.proxies import free_port
from tests.fleet.world.fleet import GROUPS, Fleet
from tests.fleet.world.office import Host, Nursery
from tests.fleet.world.trial_settings import COUNTER, REGISTER

pytestmark = pytest.mark.program("etcd")

#: A refusal has to come within 2 s. This is what a machine that does a lot besides may add.
REFUSED_SECONDS = 2.0
SLACK_SECONDS = 8.0


def _refused(fleet: Fleet, name: str, *endpoints: str) -> str:
    """Have a host write, which has to be refused in time with the endpoints named and nothing changed."""
    before = fleet[name].prop(*REGISTER)
    began = time.monotonic()
    outcome, message = fleet.attempt(name, "swap")
    took = time.monotonic() - began
    assert outcome in ("fail", "info"), message
    assert took < REFUSED_SECONDS + SLACK_SECONDS
    for endpoint in endpoints:
        assert endpoint in message, message
    assert fleet[name].prop(*REGISTER) == before
    return message


def test_partition_minority_keeps_serving(cluster: Cluster, tmp_path: Path, nursery: Nursery) -> None:
    """A host that reaches only a member without a majority reads and signals on; its writes are refused, with why."""
    alone = cluster.members[2]
    with Fleet(cluster, tmp_path, nursery, endpoints={"mail3": [alone.endpoint]}) as fleet:
        fleet.do("mail1", "swap")
        fleet.settle()
        cluster.isolate([alone])
        cluster.leader()
        wait_for(lambda: alone.status().get("leader", "0") == "0", "the member to know that it is alone")
        _refused(fleet, "mail3", alone.endpoint)
        host = fleet["mail3"]
        assert host.root.db("trials", "getprop", "trial", "Register").out.strip() == host.prop(*REGISTER)
        _make_event(host)
        host.root.signal("trial-update")
        assert host.root.read("/etc/trial.conf") == f"register {host.prop(*REGISTER)}\n"
        fleet.do("mail1", "swap")
        cluster.heal()
        fleet.settle()
        fleet.do("mail3", "swap")
        fleet.judge()


def _make_event(host: Host) -> None:
    folder = "/etc/e-smith/events/trial-update"
    host.root.write(f"{folder}/templates2expand/LIST", "/etc/trial.conf\n", shipped=True)
    host.root.write(f"{folder}/event.toml", 'help = "A trial."\n', shipped=True)
    template = "/etc/e-smith/templates/etc/trial.conf"
    host.root.write(f"{template}/template-begin", "", shipped=True)
    host.root.write(f"{template}/10register", "register {{ db.trials.trial.Register }}\n", shipped=True)
    host.root.write(f"{template}/template.toml", "services = []\n", shipped=True)


def test_partition_majority_moves_on_then_heals(fleet: Fleet) -> None:
    """With the leader cut off the others go on; when it is back all hosts have one history."""
    cluster, played = fleet.cluster, fleet.played(3)
    with fleet.eye:
        played.run(24, [(8, lambda: cluster.isolate([cluster.leader()])), (14, cluster.heal)])
        fleet.judge()
    assert fleet.head() > 15


def test_all_endpoints_away(fleet: Fleet) -> None:
    """With every endpoint away a write is refused in time and names each; what comes back is taken again."""
    fleet.do("mail1", "swap")
    fleet.settle()
    for member in fleet.cluster.members:
        member.link.refuse()
    _refused(fleet, "mail1", *fleet.cluster.endpoints)
    assert fleet.history.operations[-1].outcome == "fail"
    fleet.cluster.heal()
    wait_for(lambda: fleet.attempt("mail1", "swap")[0] == "ok", "etcd to be there again")
    fleet.settle()


def test_endpoint_order(cluster: Cluster, tmp_path: Path, nursery: Nursery) -> None:
    """A first endpoint that is down, or that answers nothing, keeps nobody from the others."""
    nobody = f"http://127.0.0.1:{free_port()}"
    silent = cluster.members[0]
    groups = {"mail1": GROUPS["mail1"], "mail2": GROUPS["mail2"]}
    endpoints = dict.fromkeys(groups, [nobody, *cluster.endpoints])
    with Fleet(cluster, tmp_path, nursery, groups=groups, endpoints=endpoints) as fleet:
        fleet.do("mail1", "add")
        silent.link.cut()
        # The one that was asked last may have been this one: then nobody knows, and it is settled by another.
        wait_for(lambda: fleet.attempt("mail1", "add")[0] == "ok", "the others to be asked")
        fleet.do("mail1", "add")
        fleet.settle()
        assert fleet["mail2"].prop(*COUNTER) == fleet["mail1"].prop(*COUNTER)
