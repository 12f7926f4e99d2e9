"""The client of etcd against one real member: values, transactions, pages, and what etcd refuses."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.fleet.etcd import client, session, wire
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.errors import AwayError, CompactedError, FullError, OutcomeUnknownError, RefusedByEtcdError
from esmith.fleet.etcd.operations import created_is, delete, get, modified_is, prefix_end, put, value_is, version_is
from tests.examples import examples
from tests.fleet.cluster import Cluster

pytestmark = pytest.mark.program("etcd")
_numbers = itertools.count()


@pytest.fixture(scope="module")
def client_of_one(etcd: Cluster) -> Etcd:
    """A client of the one member."""
    return Etcd(etcd.endpoints)


@given(key=st.binary(max_size=40), value=st.binary(max_size=200))
@settings(deadline=None, max_examples=examples(25))
def test_any_bytes_are_kept(client_of_one: Etcd, key: bytes, value: bytes) -> None:
    """A key and a value of any bytes come back as they were put."""
    whole = b"/bytes/%d/" % next(_numbers) + key
    revision = client_of_one.put(whole, value)
    assert client_of_one.get(whole) == (whole, value, revision)


def test_a_key_that_is_not_there_is_none(client_of_one: Etcd, prefix: str) -> None:
    """A key that was never put, and one that was deleted, are None."""
    assert client_of_one.get(f"{prefix}a") is None
    client_of_one.put(f"{prefix}a", "1")
    client_of_one.delete(f"{prefix}a")
    assert client_of_one.get(f"{prefix}a") is None


def test_each_compare_holds_and_fails(client_of_one: Etcd, prefix: str) -> None:
    """Each kind of compare lets the first list happen when it holds, and the second when it does not."""
    key, other = f"{prefix}a", f"{prefix}b"
    first = client_of_one.put(key, "1")
    second = client_of_one.put(key, "2")
    holding = [value_is(key, "2"), created_is(key, first), modified_is(key, second), version_is(key, 2)]
    failing = [value_is(key, "1"), created_is(key, 0), modified_is(key, first), version_is(key, 1)]
    for compare, succeeds in [(each, True) for each in holding] + [(each, False) for each in failing]:
        result = client_of_one.txn([compare], [put(other, "yes")], [put(other, "no")])
        assert result.succeeded is succeeds
        assert client_of_one.range(other).rows[0].value == (b"yes" if succeeds else b"no")
    assert client_of_one.txn([*holding, failing[0]], [delete(key)]).succeeded is False


def test_a_transaction_answers_each_operation(client_of_one: Etcd, prefix: str) -> None:
    """Each operation of a transaction has its answer, in their order, and all happen at one revision."""
    client_of_one.put(f"{prefix}a", "1")
    result = client_of_one.txn(
        [], [put(f"{prefix}b", "2"), get(prefix, prefix_end(prefix)), delete(f"{prefix}a"), delete(f"{prefix}none")]
    )
    assert [each.total for each in result.responses] == [0, 2, 1, 0]
    assert client_of_one.range(f"{prefix}b").rows[0].mod_revision == result.revision


def test_too_many_operations_are_refused(client_of_one: Etcd, prefix: str) -> None:
    """128 operations are done; 129 are refused with the limit in the cure, and nothing happens."""
    client_of_one.txn([], [put(f"{prefix}{n}", "") for n in range(128)])
    with pytest.raises(RefusedByEtcdError, match="too many operations") as caught:
        client_of_one.txn([], [put(f"{prefix}x{n}", "") for n in range(129)])
    assert "128" in caught.value.hint
    assert client_of_one.range(prefix, prefix_end(prefix)).total == 128


@pytest.mark.parametrize("size", [1_600_000, 2_500_000], ids=["etcd", "gRPC"])
def test_too_large_a_request_is_refused(client_of_one: Etcd, prefix: str, size: int) -> None:
    """A value above etcd's limit, or that of gRPC before it, is refused, nothing happens, and the next call works."""
    with pytest.raises(RefusedByEtcdError, match="too large|larger than max") as caught:
        client_of_one.put(prefix, b"x" * size)
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert "1.5 MB" in caught.value.hint
    assert client_of_one.get(prefix) is None


def test_pages_are_of_one_revision(client_of_one: Etcd, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written, deleted and added while pages are read is in none of them."""
    monkeypatch.setattr(client, "_PAGE", 3)
    names = [f"{prefix}{n}" for n in range(8)]
    client_of_one.txn([], [put(name, "old") for name in names])
    pages = []
    for page in client_of_one.prefix(prefix):
        pages.append(page)
        client_of_one.txn([], [put(names[6], "new"), delete(names[7]), put(f"{prefix}9{len(pages)}", "added")])
    assert [len(page.rows) for page in pages] == [3, 3, 2]
    assert [row.key.decode() for page in pages for row in page.rows] == names
    assert {row.value for page in pages for row in page.rows} == {b"old"}
    assert len({page.revision for page in pages}) == 1


def test_no_rows_are_one_page(client_of_one: Etcd, prefix: str) -> None:
    """A prefix that nothing has gives one empty page with the revision."""
    (page,) = client_of_one.prefix(prefix)
    assert (list(page.rows), page.revision > 0) == ([], True)


def test_a_page_that_is_too_long_is_asked_for_in_parts(
    client_of_one: Etcd, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page longer than is read is asked for again with fewer rows; a range says that it is too long."""
    names = [f"{prefix}{n}" for n in range(6)]
    client_of_one.txn([], [put(name, b"x" * 1000) for name in names])
    monkeypatch.setattr(wire, "LONGEST", 3500)
    monkeypatch.setattr(client, "_PAGE", 8)
    assert [len(page.rows) for page in client_of_one.prefix(prefix)] == [2, 2, 2]
    with pytest.raises(RefusedByEtcdError, match="more than 3500 bytes"):
        client_of_one.range(prefix, prefix_end(prefix))


def test_an_old_revision_is_read_until_it_is_compacted(client_of_one: Etcd, prefix: str) -> None:
    """An old revision shows the old value, and after compaction is an error of its own."""
    old = client_of_one.put(prefix, "old")
    new = client_of_one.put(prefix, "new")
    assert client_of_one.range(prefix, revision=old).rows[0].value == b"old"
    client_of_one.compact(new)
    client_of_one.compact(new)
    with pytest.raises(CompactedError):
        client_of_one.range(prefix, revision=old)


def test_the_last_key_and_keys_only(client_of_one: Etcd, prefix: str) -> None:
    """The last key of a range is found without the others, and keys without their values."""
    client_of_one.txn([], [put(f"{prefix}{n}", "value") for n in range(3)])
    last = client_of_one.range(prefix, prefix_end(prefix), limit=1, reverse=True, keys_only=True)
    assert [(row.key, row.value) for row in last.rows] == [(f"{prefix}2".encode(), b"")]
    assert (last.more, last.total) == (True, 3)


def test_a_restarted_member_is_no_error(etcd: Cluster, client_of_one: Etcd, prefix: str) -> None:
    """A kept connection that the other end has closed meanwhile is replaced, and nothing is sent twice."""
    client_of_one.put(prefix, "1")
    etcd.members[0].restart()
    client_of_one.put(prefix, "2")
    etcd.members[0].restart()
    assert client_of_one.range(prefix).rows[0].value == b"2"


def test_a_connection_is_kept(etcd: Cluster, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred calls use one connection."""
    made: list[wire.Wire] = []

    def connected(*words: Any) -> wire.Wire:
        made.append(wire.Wire(*words))
        return made[-1]

    monkeypatch.setattr(session, "Wire", connected)
    one = Etcd(etcd.endpoints)
    for n in range(50):
        one.put(prefix, str(n))
        assert one.range(prefix).rows[0].value == str(n).encode()
    assert len(made) == 1


@pytest.mark.parametrize("happened", [True, False])
def test_no_room_may_be_answered_after_the_change(
    client_of_one: Etcd, prefix: str, monkeypatch: pytest.MonkeyPatch, happened: bool
) -> None:
    """etcd may answer that it has no room although it did it: a change that creates a key is looked for then."""
    real = client_of_one._session.call

    def call(path: str, *words: Any, **more: Any) -> object:
        if path.endswith("txn"):
            if happened:
                real(path, *words, **more)
            raise FullError("etcdserver: mvcc: database space exceeded")
        return real(path, *words, **more)

    monkeypatch.setattr(client_of_one._session, "call", call)
    success = [put(f"{prefix}head", "2"), put(f"{prefix}row", "1")]
    if happened:
        result = client_of_one.txn([created_is(f"{prefix}row", 0)], success)
        assert (result.succeeded, len(result.responses)) == (True, 2)
        assert client_of_one.range(f"{prefix}row").rows[0].mod_revision == result.revision
    else:
        with pytest.raises(FullError) as caught:
            client_of_one.txn([created_is(f"{prefix}row", 0)], success)
        assert not caught.value.is_doubtful
    for compares, operations in (([], success), ([created_is(f"{prefix}x", 0)], [put(f"{prefix}x", ""), get(prefix)])):
        with pytest.raises(FullError) as caught:
            client_of_one.txn(compares, operations)
        assert caught.value.is_doubtful


def test_no_room_and_no_answer_leaves_the_outcome_open(client_of_one: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    """When etcd has no room and cannot be asked whether it did it, that is not known."""

    def call(path: str, *_words: Any, **_more: Any) -> object:
        if path.endswith("txn"):
            raise FullError("etcdserver: mvcc: database space exceeded", place="http://a:1")
        raise AwayError({"http://a:1": "no answer in time"})

    monkeypatch.setattr(client_of_one._session, "call", call)
    with pytest.raises(OutcomeUnknownError, match="http://a:1"):
        client_of_one.txn([created_is("row", 0)], [put("row", "1")])


def test_threads_share_a_client(client_of_one: Etcd, prefix: str) -> None:
    """Four threads that count with compares lose no count and make none twice."""
    client_of_one.put(prefix, "0")

    def count() -> None:
        done = 0
        while done < 15:
            row = client_of_one.range(prefix).rows[0]
            after = str(int(row.value) + 1)
            done += client_of_one.txn([modified_is(prefix, row.mod_revision)], [put(prefix, after)]).succeeded

    threads = [threading.Thread(target=count) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client_of_one.range(prefix).rows[0].value == b"60"


@pytest.mark.parametrize(
    ("prefix_of", "end"), [(b"/a/", b"/a0"), ("/a/", b"/a0"), (b"a\xff", b"b"), (b"", b"\0"), (b"\xff\xff", b"\0")]
)
def test_the_end_of_a_prefix(prefix_of: bytes | str, end: bytes) -> None:
    """The end of a range is the first key that does not have the prefix; zero is etcd's word for no end."""
    assert prefix_end(prefix_of) == end
