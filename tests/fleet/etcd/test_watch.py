"""Watches of etcd: every change is seen once, and what ends a stream is an error and never silence."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.errors import AwayError, CompactedError, DeniedError
from esmith.fleet.etcd.operations import delete, put
from esmith.fleet.etcd.watch import Event, Watch
from tests.fleet.cluster import PATIENCE, Cluster
from tests.fleet.etcd.impostor import chunked, impostor

pytestmark = pytest.mark.program("etcd")


@pytest.fixture
def one(etcd: Cluster) -> Iterator[Etcd]:
    """A client of the one member."""
    with Etcd(etcd.endpoints) as client:
        yield client


def _take(watch: Watch, count: int) -> list[Event]:
    """Wait for this many changes."""
    found: list[Event] = []
    while len(found) < count:
        batch = watch.next(PATIENCE)
        assert batch is not None, f"only {len(found)} changes came"
        found += batch.events
    return found


def test_two_quick_changes_are_both_seen(one: Etcd, prefix: str) -> None:
    """Two changes of one key, one right after the other, are two events, with their own values."""
    with one.watch(prefix, 1) as watch:
        first, second = one.put(f"{prefix}a", "1"), one.put(f"{prefix}a", "2")
        assert [(each.row.value, each.row.mod_revision) for each in _take(watch, 2)] == [(b"1", first), (b"2", second)]


def test_a_deletion_is_seen(one: Etcd, prefix: str) -> None:
    """A deletion is an event with the key and no value."""
    one.put(f"{prefix}a", "1")
    with one.watch(prefix, one.delete(f"{prefix}a")) as watch:
        (event,) = _take(watch, 1)
    assert (event.is_deletion, event.row.key, event.row.value) == (True, f"{prefix}a".encode(), b"")


def test_a_watch_goes_on_where_another_ended(one: Etcd, prefix: str) -> None:
    """From the resume of the last batch the next watch sees what came meanwhile, nothing twice and nothing less."""
    with one.watch(prefix, 1) as watch:
        one.put(f"{prefix}a", "1")
        batch = watch.next(PATIENCE)
        assert batch is not None
        assert watch.resume == batch.resume
    one.txn([], [put(f"{prefix}b", "2"), put(f"{prefix}c", "3"), delete(f"{prefix}a")])
    with one.watch(prefix, batch.resume) as watch:
        assert len(_take(watch, 3)) == 3
        assert watch.next(0.01) is None


def test_other_keys_are_not_seen(one: Etcd, prefix: str) -> None:
    """What has not the prefix is not in the stream."""
    with one.watch(f"{prefix}in/", 1) as watch:
        one.put(f"{prefix}out", "1")
        one.put(f"{prefix}in/a", "2")
        assert [each.row.value for each in _take(watch, 1)] == [b"2"]


def test_large_changes_come_in_parts(one: Etcd, prefix: str) -> None:
    """A history of many megabytes comes whole and in order, in batches of which each can be resumed from."""
    for n in range(3):
        one.put(f"{prefix}{n}", bytes([n]) * 1_000_000)
    with one.watch(prefix, 1) as watch:
        first = watch.next(PATIENCE)
        assert first is not None
    with one.watch(prefix, first.resume) as watch:
        seen = {each.row.key: each.row.value for each in first.events}
        while len(seen) < 3:
            seen |= {each.row.key: each.row.value for each in _take(watch, 1)}
    assert list(seen.values()) == [bytes([n]) * 1_000_000 for n in range(3)]


def test_compacted_history_is_an_error(one: Etcd, prefix: str) -> None:
    """A watch from what etcd has forgotten says so at once, with the oldest revision there is."""
    one.put(prefix, "1")
    newest = one.put(prefix, "2")
    one.compact(newest)
    with pytest.raises(CompactedError) as caught, one.watch(prefix, 1) as watch:
        watch.next(PATIENCE)
    assert caught.value.revision == newest


def test_a_watch_over_a_killed_member_ends(etcd: Cluster, one: Etcd, prefix: str) -> None:
    """A member that is killed ends the watch with the endpoint in the message."""
    with one.watch(prefix, 1) as watch:
        etcd.members[0].kill()
        try:
            with pytest.raises(AwayError, match=etcd.endpoints[0]):
                watch.next(PATIENCE)
        finally:
            etcd.members[0].start()


def test_closing_ends_a_wait_in_another_thread(one: Etcd, prefix: str) -> None:
    """Who waits for the next change is woken when another thread closes the watch, without an error."""
    watch = one.watch(prefix, 1)
    ended: list[list[object]] = []
    thread = threading.Thread(target=lambda: ended.append(list(watch)))
    thread.start()
    watch.close()
    thread.join(PATIENCE)
    assert ended == [[]]
    assert watch.next(0) is None


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\n",
        b'{"result":{"created":true}}\n{"result":7}\n',
        b'{"result":{"created":true}}\n{"result":{"events":[{"kv":{"key":"!"}}]}}\n',
        b'{"result":{"created":true}}\n{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}\n',
        b'{"result":{"created":true}}\n{"error":7}\n',
        b'{"result":{"created":true}}\n{"result":{"canceled":true}}\n',
        b'{"result":{}}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_what_etcd_never_says_ends_a_watch(sent: bytes) -> None:
    """Nonsense in a stream is an error that names the endpoint, and nothing else."""
    with impostor(chunked(sent)) as other, pytest.raises(AwayError, match=other.url):
        Etcd([other.url], timeout=PATIENCE).watch("/a/", 1).next(PATIENCE)


@pytest.mark.parametrize("name", ["grpc_code", "code"])
def test_why_a_watch_is_refused_has_its_number(name: str) -> None:
    """That the user has no right is known by the number of the error, which etcd 3.4 and 3.5 name otherwise."""
    sent = b'{"error":{"%s":7,"message":"not for you"}}\n' % name.encode()
    with impostor(chunked(sent)) as other, pytest.raises(DeniedError, match="not for you"):
        Etcd([other.url], timeout=PATIENCE).watch("/a/", 1).next(PATIENCE)


def test_a_part_of_a_revision_is_asked_for_again() -> None:
    """After a part a later watch begins with the same revision, since the rest of it may not have come."""
    event = b'{"kv":{"key":"YQ==","mod_revision":"8"}}'
    sent = b'{"result":{"created":true}}\n{"result":{"events":[%s],"fragment":true}}\n{"result":{"events":[%s]}}\n'
    note = b'{"result":{"header":{"revision":"20"}}}\n'
    with impostor(chunked(sent % (event, event) + note)) as other:
        watch = Etcd([other.url], timeout=PATIENCE).watch("a", 1)
        part, rest = watch.next(PATIENCE), watch.next(PATIENCE)
        assert part is not None
        assert rest is not None
        assert (part.resume, rest.resume) == (8, 9)
        # A note of progress: all up to there has been sent.
        assert watch.next(0.05) is None
        assert watch.resume == 21
        watch.close()


@pytest.mark.parametrize("sent", [b"xyz\r\n", b"0\r\n\r\n", b"-1\r\n", b"5\r\nabcdefgh", b"f" * 200, b"", b"4"])
def test_a_broken_stream_ends_a_watch(sent: bytes) -> None:
    """A stream that is not one of HTTP, or ends, is an error."""
    with impostor(chunked(b'{"result":{"created":true}}\n') + sent, closes=True) as other:
        watch = Etcd([other.url], timeout=PATIENCE).watch("/a/", 1)
        with pytest.raises(AwayError, match=other.url):
            watch.next(PATIENCE)
