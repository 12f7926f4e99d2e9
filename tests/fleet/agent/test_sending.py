"""Sending what a command changes: it lands once or not at all, and the command hears which."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from esmith.fleet.agent import points
from esmith.fleet.agent.job import Job
from esmith.fleet.agent.outbox import Outbox
from esmith.fleet.agent.places import outbox_of
from esmith.fleet.agent.remote import Remote
from esmith.fleet.agent.sending import Sender
from esmith.fleet.agent.state import State
from esmith.fleet.etcd.errors import AwayError, OutcomeUnknownError
from esmith.fleet.journal.chain import Head
from esmith.fleet.journal.row import decode
from esmith.store import open_store
from esmith.store.behind import BehindError
from esmith.store.model import Author
from tests.fleet.agent.kit import Fleet, Host, changed
from tests.fleet.cluster import wait_for

pytestmark = pytest.mark.program("etcd")


class _Faulty(Remote):
    """A journal whose answers are lost: before, or after, a row is put."""

    def __init__(self, real: Remote, lost: str) -> None:
        super().__init__(real.etcd, real.fleet, real.host, real.key)
        self.lost = lost

    def append(self, base: Head, raw: bytes) -> bool:
        lost, self.lost = self.lost, ""
        done = lost != "before" and super().append(base, raw)
        if lost:
            raise OutcomeUnknownError("http://127.0.0.1:1", "no answer in time")
        return done


def _sender(host: Host, remote: Remote) -> tuple[Sender, Outbox]:
    (host.root / "var/lib/e-smith/fleet").mkdir(mode=0o700, parents=True, exist_ok=True)
    outbox = Outbox(outbox_of(host.layout))
    return Sender(lambda: remote, State(), outbox), outbox


def _send(sender: Sender, request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a job that is done in this thread."""
    answers: list[dict[str, Any]] = []
    job = Job(request, 60, answers.append)
    sender.submit(job)
    sender.end()
    sender.run()
    return answers[0]


def _row(host: Host, number: int) -> tuple[str, str]:
    """Return kind and token of a row of the journal."""
    row = decode(host.remote().row(number) or b"")
    return row.kind, row.token


class _Robbed(Remote):
    """A journal in which another host is faster, with a row that has the token of ours: who reads blobs knows it."""

    def __init__(self, real: Remote, fleet: Fleet, thief: Host, *, is_lost: bool) -> None:
        super().__init__(real.etcd, real.fleet, real.host, real.key)
        self.thief, self.is_lost = thief, is_lost
        self._all = fleet

    def append(self, base: Head, raw: bytes) -> bool:
        self._all.append(self.thief, "changes", token=decode(raw).token, changes=tuple(changed("stolen")))
        if self.is_lost:
            raise OutcomeUnknownError("http://127.0.0.1:1", "no answer in time")
        return super().append(base, raw)


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_row_with_our_token_is_not_ours(fleet: Fleet, is_lost: bool) -> None:
    """Another host's row with the token of ours is not taken for ours: the command is behind, and nothing is kept."""
    a, b = fleet.hosts
    sender, outbox = _sender(a, _Robbed(a.remote(), fleet, b, is_lost=is_lost))
    answer = _send(sender, a.request(changed("enabled"), a.remote().head()))
    assert answer["outcome"] == ("unknown" if is_lost else "behind")
    sender.settle()
    assert outbox.all() == []
    assert decode(a.remote().row(4) or b"").host == b.name


def test_what_landed_unknown_is_found(fleet: Fleet) -> None:
    """A change whose answer was lost after it landed is found by its token, and nothing is sent again."""
    a, _ = fleet.hosts
    remote = a.remote()
    sender, outbox = _sender(a, _Faulty(remote, "after"))
    answer = _send(sender, a.request(changed("enabled"), remote.head()))
    assert answer["outcome"] == "unknown"
    sender.settle()
    (sent,) = outbox.all()
    assert _row(a, 4) == ("changes", sent.token)
    assert remote.head().number == 4
    # The follower removes it when the store has the revision.
    outbox.remove_until(4)
    assert Outbox(outbox_of(a.layout)).all() == []


def test_what_never_landed_is_settled(fleet: Fleet) -> None:
    """A change whose answer was lost before it landed never lands: its number gets a row that changes nothing."""
    a, _ = fleet.hosts
    remote = a.remote()
    sender, outbox = _sender(a, _Faulty(remote, "before"))
    assert _send(sender, a.request(changed("enabled"), remote.head()))["outcome"] == "unknown"
    (sent,) = outbox.all()
    sender.settle()
    assert outbox.all() == []
    kind, token = _row(a, 4)
    assert (kind, token == sent.token) == ("nothing", False)


def test_a_new_agent_settles_first(fleet: Fleet) -> None:
    """What an agent left unsettled, the next one settles before it sends anything."""
    a, _ = fleet.hosts
    remote = a.remote()
    base = remote.head()
    sender, _ = _sender(a, _Faulty(remote, "before"))
    _send(sender, a.request(changed("enabled"), base))
    later, outbox = _sender(a, remote)
    answer = _send(later, a.request(changed("disabled"), base))
    assert answer == {"outcome": "behind", "head": 4}
    assert _row(a, 4)[0] == "nothing"
    assert outbox.all() == []


def test_behind(fleet: Fleet) -> None:
    """A command whose revision is not the newest hears which one is, and nothing of it lands."""
    a, b = fleet.hosts
    base = a.remote().head()
    fleet.append(b, "changes", changes=tuple(changed("enabled")))
    sender, outbox = _sender(a, a.remote())
    assert _send(sender, a.request(changed("disabled"), base)) == {"outcome": "behind", "head": 4}
    assert outbox.all() == []
    assert a.remote().head().number == 4


@pytest.mark.parametrize("past", [Head(3, "0" * 64), Head(9, "0" * 64)])
def test_another_journal(fleet: Fleet, past: Head) -> None:
    """A command of a store that has another past than etcd, or a longer one, is refused."""
    a, _ = fleet.hosts
    sender, outbox = _sender(a, a.remote())
    answer = _send(sender, a.request(changed("disabled"), past))
    assert answer["outcome"] == "refused"
    assert "not that of this host" in answer["message"]
    assert outbox.all() == []


@pytest.mark.parametrize(
    "change",
    [
        {"changes": [["host:b", "configuration", "SystemName", "", "x"]]},
        {"changes": []},
        {"changes": [["fleet", "configuration", "x"]]},
        {"base": "x"},
        {"author": "alice"},
        {"host": [["configuration"]]},
    ],
)
def test_requests_that_are_refused(fleet: Fleet, change: dict[str, Any]) -> None:
    """A request that is not in order, or names the layer of a host, is refused, and nothing is kept of it."""
    a, _ = fleet.hosts
    sender, outbox = _sender(a, a.remote())
    assert _send(sender, a.request(changed("x"), a.remote().head()) | change)["outcome"] == "refused"
    assert (outbox.all(), a.remote().head().number) == ([], 3)


def test_away(fleet: Fleet) -> None:
    """When etcd is away a command is refused, nothing is kept in the outbox, and nothing can land later."""
    a, _ = fleet.hosts
    remote = a.remote()

    class Away(Remote):
        def append(self, _base: Head, _raw: bytes) -> bool:
            raise AwayError({"http://127.0.0.1:1": "connection refused"})

    sender, outbox = _sender(a, Away(remote.etcd, remote.fleet, remote.host, remote.key))
    answer = _send(sender, a.request(changed("enabled"), remote.head()))
    assert answer["outcome"] == "refused"
    assert "http://127.0.0.1:1: connection refused" in answer["message"]
    assert outbox.all() == []


def test_a_damaged_head(fleet: Fleet) -> None:
    """Where the head of the journal is damaged a command is refused, and nothing is left of it."""
    a, _ = fleet.hosts
    remote = a.remote()
    base = remote.head()
    remote.etcd.put(f"/esm/{fleet.name}/head", "garbage")
    sender, outbox = _sender(a, remote)
    assert _send(sender, a.request(changed("x"), base))["outcome"] == "refused"
    assert outbox.all() == []


def test_a_large_changeset(fleet: Fleet) -> None:
    """A command that changes more than a row holds lands as one row, whose parts the others read."""
    a, b = fleet.hosts
    cells = [("fleet", "things", f"key{number}", "", "x" * 1000) for number in range(700)]
    sender, _ = _sender(a, a.remote())
    assert _send(sender, a.request(cells, a.remote().head()))["outcome"] == "accepted"
    b.start()
    b.wait(4)
    assert b.prop("things", "key699", "") == "x" * 1000


def test_the_disk_is_full(fleet: Fleet) -> None:
    """When the change cannot be noted in the outbox it is refused, and nothing is sent."""
    a, _ = fleet.hosts
    sender, _ = _sender(a, a.remote())

    def fail(point: str) -> None:
        if point == "before outbox":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    points.set_hook(fail)
    try:
        answer = _send(sender, a.request(changed("enabled"), a.remote().head()))
    finally:
        points.set_hook(None)
    assert answer["outcome"] == "refused"
    assert "No space left" in answer["message"]
    assert a.remote().head().number == 3


def test_a_late_answer_is_unknown() -> None:
    """A job that is asked about too late says that nothing is changed before it may land, and afterwards not."""
    answers: list[dict[str, Any]] = []
    for begins, outcome in ((False, "refused"), (True, "unknown")):
        job = Job({}, 60, answers.append)
        assert not begins or job.begin()
        job.expire()
        job.answer({"outcome": "accepted"})
        assert answers.pop()["outcome"] == outcome
        assert answers == []
        assert not job.begin()


def test_a_command_and_its_own_layer(fleet: Fleet) -> None:
    """A command's change of the fleet is stored with what it changes on this host, once, and its words are kept."""
    a, b = fleet.hosts
    a.start()
    b.start()
    a.wait(3)
    author = Author("alice", "", ["config", "setprop", "x"])
    store = open_store(a.layout, write=True)
    with store.transaction(author, "") as transaction:
        transaction.set_type("configuration", "qpsmtpd", "service")
        transaction.set_prop("configuration", "qpsmtpd", "DNSBL", "enabled")
    store.close()
    assert a.head().number == 4
    b.wait(4)
    wait_for(lambda: a.status()["outbox"] == 0, "the outbox to be empty")
    assert b.prop("configuration", "qpsmtpd", "DNSBL") == "enabled"
    assert [line for line in a.history() if "alice" in line] == ["alice config setprop x (fleet 4)"]


def test_two_commands_at_once(fleet: Fleet) -> None:
    """Of commands on two hosts that count up one setting at once, none is lost: who is behind does it again."""
    for host in fleet.hosts:
        host.start()
        host.wait(3)

    def count(host: Host) -> None:
        left = 5
        while left:
            try:
                _add_one(host)
                left -= 1
            except BehindError as error:
                host.wait(error.head)

    _together([lambda: count(fleet.hosts[0]), lambda: count(fleet.hosts[1])])
    assert fleet.hosts[0].remote().head().number == 13
    for host in fleet.hosts:
        host.wait(13)
        assert host.prop("configuration", "Count", "") == "10"


def _add_one(host: Host) -> None:
    store = open_store(host.layout, write=True)
    try:
        with store.transaction(Author("alice", "", ["count"]), "") as transaction:
            now = int(transaction.type_of("configuration", "Count") or "0")
            transaction.set_type("configuration", "Count", str(now + 1))
    finally:
        store.close()


def _together(functions: list[Callable[[], None]]) -> None:
    """Run functions in threads, and raise what one of them raised."""
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(function) for function in functions]:
            done.result()
