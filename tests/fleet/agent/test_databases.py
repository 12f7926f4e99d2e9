"""Rows that bring more databases than a fleet may have: all hosts leave out the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from esmith.errors import RefusedError
from esmith.fleet.admin.reading import Journal
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.replica import checking
from esmith.fleet.replica.applying import rebuild
from esmith.fleet.replica.databases import MOST, Databases, left_out
from esmith.fleet.replica.member import Membership
from esmith.store import open_store
from esmith.store.model import Author
from tests.fleet.agent.kit import Fleet, Host, changed

pytestmark = pytest.mark.program("etcd")


def _cells(name: str, value: str | None) -> list[tuple[str | None, ...]]:
    """Return changes of a record in each of 200 databases."""
    return [("fleet", f"{name}.{one}", "k", "", value) for one in range(200)]


def _write(fleet: Fleet, host: Host, rows: Iterable[Sequence[tuple[str | None, ...]]]) -> int:
    """Have a host write rows of changes, as who has stolen it does, and return the fleet revision."""
    return [fleet.append(host, "changes", changes=tuple(cells)).number for cells in rows][-1]


def test_rows_with_more_databases_than_a_fleet_may_have(fleet: Fleet) -> None:
    """All hosts leave out the same rows, whether they follow, catch up, or replay the journal; the others count."""
    a, b = fleet.hosts
    b.start()
    b.wait(3)
    many: list[list[tuple[str | None, ...]]] = [
        [("fleet", f"d{row}.{one}", "k", "", "t") for one in range(200)] for row in range(6)
    ]
    gone = [_cells("d0", None)]
    again: list[tuple[str | None, ...]] = [("fleet", "new", "k", "", "t"), ("fleet", "d0.1", "k", "", "t")]
    last = _write(fleet, b, [*many, *gone, again, *(changed(f"{one}") for one in range(30))])
    b.wait(last)
    a.start()
    a.wait(last)
    for host in fleet.hosts:
        host.end()
    fresh = Host(fleet.name, "c", fleet.folder / "c", SigningKey.generate(), fleet.endpoints)
    fresh.make()
    journal, found = Journal.from_start(a.remote()), []
    for host, replays in ((a, False), (b, False), (b, True), (fresh, True)):
        store = open_store(host.layout, write=True)
        if replays:
            with store.transaction(Author("root", "", ["test"])) as transaction:
                rebuild(transaction, journal.applied)
        with store.snapshot() as snapshot:
            assert checking.faults(snapshot) == []
            found.append((snapshot.state("fleet", "databases"), Membership(snapshot).digest, left_out(snapshot)))
            assert snapshot.prop("configuration", "qpsmtpd", "DNSBL") == "29"
        store.close()
    assert found == [found[0]] * 4
    assert found[0][0] == b"= 203\nconfiguration 1\nd0.1 1\nnew 1"
    assert found[0][2] == {"b": 9}


def test_a_command_that_would_bring_more(fleet: Fleet) -> None:
    """A command is refused before anything is sent; what it sets for this server alone is not counted."""
    a, _ = fleet.hosts
    a.start()
    a.wait(fleet.append(a, "changes", changes=tuple(("fleet", f"d{one}", "k", "", "t") for one in range(MOST))).number)
    store = open_store(a.layout, write=True)
    try:
        with pytest.raises(RefusedError, match="may have 240"), store.transaction(Author("x", "", ["x"]), "") as one:
            one.set_type("new", "k", "t")
        with store.transaction(Author("x", "", ["x"]), "host") as one:
            one.set_type("new", "k", "t")
    finally:
        store.close()
    assert a.remote().head().number == 4


def test_the_databases_in_all() -> None:
    """Databases that come and go again and again have an end: a store keeps the table of each."""
    found = Databases({"a": 1}, 9_999)
    assert found.have_room([("fleet", "b", "k", "", "t"), ("fleet", "a", "k", "", "t"), ("fleet", "c", "k", "", None)])
    assert not found.have_room([("fleet", one, "k", "", "t") for one in ("b", "c")])
    found.note("a", -1)
    assert not found.have_room([("fleet", one, "k", "", "t") for one in ("a", "b")])
