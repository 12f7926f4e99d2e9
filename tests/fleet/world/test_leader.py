"""The leader of etcd is killed or paused, answers are lost, and commands are killed, while hosts change settings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fleet.cluster import wait_for
from tests.fleet.world.fleet import Fleet
from tests.fleet.world.history import Cell
from tests.fleet.world.trial_settings import COUNTER, REGISTER

pytestmark = pytest.mark.program("etcd")


def test_kill_leader_every_k_writes(fleet: Fleet) -> None:
    """With the leader killed again and again no change is lost or doubled, and every host has whole revisions."""
    cluster, played = fleet.cluster, fleet.played(1)
    kill, start = (lambda: cluster.leader().kill()), cluster.start
    with fleet.eye:
        played.run(48, [(8, kill), (11, start), (20, kill), (23, start), (32, kill), (35, start)])
        fleet.judge()
    assert fleet.head() > 25


def test_pause_leader(fleet: Fleet) -> None:
    """A leader that stands still for a while, and then goes on, changes nothing that others agreed on meanwhile."""
    cluster, played = fleet.cluster, fleet.played(2)
    with fleet.eye:
        played.run(24, [(8, lambda: cluster.leader().pause()), (14, cluster.heal)])
        fleet.judge()
    assert fleet.head() > 15


@pytest.mark.parametrize("paused", [True, False], ids=["paused", "lost"])
def test_unknown_outcome_is_settled(fleet: Fleet, paused: bool) -> None:
    """A command whose answer is lost says so; its change is found out later, and is there once or never."""
    fleet.do("mail1", "add")
    head = fleet.head()
    members = fleet.cluster.members
    for member in members:
        if paused:
            member.pause()
        else:
            member.link.cut()
    message = fleet.attempt("mail1", "add")
    assert message[0] == "info", message
    assert fleet["mail1"].outbox
    assert fleet["mail1"].prop(*COUNTER) == "1"
    for member in members:
        if paused:
            member.resume()
        else:
            # What was under way is lost with its connection.
            member.link.drop()
            member.link.heal()
    fleet.settle()
    kinds = [row.kind for row in fleet.rows()[head:]]
    assert kinds in (["changes"], ["nothing"]), kinds
    assert [host.prop(*COUNTER) for host in fleet.hosts.values()] == ["2" if kinds == ["changes"] else "1"] * 3
    fleet.do("mail1", "add")
    fleet.do("mail2", "add")
    fleet.judge()


def test_a_late_request_paused_once_or_never(fleet: Fleet) -> None:
    """What was under way while its outcome was settled cannot land after that."""
    fleet.do("mail1", "swap")
    for member in fleet.cluster.members:
        member.link.delay = 2.5
    assert fleet.attempt("mail1", "swap")[0] == "info"
    fleet.cluster.heal()
    fleet.settle()
    fleet.do("mail2", "swap")
    fleet.judge()


def test_writer_crash_between_txn_and_local_apply(fleet: Fleet) -> None:
    """The agent stores what was accepted where the command died before it did, with what belongs to this host."""
    host = fleet["mail1"]
    fleet.do("mail1", "swap")
    with host.snapshot() as snapshot:
        base = (snapshot.state("fleet", "revision") or b"").decode()
        before = snapshot.revision()
    changes = [["fleet", *REGISTER, "of a command that died"]]
    own = [["trials", "trial", "Own", "mine"]]
    request = {"verb": "commit", "base": base, "author": ["t", "", ["x"]], "changes": changes, "host": own}
    # The connection ends without the word that it is stored.
    answer = host.ask(request)
    assert answer["outcome"] == "accepted", answer
    host.wait(answer["revision"])
    assert host.prop(*REGISTER) == "of a command that died"
    assert host.prop("trials", "trial", "Own") == "mine"
    with host.snapshot() as snapshot:
        assert snapshot.revision() == before + 1
    wait_for(lambda: not host.outbox, "the outbox to be empty")
    fleet["mail2"].wait(answer["revision"])
    assert fleet["mail2"].prop("trials", "trial", "Own") is None


def test_a_command_that_is_behind_comes_again(fleet: Fleet) -> None:
    """Hosts that raise one counter at the same moment lose no increment: who was behind does it again."""

    def count(name: str) -> None:
        for _ in range(6):
            fleet.do(name, "add")

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(count, fleet.hosts))
    fleet.settle()
    assert {host.prop(*Cell(*COUNTER)) for host in fleet.hosts.values()} == {"18"}
