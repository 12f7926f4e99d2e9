"""Large revisions, whose changes stand in parts: they are read as those in one row are."""

from __future__ import annotations

from collections.abc import Iterator

import lmdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.errors import StoreError
from esmith.store import journal
from esmith.store.forget import find_former
from esmith.store.journal import Entry
from esmith.store.lmdb import parts
from esmith.store.model import FORGOTTEN, Author, Change, Record, Revision
from esmith.store.protocol import Store
from tests.commands import Root
from tests.examples import examples
from tests.store.parted import Table
from tests.store.plain import Cells
from tests.store.steps import STEPS_OF, Step, stepped, take_steps
from tests.store.stores import AUTHOR, bare_root, cells, contents, data_file, opened, put

TEXTS = st.sampled_from(["", "a", "user", "hunter2", "x hunter2", "é", "y" * 50, "\t", "\\t", "1", "+1"])
CHANGES = st.lists(
    st.builds(
        Change,
        st.sampled_from(["a", "ab"]),
        st.sampled_from(["k", "l", "1", "user"]),
        st.sampled_from(["", "p", "q", "1"]),
        TEXTS | st.sampled_from([None, FORGOTTEN]),
        TEXTS | st.sampled_from([None, FORGOTTEN]),
    ),
    max_size=12,
)
WORDS = st.lists(
    st.sampled_from(["esmith", "import", "/a/hunter2/x", "hunter2", "", "users", "a\\tb", "1"]), max_size=4
)
SIZES = st.sampled_from([0, 20, 60, 200, 2**16])


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each revision of more than two changes or so written in parts."""
    monkeypatch.setattr(journal, "LONGEST_ROW", 60)


def shown(changes: list[Change]) -> list[tuple[object, ...]]:
    """Return changes in their order, in a form that can be compared."""
    return [(*change.cell, change.old, change.new) for change in changes]


@given(changes=CHANGES, words=WORDS, size=SIZES)
@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_revision_in_parts_is_read_as_any_other(
    monkeypatch: pytest.MonkeyPatch, changes: list[Change], words: list[str], size: int
) -> None:
    """However long parts may be: all that is asked of a revision is what one row of it says."""
    revision = Revision(7, 123, Author("me", "you", words), changes)
    whole = Entry(7, journal.encode(revision))
    monkeypatch.setattr(journal, "LONGEST_ROW", size)
    entry = Table().entry(revision)
    assert (entry.number, entry.time, entry.count) == (7, 123, len(changes))
    assert (entry.author.user, entry.author.sudo_user, entry.author.command) == ("me", "you", words)
    assert shown(list(entry)) == shown(changes) == shown(entry.revision().changes)
    assert set(entry.databases()) == set(whole.databases())
    for database in (None, "a", "ab", "b"):
        for key in (None, "k", "1", "user", "hunter2"):
            assert entry.is_about(database, key) == whole.is_about(database, key)
    noted = entry.in_command()
    if noted is not None:
        text = "\0".join(words)
        assert set(noted) == {
            (change.database, change.prop, value)
            for change in changes
            for value in (change.old, change.new)
            if value and value != FORGOTTEN and value in text
        }


@given(changes=CHANGES)
@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_part_is_not_longer_than_it_may_be(monkeypatch: pytest.MonkeyPatch, changes: list[Change]) -> None:
    """Only a part of a single change may be longer; and a revision that fits into a row has no parts."""
    revision = Revision(7, 123, AUTHOR, changes)
    monkeypatch.setattr(journal, "LONGEST_ROW", 60)
    table = Table()
    table.entry(revision)
    assert bool(table.rows) == (len(journal.encode(revision)) > 60)
    for row in table.rows.values():
        characters = len(row.decode())
        assert characters <= 60 + len("ab\0user\0+12\0") or len(list(parts._fields_of(row.decode()))) == 5


@pytest.mark.usefixtures("short")
@given(transactions=st.lists(STEPS_OF, max_size=5))
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_transactions_in_parts(store: Store, transactions: list[list[Step]]) -> None:
    """What transactions change is in the journal, in the order of their revisions, also where it is in parts."""
    now: Cells = {
        (name, record.key, prop): value
        for name, records in contents(store).items()
        for record in records
        for prop, value in {"": record.type, **record.props}.items()
    }
    wanted = []
    for steps in transactions:
        found = stepped(now, steps)
        if found is None:
            continue
        with store.transaction(AUTHOR) as transaction:
            take_steps(transaction, steps)
        every = now.keys() | found[0].keys()
        changed = {(*c, now.get(c), found[0].get(c)) for c in every if now.get(c) != found[0].get(c)}
        wanted += [changed] if changed else []
        now = found[0]
    with store.snapshot() as snapshot:
        made = [cells(list(entry)) for entry in snapshot.journal()][: len(wanted)]
        numbers = [entry.number for entry in snapshot.journal()]
    assert made == wanted[::-1]
    assert numbers == list(range(len(numbers), 0, -1))


def import_many(store: Store, count: int = 300) -> None:
    """Write many records in one transaction."""
    with store.transaction(Author("me", "", ["esmith", "import", "/x/secret-7"])) as transaction:
        for number in range(count):
            transaction.set_record("t", Record(f"k{number:04}", "v", {"Password": f"secret-{number}", "p": "x" * 300}))


@pytest.fixture
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    """Return a root with a revision in parts."""
    root = bare_root(tmp_path_factory.mktemp("large") / "root")
    with opened(root.path) as store:
        import_many(store)
    yield root


def test_only_what_is_asked_for_is_read(large: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first changes of a large revision are in its first part, and one record is found without taking all apart."""
    read: list[int] = []
    decode = parts._decoded

    def decoded(part: bytes) -> list[str]:
        read.append(1)
        return decode(part)

    monkeypatch.setattr(parts, "_decoded", decoded)
    with opened(large.path, write=False) as store, store.snapshot() as snapshot:
        (entry,) = snapshot.journal()
        assert entry.count == 900
        assert next(iter(entry)).key == "k0000"
        assert len(read) == 1
        assert entry.is_about("t", "k0299")
        assert not entry.is_about("t", "k0300")
        assert not entry.is_about("u", None)
        assert len(read) == 2
        assert entry.in_command() == {("t", "Password", "secret-7")}


def test_the_history_of_a_large_revision(large: Root) -> None:
    """The history shows the first changes, finds records, and masks a secret that the command shows."""
    shown = large.esmith("history").out
    assert "    t k0000 Password: (none) -> ****\n" in shown
    assert "... and 880 more" in shown
    assert "esmith import /x/****" in shown
    assert large.esmith("history", "--key", "k0299").out == shown
    assert large.esmith("history", "--database", "t").out == shown
    assert large.esmith("history", "--key", "k0300").out == ""


def test_a_large_revision_is_undone(large: Root) -> None:
    """Undo takes a large revision back; that is a large one as well."""
    large.esmith("undo", "--force", "1")
    with opened(large.path, write=False) as store:
        assert contents(store) == {"t": []}
        with store.snapshot() as snapshot:
            assert [entry.count for entry in snapshot.journal()] == [900, 900]
    large.esmith("undo", "2")
    with opened(large.path, write=False) as store:
        assert len(contents(store)["t"]) == 300


def test_a_value_is_forgotten_in_parts(large: Root) -> None:
    """A forgotten value is in no part, no row and no free page; the other changes are as before."""
    with opened(large.path) as store:
        put(store, "t", "k0007", "v", {"Password": "another"})
        with store.transaction(AUTHOR) as transaction:
            former = find_former(transaction, ("t", "k0007", "Password"), lambda value: len(value) > 3)
            transaction.rewrite(former.revisions)
        erased = store.erase(former.values)
        assert (former.values, erased.left) == ({"secret-7"}, 0)
        with store.snapshot() as snapshot:
            first = [entry.revision() for entry in snapshot.journal()][-1]
    assert first.author.command == ["esmith", "import", f"/x/{FORGOTTEN}"]
    assert len(first.changes) == 900
    assert [change.new for change in first.changes if change.cell[1:] == ("k0007", "Password")] == [FORGOTTEN]
    assert [change.new for change in first.changes if change.cell[1:] == ("k0008", "Password")] == ["secret-8"]
    data = data_file(large).read_bytes()
    assert b"secret-7\0" not in data and b"secret-8" in data


def test_a_revision_that_becomes_small_has_no_parts(large: Root) -> None:
    """Parts of a revision that is written again, and fits into a row then, are gone."""
    with opened(large.path) as store:
        with store.transaction(AUTHOR) as transaction:
            transaction.rewrite([Revision(1, 5, AUTHOR, [Change("t", "k", "", None, "v")])])
        with store.snapshot() as snapshot:
            assert shown([*snapshot.revisions()][-1].changes) == [("t", "k", "", None, "v")]
            assert list(snapshot.states("journal/parts")) == []


def test_a_missing_part_is_damage(large: Root) -> None:
    """Where a part is missing or damaged an error says so, and nothing of it is shown as if it were all."""
    with lmdb.open(str(data_file(large).parent), max_dbs=100) as env, env.begin(write=True) as txn:
        table = env.open_db(b"=journal/parts", txn=txn, create=False)
        txn.delete(parts.row_key(1, 1), db=table)
    with opened(large.path) as store:
        put(store, "t", "other", "v")
        with pytest.raises(StoreError, match="a part of the journal"), store.snapshot() as snapshot:
            list(snapshot.revisions())
        with store.snapshot() as snapshot:
            assert next(snapshot.revisions()).number == 2


def test_an_older_program_shows_nothing_of_it(large: Root) -> None:
    """A program that knows only whole rows finds such a row damaged, whatever the author and the command are."""
    with opened(large.path, write=False) as store, store.snapshot() as snapshot:
        row = snapshot.state("journal", "\0\0\0\0\0\0\0\x01")
    assert row is not None
    for sudo_user in ("", "7", "bob"):
        with pytest.raises(ValueError):
            Entry(1, row.replace(b"me\0\0", f"me\0{sudo_user}\0".encode(), 1))
