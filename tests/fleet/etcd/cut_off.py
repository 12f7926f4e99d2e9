"""What is played in a network of its own (tests/fleet/namespaces.py): the cable of a member is pulled."""

from __future__ import annotations

import contextlib
from pathlib import Path

from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.errors import AwayError, OutcomeUnknownError
from esmith.fleet.etcd.operations import created_is, put
from tests import programs
from tests.fleet.cluster import PATIENCE, Cluster, Options, wait_for
from tests.fleet.namespaces import Network


def leader_without_a_cable(folder: Path) -> None:
    """The leader is cut off while changes are sent: the others go on, and nothing is lost or doubled."""
    programs.require(["etcd"])
    with contextlib.closing(Network()) as network, Cluster(folder, 3, Options(network=network)) as cluster:
        leader = cluster.leader()
        assert leader.node is not None
        client = Etcd([leader.endpoint, *(each.endpoint for each in cluster.followers())])
        client.put("before", "1")
        watch = client.watch("counted/", 1)
        assert watch.endpoint == leader.endpoint
        leader.node.cut()
        done, unknown = 0, 0
        while done < 3:
            key = f"counted/{done + unknown}"
            try:
                client.txn([created_is(key, 0)], [put(key, "1")])
                done += 1
            except OutcomeUnknownError:
                unknown += 1
            except AwayError:
                # The others have no leader yet.
                continue
        assert cluster.leader() is not leader
        # Nobody says anything on a cable that is pulled: neither an event nor an end comes.
        assert watch.next(0.1) is None
        watch.close()
        leader.node.heal()
        wait_for(lambda: leader.status().get("leader", "0") != "0" and not leader.is_leader, "the old leader to follow")
        for member in cluster.members:
            found = Etcd([member.endpoint], timeout=PATIENCE).range("counted/", "counted0")
            assert done <= found.total <= done + unknown
