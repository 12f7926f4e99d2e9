"""What is noticed when a member is not as its layers have it, and what a server without a fleet does not do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from esmith.errors import EsmithError, StoreError
from esmith.fleet.replica import applying, checking, databases, layers, overrides
from esmith.fleet.replica.member import Membership
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.lmdb import member as member_module
from esmith.store.lmdb.transaction import LmdbTransaction
from esmith.store.protocol import Store, Transaction
from tests.fleet.replica.fleet import AUTHOR, THING, Fleet, cells_of, make_member


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda one: one.set_prop(*THING, "p", "9"), "things a p is not what"),
        (lambda one: one.delete_prop(*THING, "p"), "things a p is not what"),
        (lambda one: one.set_type(*THING, "w"), "things a is not what"),
        (lambda one: one.set_state("fleet", "digest", b"0" * 64), "the digest"),
        (lambda one: one.set_state("layers", "things\0c", b"fleet\0p\x001"), "the digest"),
        (lambda one: one.set_state("layers", "things\0a", b"fleet\0p"), "cannot be read"),
        (lambda one: one.set_state("layers", "things\0a", b"\xff\0\0v"), "cannot be read"),
        (lambda one: one.set_state("layers", "things", b"fleet\0\0v"), "cannot be read"),
        (lambda one: one.set_state("overrides", "things\0a\0p", b"why"), "cannot be read"),
        (lambda one: one.set_state("fleet", "member/one", b"{}"), "cannot be read"),
        (lambda one: one.set_state("fleet", "digest", b"x" * 64), "cannot be read"),
    ],
)
def test_what_is_not_as_the_layers_have_it(member: Store, spoil: Callable[[Transaction], None], fault: str) -> None:
    """Each kind of difference between settings and layers is found, and rows that are damaged."""
    with member.transaction(AUTHOR) as transaction:
        assert checking.faults(transaction) == []
        spoil(transaction)
        found = checking.faults(transaction)
    assert len(found) == 1
    assert fault in found[0]


def test_a_replay_repairs_what_is_damaged(member: Store, fleet: Fleet) -> None:
    """A replay of the journal makes layers, digest and settings again, and leaves this host's own."""
    with member.transaction(AUTHOR) as transaction:
        transaction.set_type("things", "own", "v")
        transaction.set_prop(*THING, "p", "of this host")
    with member.transaction(AUTHOR) as transaction:
        transaction.set_state("layers", "things\0a", b"fleet\0p")
        transaction.set_state("layers", "\1broken", b"x")
        transaction.set_state("fleet", "digest", b"1" * 64)
        transaction.set_state("fleet", "member/gone", b"{}")
    states = {"member/one": b'{"groups": ["g3"]}'}
    with member.transaction(AUTHOR) as transaction:
        first = fleet.journal[0]
        rows = [
            applying.Applied(1, "h1", first.changes, states),
            applying.Applied(2, "h2", [("group:g3", *THING, "q", "3")]),
        ]
        applying.rebuild(transaction, rows)
    with member.snapshot() as snapshot:
        assert checking.faults(snapshot) == []
        assert cells_of(snapshot) == {
            (*THING, ""): "v",
            (*THING, "p"): "of this host",
            (*THING, "q"): "3",
            ("things", "own", ""): "v",
        }
        assert Membership(snapshot).base == "2 h2"
        assert Membership(snapshot).members() == {"one": ["g3"]}
        assert Membership(snapshot).digest == applying.digest_of(snapshot)


def test_a_replay_without_settings_repairs_the_databases(member: Store) -> None:
    """What is known of the databases goes with the layers, also where the journal gives none."""
    with member.transaction(AUTHOR) as transaction:
        transaction.set_state(databases.TABLE, databases.STATE, b"damaged")
    with member.transaction(AUTHOR) as transaction:
        applying.rebuild(transaction, [applying.Applied(1, "h1", [], {"member/one": b'{"groups": []}'})])
    with member.snapshot() as snapshot:
        found = databases.Databases.of(snapshot)
        assert (found.counts, found.begun) == ({}, 0)


def test_a_digest_does_not_depend_on_the_way(tmp_path: Path) -> None:
    """Members with the same layers have the same digest, whatever their own groups are and how they got there."""
    digests = set()
    rows = [
        applying.Applied(1, "h1", [("fleet", *THING, "", "v"), ("group:g2", *THING, "p", "1")]),
        applying.Applied(2, "h2", [("fleet", "things", "b", "", "v")]),
        applying.Applied(3, "h3", [("fleet", "things", "b", "", None)]),
    ]
    for name, parts in (("one", [rows]), ("two", [[row] for row in rows]), ("three", [rows[:1]])):
        store = make_member(tmp_path / name, name)
        for some in parts:
            with store.transaction(AUTHOR) as transaction:
                applying.apply_rows(transaction, some)
        with store.snapshot() as snapshot:
            digests.add(Membership(snapshot).digest)
        store.close()
    assert len(digests) == 1
    assert digests != {"0" * 64}


@pytest.mark.parametrize(
    "change",
    [
        ("host", *THING, "p", "1"),
        ("group:", *THING, "p", "1"),
        ("group:a/b", *THING, "p", "1"),
        ("fleet", "=layers", "a", "p", "1"),
        ("fleet", "../x", "a", "p", "1"),
        ("fleet", "things", "a\0b", "p", "1"),
        ("fleet", "things", "", "p", "1"),
        ("fleet", *THING, "p\0q", "1"),
        ("fleet", *THING, "p|q", "1"),
        ("fleet", *THING, "p", "1\0group:g1\0p\x002"),
        ("fleet", *THING, "p", "1\n"),
        ("fleet", *THING, "p", "\ud800"),
        ("fleet", *THING, "", "a|b"),
        ("fleet", *THING, "p", "x" * 70_000),
    ],
    ids=lambda change: ascii(change[:4])[:60],
)
def test_a_row_that_nobody_could_store(member: Store, change: layers.LayerChange) -> None:
    """A row with a name or a value that no store takes, or another layer, is refused as a whole."""
    with member.snapshot() as snapshot:
        before = [cells_of(snapshot), list(snapshot.states("layers")), list(snapshot.states("fleet"))]
    good = ("fleet", *THING, "p", "9")
    with pytest.raises(EsmithError), member.transaction(AUTHOR) as transaction:
        applying.apply_changes(transaction, [good, change], revision=2, hash="h2")
    with member.snapshot() as snapshot:
        assert [cells_of(snapshot), list(snapshot.states("layers")), list(snapshot.states("fleet"))] == before


def test_damaged_rows_stop_what_would_believe_them(member: Store) -> None:
    """A damaged mark or number is an error with the cure, for a command too; the settings can still be read."""
    with member.transaction(AUTHOR) as transaction:
        transaction.set_state(overrides.TABLE, "things\0a\0p", b"why")
        transaction.set_state("fleet", "revision", b"x")
    with pytest.raises(StoreError, match="resync"), member.transaction(AUTHOR, "") as transaction:
        transaction.set_prop(*THING, "p", "2")
    with member.snapshot() as snapshot:
        assert snapshot.prop(*THING, "p") == "1"
        with pytest.raises(StoreError, match="resync"):
            Membership(snapshot).revision  # noqa: B018 - that it is read is all


def test_a_server_without_a_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a fleet a transaction imports nothing more and reads no row of one, also where a fleet was left."""
    asked: list[str] = []
    real = LmdbTransaction.state

    def noted(self: LmdbTransaction, table: str, name: str) -> bytes | None:
        asked.extend([name] if table == "fleet" else [])
        return real(self, table, name)

    def refuse(name: str) -> None:
        raise AssertionError(f"imports {name}")

    monkeypatch.setattr(LmdbTransaction, "state", noted)
    monkeypatch.setattr(member_module, "import_module", refuse)
    store = open_store(Layout(str(tmp_path)), create=True)
    with store.transaction(AUTHOR, "") as transaction:
        transaction.set_type(*THING, "v")
    assert asked == []
    with store.transaction(AUTHOR) as transaction:
        transaction.set_state("fleet", "first", b"left")
    assert asked == []
    with store.transaction(AUTHOR, "") as transaction:
        transaction.set_type(*THING, "w")
    assert asked == ["host"]
    assert transaction.notes == []
    with store.snapshot() as snapshot:
        assert snapshot.type_of(*THING) == "w"
    store.close()


def test_all_databases_of_a_fleet_at_once(tmp_path: Path) -> None:
    """However many databases a server has, its store has room for all that a fleet may have, in one transaction."""
    changes = [("fleet", f"d{number}", "k", "", "t") for number in range(databases.MOST)]
    for own in (0, 250, 700):
        with closing(make_member(tmp_path / f"{own}", "mail1")) as store:
            for first in range(0, own, 50):
                with store.transaction(AUTHOR) as transaction:
                    for number in range(first, first + 50):
                        transaction.set_type(f"own{number}", "k", "t")
            with store.transaction(AUTHOR) as transaction:
                assert applying.apply_changes(transaction, changes, revision=1, hash="h1") == databases.MOST
