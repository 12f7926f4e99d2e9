"""The end of a transaction on a member: what a command says, what it sends, and what is left when something fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from esmith.errors import RefusedError, StoreError, UsageError
from esmith.fleet.replica import applying, asking, checking, overrides
from esmith.fleet.replica.member import Membership
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.behind import BehindError
from esmith.store.lmdb.commit import Commit
from esmith.store.lmdb.transaction import LmdbTransaction
from esmith.store.model import Author, Record
from esmith.store.protocol import Store
from tests.fleet.replica.fleet import AUTHOR, THING, Fleet, cells_of, make_member, take
from tests.fleet.replica.model import Cells, Step


def change(store: Store, layer: str | None, *steps: Step) -> list[str]:
    """Take steps in a transaction, and return what is to be printed."""
    with store.transaction(AUTHOR, layer) as transaction:
        take(transaction, list(steps))
    return transaction.notes


def cells(store: Store) -> Cells:
    """Return all settings; the layers have to agree with them."""
    with store.snapshot() as snapshot:
        assert checking.faults(snapshot) == []
        return cells_of(snapshot)


def value(store: Store, prop: str = "p") -> str | None:
    """Return a property of the record."""
    return cells(store).get((*THING, prop))


def everything(store: Store) -> list[Any]:
    """Return all that is stored but the schema files."""
    with store.snapshot() as snapshot:
        tables = [list(snapshot.states(table)) for table in ("fleet", "layers", "overrides")]
        return [cells_of(snapshot), *tables, snapshot.revision()]


def test_what_a_command_says(member: Store) -> None:
    """A line for each layer says for whom a change counts, and one what is only of this host."""
    assert change(member, "", ("set_prop", (*THING, "p", "2"))) == ["changed for the fleet: 3 hosts"]
    assert change(member, "group:g2", ("set_prop", (*THING, "p", "3"))) == ["changed for group g2: 2 hosts (one, two)"]
    assert change(member, "", ("set_prop", (*THING, "p", "4")), ("set_prop", (*THING, "Password", "x"))) == [
        "changed for group g2: 2 hosts (one, two)",
        "only of this host: things a Password",
    ]
    assert change(member, "local", ("set_prop", (*THING, "p", "5"))) == [
        "only of this host, until it is pushed: things a p"
    ]
    assert change(member, None, ("set_prop", (*THING, "q", "5"))) == []
    assert value(member) == "5"


def test_a_value_that_does_not_show(member: Store) -> None:
    """A layer that was chosen gets its value also where another one wins, and the command says which."""
    change(member, "group:g1", ("set_prop", (*THING, "p", "near")))
    assert change(member, "fleet", ("set_prop", (*THING, "p", "far"))) == [
        "changed for the fleet: 3 hosts",
        "group g1 has another value of things a p and wins on this host",
    ]
    assert value(member) == "near"
    change(member, "host", ("set_prop", (*THING, "p", "own")))
    assert change(member, "group:g1", ("set_prop", (*THING, "p", "x")))[1:] == [
        "this host has another value of things a p of its own, which goes before"
    ]
    assert value(member) == "own"
    assert change(member, "group:g9", ("set_prop", (*THING, "p", "x"))) == [
        "changed for group g9, in which no host is; hosts are in: g1, g2",
        "this host is not in group g9, and stays as it is",
    ]
    assert value(member) == "own"


def test_a_layer_that_has_it_so_already(member: Store, fleet: Fleet) -> None:
    """What a layer has already is not sent."""
    assert change(member, "fleet", ("set_prop", (*THING, "p", "1"))) == ["the fleet has it so already"]
    assert fleet.asked == []


def test_deleting_in_a_layer_shows_the_one_below(member: Store) -> None:
    """A property that is deleted in a group is that of the fleet again, and then gone."""
    change(member, "group:g1", ("set_prop", (*THING, "p", "near")))
    assert change(member, "", ("delete_prop", (*THING, "p"))) == ["changed for group g1: 1 host (one)"]
    assert value(member) == "1"
    change(member, "", ("delete_prop", (*THING, "p")))
    assert value(member) is None


def test_a_record_of_this_host_is_shared_as_a_whole(member: Store, fleet: Fleet) -> None:
    """A record no layer knows is sent with all it has, but for its secrets, when a part of it is."""
    change(member, None, ("set_record", ("things", "b", "v", "p", "1", "DbPassword", "s")))
    change(member, "", ("set_prop", ("things", "b", "q", "2")))
    assert sorted(fleet.asked[0]["changes"]) == [
        ["fleet", "things", "b", "", "v"],
        ["fleet", "things", "b", "p", "1"],
        ["fleet", "things", "b", "q", "2"],
    ]


def test_an_engine_that_makes_a_record_the_layers_know_of(member: Store) -> None:
    """What a layer has of a record shows as soon as the engine makes it, before the engine's own defaults."""
    with member.transaction(AUTHOR) as transaction:
        changes = [("fleet", "things", "b", "p", "shared"), ("fleet", "things", "b", "q", "too")]
        applying.apply_changes(transaction, changes, revision=2, hash="h2")
    assert not any(cell[1] == "b" for cell in cells(member))
    change(member, None, ("set_record", ("things", "b", "v", "p", "default")))
    assert {cell[2]: text for cell, text in cells(member).items() if cell[1] == "b"} == {
        "": "v",
        "p": "shared",
        "q": "too",
    }


def test_what_the_engine_sets_back_is_not_marked(member: Store) -> None:
    """The engine's change of a shared value is one of this host; back at the shared value it is none any more."""
    change(member, None, ("set_prop", (*THING, "p", "x")))
    with member.snapshot() as snapshot:
        assert [(cell, mark.kind) for cell, mark in overrides.all_marks(snapshot)] == [((*THING, "p"), "host")]
    change(member, None, ("set_prop", (*THING, "p", "1")))
    with member.snapshot() as snapshot:
        assert list(overrides.all_marks(snapshot)) == []


def test_what_is_of_a_host_cannot_be_shared(member: Store, fleet: Fleet) -> None:
    """A layer refuses what is of one host by its nature; nothing is changed then."""
    before = everything(member)
    with pytest.raises(RefusedError, match="no layer can have it"):
        change(member, "fleet", ("set_prop", (*THING, "Password", "x")))
    assert everything(member) == before
    assert fleet.asked == []


def test_no_such_layer(member: Store, tmp_path: Path) -> None:
    """A layer that cannot be is refused, and any layer on a server that is in no fleet."""
    with pytest.raises(UsageError, match="no layer"):
        change(member, "group:../x", ("set_prop", (*THING, "p", "x")))
    store = open_store(Layout(str(tmp_path / "alone")), create=True)
    try:
        with pytest.raises(UsageError, match="in no fleet"), store.transaction(AUTHOR, "fleet"):
            raise AssertionError("it begins")
        with store.transaction(AUTHOR, "") as transaction:
            transaction.set_type("things", "a", "v")
    finally:
        store.close()


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        ("behind", BehindError),
        ("refused", asking.FleetRefusesError),
        ("unknown", asking.UnsettledError),
        ("?", asking.UnsettledError),
    ],
)
def test_what_is_not_accepted_changes_nothing(
    member: Store, fleet: Fleet, outcome: str, error: type[Exception]
) -> None:
    """Whatever else the agent says, the settings, layers and marks stay as they are."""
    before, fleet.outcome = everything(member), outcome
    with pytest.raises(error) as raised:
        change(member, "", ("set_prop", (*THING, "p", "2")), ("set_prop", (*THING, "Password", "x")))
    assert everything(member) == before
    assert isinstance(raised.value, BehindError) and raised.value.head == 7 or outcome != "behind"


def test_the_agent_hears_how_it_ended(member: Store, fleet: Fleet) -> None:
    """The request has the base, the author and both parts, and the agent hears when all is stored."""
    change(member, "", ("set_prop", (*THING, "p", "2")), ("set_prop", (*THING, "Password", "secret word")))
    assert fleet.asked == [
        {
            "verb": "commit",
            "base": "1 h1",
            "author": ["alice", "", ["config", "setprop"]],
            "changes": [["fleet", "things", "a", "p", "2"]],
            "host": [["things", "a", "Password", "secret word"]],
        },
        {"verb": "done"},
    ]
    with member.snapshot() as snapshot:
        assert Membership(snapshot).base == "2 h2"
        (revision, *_) = snapshot.revisions()
        assert revision.author.command == ["config", "setprop", "(fleet 2)"]


def test_secrets_among_the_words_stay_here(member: Store, fleet: Fleet) -> None:
    """A word of the command that is a secret is masked before anything is sent."""
    author = Author("alice", "", ["db", "things", "setprop", "a", "Password", "open sesame", "p", "2"])
    with member.transaction(author, "") as transaction:
        transaction.set_prop(*THING, "Password", "open sesame")
        transaction.set_prop(*THING, "p", "2")
    assert "open sesame" not in str(fleet.asked[0]["author"])
    assert fleet.asked[0]["author"][2][-2:] == ["p", "2"]


def test_a_disk_that_is_full_after_the_fleet_took_it(
    member: Store, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says which revision the fleet has; nothing is changed here, and the agent hears no "done"."""
    before = everything(member)

    def full(_: Commit) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(StoreError) as raised:
        patched.setattr(Commit, "__enter__", full)
        change(member, "", ("set_prop", (*THING, "p", "2")))
    assert "the fleet has the change as its revision 2" in raised.value.hint
    assert raised.value.is_doubtful
    assert everything(member) == before
    assert [one["verb"] for one in fleet.asked] == ["commit"]
    # What the agent does later.
    with member.transaction(AUTHOR) as transaction:
        applying.apply_rows(transaction, fleet.journal[1:])
        applying.apply_host(transaction, [])
    assert value(member) == "2"


@pytest.mark.parametrize(
    ("outcome", "where"),
    [
        ("accepted", "esmith.fleet.replica.applying.apply_changes"),
        ("refused", "esmith.fleet.replica.applying.apply_changes"),
        ("accepted", "esmith.fleet.replica.member.reach"),
    ],
)
def test_what_cannot_be_made_here(
    member: Store, fleet: Fleet, monkeypatch: pytest.MonkeyPatch, outcome: str, where: str
) -> None:
    """A fault here while the fleet is asked: the error says whether the fleet has the change, and nothing is stored."""
    before, fleet.outcome = everything(member), outcome

    def full(*_: object, **__: object) -> None:
        raise StoreError("no room")

    with monkeypatch.context() as patched, pytest.raises(StoreError) as raised:
        patched.setattr(where, full)
        change(member, "", ("set_prop", (*THING, "p", "2")))
    is_there = outcome == "accepted"
    assert isinstance(raised.value, asking.FleetRefusesError) != is_there
    assert ("the fleet has the change as its revision 2" in raised.value.hint) == raised.value.is_doubtful == is_there
    assert everything(member) == before
    assert [one["verb"] for one in fleet.asked] == ["commit"]


class _KilledError(Exception):
    """Ends a command anywhere."""


def test_an_end_anywhere_leaves_old_or_new(tmp_path: Path, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ends at any write leaves all as before, and the agent makes the same of it as the command."""
    steps: list[Step] = [
        ("set_prop", (*THING, "p", "2")),
        ("set_prop", (*THING, "Password", "s")),
        ("delete_prop", (*THING, "q")),
        ("set_record", ("things", "new", "w", "p", "3")),
    ]
    number = [0, 0]
    real = LmdbTransaction.set_state

    def counted(self: LmdbTransaction, table: str, name: str, content: bytes | None) -> None:
        number[0] += 1
        if number[0] == number[1]:
            raise _KilledError
        real(self, table, name, content)

    store = make_member(tmp_path, "one")
    first = fleet.append([("fleet", *THING, "", "v"), ("fleet", *THING, "p", "1"), ("group:g1", *THING, "q", "1")])
    with store.transaction(AUTHOR) as transaction:
        applying.apply_rows(transaction, [first])
    before = everything(store)
    monkeypatch.setattr(LmdbTransaction, "set_state", counted)
    for at in range(1, 20):
        number[:] = [0, at]
        try:
            change(store, "", *steps)
        except _KilledError:
            assert everything(store) == before
            # The fleet may have it or not; here it is tried again as if it had not.
            del fleet.journal[1:]
            continue
        break
    assert at > 3
    done = everything(store)
    store.close()
    # The same by the agent, of the request that was durable before it was sent.
    request, number[1] = [one for one in fleet.asked if one["verb"] == "commit"][-1], 0
    other = make_member(tmp_path / "other", "one")
    with other.transaction(AUTHOR) as transaction:
        applying.apply_rows(transaction, [first])
    with other.transaction(AUTHOR) as transaction:
        applying.apply_rows(transaction, [applying.Applied(2, "h2", request["changes"])])
        applying.apply_host(transaction, [(one[0], one[1], one[2], one[3]) for one in request["host"]])
    assert everything(other)[0] == done[0]
    assert everything(other)[2:4] == done[2:4]
    other.close()


def test_savepoints_and_many_records(member: Store, fleet: Fleet) -> None:
    """An import of many records goes to the layer that was chosen; what a savepoint took back does not."""
    with member.transaction(AUTHOR, "group:g2") as transaction:
        transaction.set_records("things", ((f"k{number}", f"v\0p\0{number}") for number in range(200)))
        with pytest.raises(_KilledError), transaction.savepoint():
            transaction.set_record("things", Record("other", "v", {}))
            raise _KilledError
    assert len(fleet.asked[0]["changes"]) == 400
    assert {change[0] for change in fleet.asked[0]["changes"]} == {"group:g2"}
    assert cells(member)["things", "k199", "p"] == "199"
    assert ("things", "other", "") not in cells(member)


def test_names_that_are_too_long_for_a_row(member: Store) -> None:
    """A database with the longest key and property has layers and marks as any other."""
    database, key, prop = "d" * 100, "k" * 255, "p" * 255
    change(member, "", ("set_record", (database, key, "v", prop, "1")))
    change(member, None, ("set_prop", (database, key, prop, "2")))
    assert cells(member)[database, key, prop] == "2"
    with member.snapshot() as snapshot:
        assert [cell for cell, _ in overrides.all_marks(snapshot)] == [(database, key, prop)]
        assert [origin.source for origin in Membership(snapshot).origins(database, key)] == ["fleet", "host"]
    change(member, "", ("delete_record", (database, key)))
    assert (database, key, "") not in cells(member)
    with member.snapshot() as snapshot:
        assert list(overrides.all_marks(snapshot)) == []
