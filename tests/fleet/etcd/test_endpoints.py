"""Several endpoints and one time limit; and when it is known that a change did not happen, and when it is not."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esmith.errors import UsageError
from esmith.fleet.etcd import session
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.errors import AwayError, BusyEtcdError, OutcomeUnknownError
from esmith.fleet.etcd.operations import created_is, put
from tests.fleet.cluster import PATIENCE, Cluster, wait_for
from tests.fleet.etcd.impostor import answer, impostor, refusing, silent
from tests.fleet.namespaces import play

#: Far above any time limit of these tests: what takes longer had none.
_FAR_TOO_LONG = 20.0


@pytest.mark.program("etcd")
def test_a_first_endpoint_that_is_down_is_not_fatal(etcd: Cluster, prefix: str) -> None:
    """The endpoint that answered is tried first from then on, and who failed last."""
    with refusing() as one, refusing() as two, Etcd([one, two, etcd.endpoints[0]]) as client:
        client.put(prefix, "1")
        assert client.endpoints[0] == etcd.endpoints[0]
        assert set(client.endpoints[1:]) == {one, two}
        assert client.get(prefix) is not None


@pytest.mark.program("etcd")
def test_a_first_endpoint_that_hangs_is_not_fatal(etcd: Cluster, prefix: str) -> None:
    """A member that takes the connection and says nothing gets its share of the time; a change is not sent to it."""
    with silent() as hanging:
        for is_change in (True, False):
            with Etcd([hanging, etcd.endpoints[0]], timeout=2.0) as client:
                if is_change:
                    client.put(prefix, "1")
                else:
                    client.watch(prefix, 1).close()
                assert client.endpoints == [etcd.endpoints[0], hanging]


_CALLS: list[tuple[str, Callable[[Etcd], object]]] = [
    ("range", lambda client: client.range("a")),
    ("txn", lambda client: client.txn([], [put("a", "b")])),
    ("watch", lambda client: client.watch("a", 1)),
    ("prefix", lambda client: list(client.prefix("a"))),
    ("user", lambda client: client.access.user_set_password("a", "b")),
]


@pytest.mark.parametrize("call", [call for _name, call in _CALLS], ids=[name for name, _call in _CALLS])
def test_all_away_is_reported_within_the_limit(call: Callable[[Etcd], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """With all endpoints away each is named with its reason within the limit, and nothing was changed."""
    monkeypatch.setattr("esmith.fleet.etcd.access._HASHING", 0.3)
    start = time.monotonic()
    with silent() as one, refusing() as two, silent() as three, pytest.raises(AwayError) as caught:
        call(Etcd([one, two, three], timeout=0.3))
    assert time.monotonic() - start < _FAR_TOO_LONG
    assert caught.value.reasons == {
        one: "no answer in time",
        two: "connection refused",
        three: "no answer in time",
    }
    assert not caught.value.is_doubtful
    assert all(url in caught.value.message for url in (one, two, three))


def test_a_name_server_that_hangs_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that nobody resolves in time is the reason of that endpoint, within the limit."""
    asked, over, real = threading.Event(), threading.Event(), socket.getaddrinfo

    def resolve(*words: Any, **more: Any) -> object:
        if more.get("flags", 0) & socket.AI_NUMERICHOST:
            return real(*words, **more)
        asked.set()
        over.wait(_FAR_TOO_LONG)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    start = time.monotonic()
    with pytest.raises(AwayError, match="no name server had the address of etcd.example.com"):
        Etcd(["http://etcd.example.com:2379"], timeout=0.2).get("a")
    assert asked.is_set()
    assert time.monotonic() - start < _FAR_TOO_LONG
    over.set()


def test_an_answer_that_drips_does_not_prolong_the_limit() -> None:
    """A byte now and then keeps no call waiting beyond its limit."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        over = threading.Event()

        def drip() -> None:
            client, _address = listener.accept()
            with client, contextlib.suppress(OSError):
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not over.wait(0.02):
                    client.sendall(b" ")

        thread = threading.Thread(target=drip)
        thread.start()
        start = time.monotonic()
        with pytest.raises(AwayError, match="no answer in time"):
            Etcd([url], timeout=0.3).get("a")
        assert time.monotonic() - start < _FAR_TOO_LONG
        over.set()
        thread.join()


@pytest.mark.program("etcd")
@pytest.mark.parametrize(
    "reply",
    [
        b"",
        None,
        answer(b"nonsense"),
        answer(b"{}"),
        answer(b"[]"),
        answer(b'{"header":{"revision":"x"}}'),
        answer(b'{"header":[]}'),
        answer(b'{"header":{"revision":"5"},"succeeded":1}'),
        answer(b'{"header":{"revision":"5"},"responses":[1]}'),
        answer(b"[" * 100_000),
        answer(b"1" * 10_000),
        answer(b"<html>", status="502 Bad Gateway"),
        answer(b'{"error":"etcdserver: request timed out","code":14}', status="503 x"),
        answer(b'{"error":"etcdserver: leader changed","code":14}', status="503 x"),
        answer(b'{"error":"etcdserver: server stopped","code":14}', status="503 x"),
        answer(b'{"error":"transport is closing","code":14}', status="503 x"),
        answer(b'{"error":"context deadline exceeded","code":2}', status="500 x"),
        answer(b'{"error":"context canceled","code":1}', status="408 x"),
        answer(b'{"error":"something new","code":8}', status="429 x"),
        answer(b'{"code":14, "message":"etcdserver: leader changed"}', status="503 x"),
        answer(b'{"error":7,"code":8}', status="429 x"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\r\n\r\n{",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    ],
)
def test_a_change_that_was_sent_is_not_sent_again(etcd: Cluster, prefix: str, reply: bytes | None) -> None:
    """Without an answer that says so, whether it happened is not known, and no other member is asked; a read is."""
    with impostor(reply, closes=True) as other, Etcd([other.url, etcd.endpoints[0]]) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            client.txn([], [put(prefix, "1")])
        assert caught.value.is_doubtful
        assert caught.value.endpoint == other.url
        assert other.asked == ["/version", "/v3/kv/txn"]
        assert client.endpoints == [etcd.endpoints[0], other.url]
        assert client.get(prefix) is None
    with impostor(reply, closes=True) as other, Etcd([other.url, etcd.endpoints[0]]) as client:
        assert client.get(prefix) is None


@pytest.mark.program("etcd")
@pytest.mark.parametrize(
    "reply",
    [
        answer(b'{"error":"etcdserver: no leader","code":14}', status="503 x"),
        answer(b'{"error":"etcdserver: too many requests","code":8}', status="429 x"),
        # So has etcd 3.5 its words.
        answer(b'{"code":8, "message":"etcdserver: too many requests"}', status="429 x"),
        answer(b'{"error":"etcdserver: rpc not supported for learner","code":14}', status="503 x"),
        answer(b'{"error":"all SubConns are in TransientFailure, latest ...","code":14}', status="503 x"),
        answer(b"404 page not found", status="404 x"),
    ],
)
def test_what_a_member_did_not_take_goes_to_the_next(etcd: Cluster, prefix: str, reply: bytes) -> None:
    """A change that one member certainly did not take is sent to the next one; when there is none it is away."""
    with impostor(reply) as other:
        with Etcd([other.url, etcd.endpoints[0]]) as client:
            client.put(prefix, "1")
            assert client.get(prefix) is not None
        with Etcd([other.url]) as client, pytest.raises((AwayError, BusyEtcdError)) as caught:
            client.put(prefix, "2")
        assert not caught.value.is_doubtful


@pytest.mark.program("etcd")
def test_a_paused_leader_leaves_the_outcome_open(cluster: Cluster, prefix: str) -> None:
    """What is reported of changes through a follower while the leader hangs is true once all is well again."""
    leader = cluster.leader()
    client = Etcd([cluster.followers()[0].endpoint], timeout=0.3)
    outcomes: dict[str, str] = {}
    leader.pause()
    for n in range(4):
        key = f"{prefix}{n}"
        try:
            client.txn([created_is(key, 0)], [put(key, "1")])
        except OutcomeUnknownError:
            outcomes[key] = "unknown"
        except AwayError:
            outcomes[key] = "not done"
        else:
            outcomes[key] = "done"
    leader.resume()
    cluster.leader()
    after = Etcd(cluster.endpoints, timeout=PATIENCE)
    for name, outcome in outcomes.items():
        is_new = after.txn([created_is(name, 0)], [put(name, "2")]).succeeded
        assert outcome == "unknown" or is_new == (outcome == "not done"), outcomes


@pytest.mark.program("etcd")
def test_a_connection_lost_on_the_way_leaves_the_outcome_open(cluster: Cluster, prefix: str) -> None:
    """A change whose answer is lost between the member and here has happened, and is reported as not known."""
    member = cluster.members[0]
    client = Etcd([member.endpoint])
    client.put(f"{prefix}before", "1")
    # The request goes through a gate that closes behind it.
    member.link.cut_after(1)
    with pytest.raises(OutcomeUnknownError):
        client.put(prefix, "1")
    member.link.heal()
    assert Etcd(cluster.endpoints).get(prefix) is not None


@pytest.mark.program("etcd")
def test_without_a_quorum_nothing_is_sent(cluster: Cluster, prefix: str) -> None:
    """A member that has lost the others refuses at once; what it has can still be read."""
    survivor = cluster.leader()
    Etcd([survivor.endpoint]).put(prefix, "1")
    for member in cluster.followers():
        member.kill()
    wait_for(lambda: survivor.status().get("leader", "0") == "0", "the leader to step down")
    client = Etcd([survivor.endpoint], timeout=PATIENCE)
    for call in (lambda: client.put(prefix, "2"), lambda: client.get(prefix), lambda: client.watch(prefix, 1)):
        with pytest.raises(AwayError, match="no leader"):
            call()
    old = client.get(prefix, serializable=True)
    assert old is not None
    assert old.value == b"1"


@pytest.mark.program("etcd")
def test_a_lost_quorum_names_who_is_away(cluster: Cluster) -> None:
    """Who answers says that there is no leader and who is away; who is away says where to look."""
    survivor = cluster.members[0]
    for member in cluster.members[1:]:
        member.kill()
    wait_for(lambda: survivor.status().get("leader", "0") == "0", "the leader to step down")
    # The proxies of the others still take connections, as a host does whose etcd hangs.
    first, second, third = Etcd(cluster.endpoints, timeout=1.0).health()
    assert [each.kind for each in first.troubles] == ["no-leader"]
    assert all(url in first.troubles[0].message for url in cluster.endpoints[1:])
    for each in (second, third):
        assert (each.answers, [trouble.kind for trouble in each.troubles]) == (False, ["down"])
        assert "127.0.0.1" in each.troubles[0].cure
        assert "systemctl start etcd" in each.troubles[0].commands


@pytest.mark.program("etcd")
def test_a_watch_at_a_member_that_is_cut_off_ends(cluster: Cluster, prefix: str) -> None:
    """A member that no longer reaches the others ends its watches, and another member has what came meanwhile."""
    alone = cluster.followers()[0]
    client = Etcd([alone.endpoint])
    watch = client.watch(prefix, 1)
    cluster.isolate([alone])
    revision = Etcd([each.endpoint for each in cluster.members if each is not alone]).put(prefix, "1")
    with pytest.raises(AwayError, match=alone.endpoint):
        watch.next(PATIENCE)
    with Etcd(cluster.endpoints).watch(prefix, watch.resume) as other:
        batch = other.next(PATIENCE)
    assert batch is not None
    assert batch.events[0].row.mod_revision == revision


@pytest.mark.root("network namespaces")
@pytest.mark.program("etcd", "ip", "unshare")
def test_a_leader_whose_cable_is_pulled(tmp_path: Path) -> None:
    """In a real network, too, the others go on when the leader is cut off, and what is reported of changes is true."""
    play("tests.fleet.etcd.cut_off:leader_without_a_cable", tmp_path)


def test_each_request_says_what_it_accepts() -> None:
    """No request is taken by etcd for one of the member itself, which goes by the header Accept."""
    with impostor(answer(b'{"header":{"revision":"5"}}')) as other, Etcd([other.url], user="a", password="b") as client:
        with pytest.raises(AwayError, match="no token"):
            client.put("a", "b")
        assert other.headers.count(b"accept: application/json") == len(other.asked) == 2


def test_all_kept_connections_of_a_failed_one_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What made one kept connection lead nowhere did so to the others: only one call finds it out."""
    monkeypatch.setattr(session, "_FRESH", 0.0)
    with impostor(answer(b'{"header":{"revision":"5"}}')) as other, Etcd([other.url], timeout=2.0) as client:
        pool = client._session
        end = time.monotonic() + PATIENCE
        for wire in [pool.take(pool.endpoints[0], end, probe=True, keep=False) for _n in range(2)]:
            pool._give(wire, is_whole=True)
        other.mute()
        client.get("a")
        assert len(pool._kept[pool.endpoints[0]]) == 1


@pytest.mark.parametrize("is_change", [True, False])
def test_a_kept_connection_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch, is_change: bool) -> None:
    """A kept connection that leads nowhere any more, as after a partition, costs time and no call."""
    monkeypatch.setattr(session, "_FRESH", 0.0)
    with impostor(answer(b'{"header":{"revision":"5"}}')) as other, Etcd([other.url], timeout=2.0) as client:
        client.get("a")
        other.mute()
        if is_change:
            assert client.put("a", "b") == 5
        else:
            assert client.get("a") is None


@pytest.mark.parametrize(
    "url",
    ["", "10.0.0.1:2379", "ftp://x:1", "http://", "http://x:y", "http://x:1/path", "http://u@x", "http://a\x1b[31m:1"],
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    """Only a URL of HTTP with a host is an endpoint."""
    with pytest.raises(UsageError, match="not an endpoint"):
        Etcd([url])


def test_an_endpoint_is_needed() -> None:
    """No endpoint at all, and https without certificates, are refused at once."""
    with pytest.raises(UsageError, match="no endpoint"):
        Etcd([])
    with pytest.raises(UsageError, match="certificates"):
        Etcd(["https://10.0.0.1:2379"])
