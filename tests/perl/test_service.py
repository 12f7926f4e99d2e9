"""The operations Perl may ask for, called from Python."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from esmith.errors import EsmithError, RefusedError, UsageError
from esmith.layout import Layout
from esmith.perl.service import DONE, FAILED, StoreService
from esmith.perl.sources import SnapshotSource, StoreSource, TransactionSource
from esmith.schema.load import Schema
from esmith.store import open_store
from esmith.store.model import Author, Record
from tests.commands import Root

WRITES: list[tuple[str, list[str | None]]] = [
    ("set", ["t", "k", "type"]),
    ("add", ["t", "k", "type"]),
    ("replace_type", ["t", "k", None, "type"]),
    ("set_props", ["configuration", "qpsmtpd", "DNSBL", "enabled"]),
    ("set_type", ["configuration", "DomainName", "example.org"]),
    ("delete_prop", ["configuration", "qpsmtpd", "DNSBL"]),
    ("delete", ["configuration", "qpsmtpd"]),
]


@pytest.fixture
def layout(root: Root) -> Layout:
    """Return the layout of a fresh root."""
    return Layout(str(root.path))


@pytest.fixture
def service(layout: Layout) -> Iterator[StoreService]:
    """Return a service over the store of a fresh root, as scripts use it."""
    source = StoreSource(layout, Author("tester", "", ["S20x"]))
    yield StoreService(layout, source, schema=Schema(layout))
    source.close()


def test_a_record_is_its_type_and_properties(service: StoreService) -> None:
    """What was set is read back by record, prop, all and keys; a missing one is nothing, or undef."""
    assert service.handle("set", ["things", "b", "thing", "y", "2", "x", ""]) == ["1"]
    assert service.handle("set", ["things", "a", "v"]) == ["1"]
    assert service.handle("record", ["things", "b"]) == ["thing", "x", "", "y", "2"]
    assert service.handle("record", ["things", "c"]) == []
    assert service.handle("prop", ["things", "b", "y"]) == ["2"]
    assert service.handle("prop", ["things", "b", ""]) == ["thing"]
    assert service.handle("prop", ["things", "b", "z"]) == [None]
    assert service.handle("keys", ["things"]) == ["a", "b"]
    assert service.handle("all", ["things"]) == ["a", "1", "v", "b", "5", "thing", "x", "", "y", "2"]


def test_set_replaces_and_set_props_merges(service: StoreService) -> None:
    """set leaves only what it names; set_props and set_type keep the rest."""
    service.handle("set", ["things", "a", "thing", "x", "1", "y", "2"])
    assert service.handle("set_props", ["things", "a", "y", "3", "z", "4"]) == ["1"]
    assert service.handle("record", ["things", "a"]) == ["thing", "x", "1", "y", "3", "z", "4"]
    assert service.handle("set_type", ["things", "a", "other"]) == ["1"]
    assert service.handle("set", ["things", "a", "other", "q", "5"]) == ["1"]
    assert service.handle("record", ["things", "a"]) == ["other", "q", "5"]


def test_what_is_missing_is_not_made(service: StoreService) -> None:
    """set_props, set_type and the deletions of what does not exist do nothing and say so."""
    assert service.handle("set_props", ["things", "a", "x", "1"]) == ["0"]
    assert service.handle("set_type", ["things", "a", "x"]) == ["0"]
    assert service.handle("delete", ["things", "a"]) == ["0"]
    assert service.handle("delete_prop", ["things", "a", "x"]) == [None]
    assert service.handle("exists", ["things"]) == ["0"]


def test_a_record_is_added_once(service: StoreService) -> None:
    """add makes a record with its properties where there is none, and leaves one that is there as it is."""
    assert service.handle("add", ["things", "a", "thing", "x", "1"]) == ["1"]
    assert service.handle("add", ["things", "a", "other"]) == ["0"]
    assert service.handle("record", ["things", "a"]) == ["thing", "x", "1"]


def test_the_type_may_be_set_with_the_properties(service: StoreService) -> None:
    """The property "" of set_props is the type; a refused property leaves the type as it was."""
    service.handle("set", ["things", "a", "thing", "x", "1"])
    assert service.handle("set_props", ["things", "a", "", "other", "y", "2"]) == ["1"]
    assert service.handle("record", ["things", "a"]) == ["other", "x", "1", "y", "2"]
    with pytest.raises(RefusedError, match="newline"):
        service.handle("set_props", ["things", "a", "", "third", "y", "a\nb"])
    assert service.handle("prop", ["things", "a", ""]) == ["other"]


def test_a_type_is_replaced_only_where_it_is_as_expected(service: StoreService) -> None:
    """replace_type lets two scripts count without losing a step: the second finds another value."""
    assert service.handle("replace_type", ["things", "n", None, "1"]) == ["1"]
    assert service.handle("replace_type", ["things", "n", None, "1"]) == ["0"]
    assert service.handle("replace_type", ["things", "n", "1", "2"]) == ["1"]
    assert service.handle("replace_type", ["things", "n", "1", "2"]) == ["0"]
    assert service.handle("prop", ["things", "n", ""]) == ["2"]


def test_deletions_return_what_was_there(service: StoreService) -> None:
    """delete_prop returns the old value; delete says whether there was a record."""
    service.handle("set", ["things", "a", "thing", "x", "1"])
    assert service.handle("delete_prop", ["things", "a", "x"]) == ["1"]
    assert service.handle("record", ["things", "a"]) == ["thing"]
    assert service.handle("delete_prop", ["things", "a", ""]) == [None]
    assert service.handle("delete", ["things", "a"]) == ["1"]
    assert service.handle("record", ["things", "a"]) == []


def test_a_database_is_made_once(service: StoreService) -> None:
    """create makes an empty database, and fails when there is one."""
    assert service.handle("create", ["new"]) == ["1"]
    assert service.handle("exists", ["new"]) == ["1"]
    with pytest.raises(UsageError, match="already"):
        service.handle("create", ["new"])


def test_a_database_may_be_named_by_its_path(service: StoreService, layout: Layout) -> None:
    """The original's path, with the root or without, means the database."""
    for path in (
        "/home/e-smith/db/configuration",
        "//home/e-smith/db/../db/configuration",
        f"{layout.database}/configuration",
    ):
        assert service.handle("prop", [path, "DomainName", ""]) == ["example.com"]


@pytest.mark.parametrize(("name", "arguments"), WRITES)
def test_a_snapshot_is_not_written(layout: Layout, name: str, arguments: list[str | None]) -> None:
    """In a template every writing operation is refused, and what is read is of one moment."""
    with open_store(layout, write=True).snapshot() as snapshot:
        service = StoreService(layout, SnapshotSource(snapshot))
        with pytest.raises(RefusedError, match="a template may not change a setting"):
            service.handle(name, arguments)
        assert service.handle("prop", ["configuration", "DomainName", ""]) == ["example.com"]


def test_a_snapshot_makes_no_database(layout: Layout) -> None:
    """In a template create says 0 and stores nothing; that there is none is noted, as a listing or as a file."""
    log = _Log()
    path = layout.under("/var/mine")
    with open_store(layout).snapshot() as snapshot:
        service = StoreService(layout, SnapshotSource(snapshot), log=log)
        for name in ("new", path):
            assert service.handle("create", [name]) == ["0"]
            assert service.handle("exists", [name]) == ["0"]
            assert service.handle("keys", [name]) == []
        for name, message in (("configuration", "already"), ("-new", "cannot be the name")):
            with pytest.raises(UsageError, match=message):
                service.handle("create", [name])
    assert log.seen == ["new"] * 3 + [("file", "/var/mine")] * 3
    assert not os.path.exists(path)


def test_a_transaction_lands_as_a_whole(layout: Layout) -> None:
    """Over an open transaction writes are seen by later reads, and are gone when it is given up."""
    store = open_store(layout, write=True)
    with pytest.raises(UsageError, match="stop"), store.transaction(Author("tester", "", ["migrate"])) as transaction:
        service = StoreService(layout, TransactionSource(transaction))
        service.handle("set", ["things", "a", "thing"])
        assert service.handle("keys", ["things"]) == ["a"]
        raise UsageError("stop")
    with store.snapshot() as snapshot:
        assert snapshot.keys("things") == []


def test_a_refused_write_leaves_nothing_of_itself_in_a_transaction(layout: Layout) -> None:
    """A migrate fragment may catch the error and go on: the record is as before."""
    with open_store(layout, write=True).transaction(Author("tester", "", ["migrate"])) as transaction:
        service = StoreService(layout, TransactionSource(transaction))
        service.handle("set", ["things", "a", "thing", "x", "1"])
        for name, more in (("set", ["thing", "x", "2", "y", "a\nb"]), ("set_props", ["x", "2", "y", "a\nb"])):
            with pytest.raises(RefusedError, match="newline"):
                service.handle(name, ["things", "a", *more])
        assert service.handle("record", ["things", "a"]) == ["thing", "x", "1"]


def test_the_schema_is_checked(service: StoreService) -> None:
    """A known property does not take a value its schema forbids; the message says what is allowed."""
    with pytest.raises(RefusedError, match="enabled") as caught:
        service.handle("set_props", ["configuration", "qpsmtpd", "DNSBL", "maybe"])
    assert caught.value.place == "configuration qpsmtpd DNSBL"


def test_each_write_is_one_journal_entry_of_the_author(service: StoreService, root: Root) -> None:
    """Several properties set together are one revision, and the journal names who did it."""
    service.handle("set_props", ["configuration", "qpsmtpd", "DNSBL", "enabled", "RHSBL", "enabled"])
    first = root.esmith("history", "--limit", "1").out
    assert "S20x" in first
    assert "DNSBL" in first
    assert "RHSBL" in first


def test_errors_are_answered_with_their_parts(service: StoreService) -> None:
    """A reply says why an operation failed: message, place, hint and exit code; the service goes on."""
    reply = service.answer([b"set", b"things", b"", b"thing"])
    assert reply == [FAILED, b"a key cannot be empty", b"things", b"name the record", b"3"]
    wrong: list[list[bytes | None]] = [
        [b"nonsense"],
        [],
        [None],
        [b"keys"],
        [b"keys", None],
        [b"set_props", b"d", b"k", b"odd"],
    ]
    for request in wrong:
        assert service.answer(request)[0] == FAILED, request
    assert service.answer([b"exists", b"accounts"]) == [DONE, b"1"]


def test_bytes_that_are_no_utf8_are_refused(service: StoreService) -> None:
    """Latin-1 is refused with the cure, and UTF-8 is kept to the byte."""
    refused = service.answer([b"set", b"things", b"a", b"thing", b"name", b"caf\xe9"])
    assert refused[0] == FAILED
    assert b"UTF-8" in (refused[1] or b"")
    service.answer([b"set", b"things", b"a", b"thing", b"name", "caf\u00e9".encode()])
    assert service.answer([b"prop", b"things", b"a", b"name"]) == [DONE, "caf\u00e9".encode()]


def test_further_operations_can_be_registered(service: StoreService) -> None:
    """The engine adds operations of its own; their errors are answered like the others'."""

    def fails(_arguments: list[str | None]) -> list[str | None]:
        raise EsmithError("no", place="here", hint="do not")

    service.register("echo", lambda arguments: [*arguments, None])
    service.register("fails", fails)
    assert service.answer([b"echo", b"a", None]) == [DONE, b"a", None, None]
    assert service.answer([b"fails"]) == [FAILED, b"no", b"here", b"do not", b"1"]


class _Log:
    """Remembers what was read."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def prop(self, database: str, key: str, prop: str, value: str | None) -> None:
        """Remember it."""
        self.seen.append((database, key, prop, value))

    def record(self, database: str, key: str, record: Record | None) -> None:
        """Remember it."""
        self.seen.append((database, key, record and record.type))

    def listing(self, database: str) -> None:
        """Remember it."""
        self.seen.append(database)

    def file(self, path: str) -> None:
        """Remember it."""
        self.seen.append(("file", path))


def test_reads_are_written_to_the_log(layout: Layout) -> None:
    """Whoever expands a template learns what it read, missing things too."""
    log = _Log()
    with open_store(layout, write=True).transaction(Author("tester", "", ["x"])) as transaction:
        transaction.set_type("things", "a", "thing")
        service = StoreService(layout, TransactionSource(transaction), log=log)
        service.handle("prop", ["things", "a", "x"])
        service.handle("record", ["/home/e-smith/db/things", "b"])
        service.handle("keys", ["things"])
        service.handle("all", ["things"])
    assert log.seen == [
        ("things", "a", "x", None),
        ("things", "b", None),
        "things",
        "things",
        ("things", "a", "thing"),
    ]
