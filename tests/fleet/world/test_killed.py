"""The agent is killed by SIGKILL: at each of its writes, and at random moments."""

from __future__ import annotations

import random

import pytest

from esmith.fleet.agent.points import POINTS
from tests.fleet.cluster import wait_for
from tests.fleet.world.fleet import Fleet

pytestmark = pytest.mark.program("etcd")

#: What an agent comes to when a command of its own host sends, when another host's row comes, and when nobody knows
#: the outcome.
SENDING = (
    "before outbox",
    "outbox written",
    "after outbox",
    "before txn",
    "after txn",
    "before answer",
    "before removal",
    "after removal",
)
FOLLOWING = ("before apply", "before commit", "after apply")
SETTLING = ("before settling", "after settling")
#: All but these are reached here: a long changeset has a test of its own, as have signals, and the first change of a
#: host, for which a file is made.
ELSEWHERE = {
    *("outbox prepared", "after blobs", "before status", "after status"),
    *("signal noted", "signal ran", "signal answered"),
}


def test_every_point_is_played() -> None:
    """Each write of the agent is in one of these tests."""
    assert {*SENDING, *FOLLOWING, *SETTLING, *ELSEWHERE} == set(POINTS)


def _again(fleet: Fleet, name: str, point: str) -> None:
    """End the agent of a host and start it, to be killed at a point."""
    fleet[name].end_agent()
    fleet[name].start_agent(point)


def test_replica_kill9_at_every_write(fleet: Fleet) -> None:
    """Killed before or after any of its writes, the next agent has each change once, and none that was refused."""
    with fleet.eye:
        for point in SENDING:
            _again(fleet, "mail2", point)
            fleet.do("mail1", "add")
            outcome, message = fleet.attempt("mail2", "own")
            fleet["mail2"].wait_killed()
            fleet["mail2"].start_agent()
            # What is removed from the outbox was answered, or is of a change before it.
            assert outcome == "info" or "removal" in point, (point, message)
        for point in FOLLOWING:
            _again(fleet, "mail3", point)
            fleet.do("mail1", "bundle")
            fleet["mail3"].wait_killed()
            fleet["mail3"].start_agent()
        fleet.judge()


@pytest.mark.parametrize("point", SETTLING)
def test_killed_while_it_settles(fleet: Fleet, point: str) -> None:
    """Killed before or after the row that settles an unknown outcome, the next agent settles it."""
    host = fleet["mail2"]
    # Nothing was sent, and the next agent cannot know that.
    _again(fleet, "mail2", "before txn")
    assert fleet.attempt("mail2", "own")[0] == "info"
    host.wait_killed()
    host.start_agent(point, wait=False)
    host.wait_killed()
    host.start_agent()
    fleet.settle()
    assert fleet.rows()[-1].kind == "nothing"
    fleet.do("mail1", "add")
    fleet.judge()


def kill_at_random(fleet: Fleet, count: int, seed: int) -> int:
    """Have all hosts work while agents are killed so many times at random moments; return how many operations ended.

    :param count: of kills.
    """
    chance = random.Random(seed)
    hosts = list(fleet.hosts.values())
    played = fleet.played(seed)
    moments = [number + chance.randrange(3) for number in range(2, 2 + 3 * count, 3)]
    happenings = [(moment, lambda: chance.choice(hosts).kill_agent()) for moment in moments]
    played.run(3 * count + 6, happenings)
    return played.done


def test_kills_at_random(fleet: Fleet) -> None:
    """With agents killed again and again at random moments nothing is lost, nothing is there twice."""
    with fleet.eye:
        kill_at_random(fleet, 24, seed=5)
        fleet.judge()


def test_a_killed_agent_is_noticed(fleet: Fleet) -> None:
    """Without its agent a host refuses to change what is shared, says how to start it, and catches up afterwards."""
    host = fleet["mail3"]
    host.end_agent()
    fleet.do("mail1", "swap")
    message = fleet.do("mail3", "swap", outcome="fail")
    assert "agent" in message
    host.start_agent()
    fleet.settle()
    fleet.do("mail3", "swap")
    assert wait_for(lambda: host.revision == fleet.head(), "the host to have the last revision")
