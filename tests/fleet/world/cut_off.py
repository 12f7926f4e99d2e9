"""What is played in a network of the kernel (tests/fleet/namespaces.py): cables of a host and of etcd's leader."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests import programs
from tests.fleet.cluster import Cluster, Options, wait_for
from tests.fleet.namespaces import Network
from tests.fleet.world.fleet import GROUPS
from tests.fleet.world.office import Nursery
from tests.fleet.world.trial_settings import REGISTER
from tests.fleet.world.walled import WalledFleet


def cables_are_pulled(folder: Path) -> None:
    """A host without its cable reads on and writes nothing; without the leader's the others go on; then all agree."""
    programs.require(["etcd"])
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(contextlib.closing(Network()))
        cluster = stack.enter_context(Cluster(folder / "etcd", 3, Options(network=network, tls=True)))
        nursery = stack.enter_context(contextlib.closing(Nursery(folder)))
        fleet = stack.enter_context(WalledFleet(cluster, folder / "roots", nursery, GROUPS))
        host, node = fleet["mail3"], network.node()
        host.end_agent()
        stack.enter_context(host.agent_in(*node.entering))
        fleet.do("mail3", "swap")
        fleet.settle()
        node.cut()
        before = host.prop(*REGISTER)
        fleet.do("mail1", "swap")
        assert fleet.attempt("mail3", "swap")[0] in ("fail", "info")
        assert host.prop(*REGISTER) == before
        leader = cluster.leader()
        assert leader.node is not None
        leader.node.cut()
        wait_for(lambda: fleet.attempt("mail2", "add")[0] == "ok", "the others to go on")
        fleet.do("mail1", "bundle")
        leader.node.heal()
        node.heal()
        fleet.judge()
        wait_for(lambda: fleet.attempt("mail3", "add")[0] == "ok", "the host to write again")
        fleet.judge()
