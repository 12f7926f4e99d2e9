"""The plan of a fleet: its virtual clock, what it reckons, and the tables of the document."""

from __future__ import annotations

from inspect import signature

import pytest

from bench import fleet_plan
from bench.fleet_plan import Clock, Member, costs, full_sync, load, rewritten, shown, spread
from esmith.fleet.admin import etcd_servers
from esmith.fleet.agent import following, reporting
from esmith.fleet.etcd.client import Etcd


def test_the_document_is_up_to_date() -> None:
    """The tables of docs/fleet.md are those that python -m bench.fleet_plan writes, the same every time."""
    assert fleet_plan.main(["--check"]) == 0


def test_a_document_without_marks() -> None:
    """Without both marks nothing is written."""
    with pytest.raises(ValueError, match=r"fleet\.md lacks the line"):
        rewritten("text\n", "part")


def test_the_clock() -> None:
    """Things happen in the order of their times, of one moment in the order they were asked for, and ask for others."""
    clock, seen = Clock(), list[tuple[str, float]]()

    def note(name: str) -> None:
        seen.append((name, clock.now))

    def first() -> None:
        note("first")
        clock.after(0.5, lambda: note("asked for"))

    clock.after(2, lambda: note("late"))
    clock.after(1, first)
    clock.after(1, lambda: note("second"))
    clock.run()
    assert seen == [("first", 1), ("second", 1), ("asked for", 1.5), ("late", 2)]


def test_a_member_does_one_thing_after_the_other() -> None:
    """Work that comes while a member works waits, and after a pause it does not."""
    clock, waited = Clock(), list[float]()
    member = Member(clock)
    for when in (0, 1, 10):
        clock.after(when, lambda: waited.append(member.serve(3)))
    clock.run()
    assert waited == [3, 5, 3]
    assert member.busy == 9


def test_more_hosts_take_longer() -> None:
    """A change, a full sync and the load grow with the hosts; a larger or older journal takes longer, too."""
    cost = costs()
    assert spread(cost, 10)[1] < spread(cost, 100)[1] < spread(cost, 1_000)[1]
    assert load(cost, 10).requests < load(cost, 100).requests
    assert full_sync(cost, 10, 1_000).last < full_sync(cost, 300, 1_000).last
    assert full_sync(cost, 10, 1_000, days=1).last < full_sync(cost, 10, 1_000).last < full_sync(cost, 10, 10**6).last


def test_a_lone_host_is_its_own_work() -> None:
    """One host waits for no other: what it takes is the sum of its costs, and nothing is asked again."""
    cost = {**costs(), "agent.longest": 0.0, "agent.page": 64.0}
    sync = full_sync(cost, 1, 0, days=100 / 1440)
    pages = 2 * (cost["etcd.request"] + cost["host.apply"])
    rows = 100 * (cost["etcd.row"] + cost["host.check"] + cost["host.row"])
    assert sync.last == pytest.approx(cost["etcd.login"] + pages + rows)
    assert (sync.requests, sync.repeated) == (3, 0)


def test_an_overload_is_asked_again() -> None:
    """Where etcd is too slow for the patience of the agents they ask again; where all work is lost, they never end."""
    cost = {**costs(), "agent.longest": 2.0, "etcd.login": 0.5}
    sync = full_sync(cost, 30, 0, days=0.1)
    assert sync.repeated > 0
    assert shown(full_sync({**cost, "agent.patience": 0.1}, 3, 0, days=0.1).last) == "never"
    assert sync.last > sync.half > 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0096, "9.6 ms"), (0.5, "500 ms"), (1.234, "1.2 s"), (110, "110 s"), (300, "5 min")]
)
def test_a_time_as_it_is_shown(seconds: float, text: str) -> None:
    """Two digits, and the unit that fits."""
    assert shown(seconds) == text


def test_the_constants_are_those_of_the_agent() -> None:
    """The plan takes the pages, the pauses, the patience and the heartbeat of the agent as they are in its code."""
    cost = costs()
    assert cost["agent.page"] == following._PAGE
    assert (cost["agent.first"], cost["agent.longest"]) == (following._FIRST_TRY, following._LONGEST_TRY)
    assert cost["agent.heartbeat"] == reporting.Pace().heartbeat
    assert cost["agent.few"] == reporting._FEW_HOSTS
    assert cost["agent.patience"] == signature(Etcd.__init__).parameters["timeout"].default
    assert cost["etcd.quota"] == pytest.approx(etcd_servers._QUOTA_BYTES / 1e6, rel=0.001)
