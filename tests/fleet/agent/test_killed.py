"""An agent that is killed at each of its writes: what it sent landed once or not at all, and is whole where it is."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from esmith.fleet.agent.points import POINTS
from esmith.fleet.journal.row import decode
from esmith.fleet.replica import overrides
from esmith.store import open_store
from esmith.store.model import Author
from tests.fleet.agent.kit import LATER, Fleet, changed, kill_at_first
from tests.fleet.cluster import wait_for

pytestmark = pytest.mark.program("etcd")

#: Points that a change of a command passes, on its way out and back.
_OF_A_CHANGE = [one for one in POINTS if not one.startswith("signal") and "settling" not in one]
#: Before these a change has not left the host.
_BEFORE_IT_LANDS = (
    *("before outbox", "outbox prepared", "outbox written", "after outbox"),
    *("after blobs", "before txn"),
)
#: Before these nobody will ever look for it.
_BEFORE_IT_IS_NOTED = ("before outbox", "outbox prepared")


def _kill_at(point: str) -> Callable[[str], None]:
    """Return a hook that kills the process at a point, once rows have begun to be sent."""
    begun = []

    def hook(reached: str) -> None:
        begun.append(reached == "before outbox")
        if any(begun) and reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


@pytest.mark.parametrize("point", _OF_A_CHANGE)
def test_killed_at_each_write_of_a_change(fleet: Fleet, point: str) -> None:
    """Whichever write it was killed at, the next agent has the change whole, with its own layer, or settles it."""
    a, _ = fleet.hosts
    a.start(hook=_kill_at(point))
    a.wait(3)
    cells = changed("x" * 1000) + [("fleet", "things", f"key{one}", "", "y" * 1000) for one in range(600)]
    with a.connected() as client:
        request = a.request(cells) | {"host": [["configuration", "Own", "", "mine"]]}
        client.send({"verb": "commit", **request})
    assert a.wait_end() == -signal.SIGKILL
    a.start()
    wait_for(lambda: a.status()["outbox"] == 0, "the outbox to be settled")
    remote = a.remote()
    a.wait(remote.head().number)
    rows = [decode(raw).kind for number, raw in remote.rows(4, 10)]
    has = (
        a.prop("configuration", "qpsmtpd", "DNSBL"),
        a.prop("things", "key599", ""),
        a.prop("configuration", "Own", ""),
    )
    if point in _BEFORE_IT_LANDS:
        assert rows == ([] if point in _BEFORE_IT_IS_NOTED else ["nothing"])
    elif not point.endswith("status"):
        # Another thread passes those, whatever has been sent by then.
        assert rows == ["changes"]
    assert has == (("x" * 1000, "y" * 1000, "mine") if rows == ["changes"] else (None, None, None))


@pytest.mark.parametrize("point", ["before settling", "after settling"])
def test_killed_while_it_settles(fleet: Fleet, point: str) -> None:
    """An agent that was killed while it settled what was unknown leaves that to the next one."""
    a, _ = fleet.hosts
    a.start(hook=_kill_at("before txn"))
    a.wait(3)
    with a.connected() as client:
        client.send({"verb": "commit", **a.request(changed("x"))})
        assert a.wait_end() == -signal.SIGKILL
    a.start(hook=kill_at_first(point))
    assert a.wait_end() == -signal.SIGKILL
    a.start()
    wait_for(lambda: a.status()["outbox"] == 0, "the outbox to be settled")
    rows = [decode(raw).kind for _, raw in a.remote().rows(4, 10)]
    assert rows == ["nothing"]


@pytest.mark.parametrize("point", ["signal noted", "signal ran", "signal answered"])
def test_no_signal_runs_twice(fleet: Fleet, point: str) -> None:
    """An agent that was killed around an event does not run it again; the answer says what is known."""
    a, b = fleet.hosts
    action = b.root / "etc/e-smith/events/noted/S10note"
    action.parent.mkdir(parents=True)
    count = b.root / "count"
    action.write_text(f"#!/bin/sh\necho run >> {count}\n")
    action.chmod(0o755)
    b.start(hook=kill_at_first(point))
    b.wait(3)
    fleet.append(a, "signal", event="noted", hosts=("b",), until=LATER)
    assert b.wait_end() == -signal.SIGKILL
    b.start()
    wait_for(lambda: b.state("signal/000000000004") is None, "the signal to be answered")
    runs = count.read_text().count("run") if count.exists() else 0
    assert runs == (0 if point == "signal noted" else 1)
    assert time.time() < LATER


def test_an_own_change_amid_what_was_missed(fleet: Fleet) -> None:
    """What a killed command of this host did here comes with its row, before what others changed after it."""
    a, b = fleet.hosts
    cell = ("configuration", "qpsmtpd", "DNSBL")
    store = open_store(a.layout, write=True)
    with store.transaction(Author("alice", "", ["test"])) as transaction:
        transaction.set_type(*cell[:2], "service")
        transaction.set_prop(*cell, "mine")
        overrides.mark(transaction, *cell, overrides.LOCAL)
    store.close()
    a.start(hook=kill_at_first("after txn"))
    a.wait(3)
    with a.connected() as client:
        # As "esmith fleet push" does it.
        client.send({"verb": "commit", **a.request(changed("mine")), "host": [[*cell, "mine"]]})
    assert a.wait_end() == -signal.SIGKILL
    last = [fleet.append(b, "changes", changes=tuple(changed(f"{number}"))).number for number in range(60)][-1]
    a.start()
    a.wait(last)
    assert a.prop(*cell) == "59"
    store = open_store(a.layout)
    with store.snapshot() as snapshot:
        assert list(overrides.all_marks(snapshot)) == []
    store.close()
