"""A fleet without a network: an agent that takes or refuses what it is asked, and a member with a store of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from esmith.fleet.replica import asking
from esmith.fleet.replica.applying import Applied, apply_rows
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author, Record
from esmith.store.protocol import Snapshot, Store
from tests.fleet.replica.model import Cells, Change, Step

AUTHOR = Author("alice", "", ["config", "setprop"])
#: The record of a member.
THING = ("things", "a")
HOSTS = {"one": ["g1", "g2"], "two": ["g2"], "three": []}


@dataclass
class Fleet:
    """What all agreed on.

    :param journal: the rows.
    :param asked: the questions to agents.
    :param outcome: what an agent answers: ``accepted``, ``behind``, ``refused`` or ``unknown``.
    """

    journal: list[Applied] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = "accepted"

    def append(self, changes: Sequence[Change] = (), states: Mapping[str, bytes] | None = None) -> Applied:
        """Append a row."""
        number = len(self.journal) + 1
        self.journal.append(Applied(number, f"h{number}", list(changes), states or {}))
        return self.journal[-1]

    @property
    def head(self) -> str:
        """Number and hash of the last row."""
        return f"{len(self.journal)} h{len(self.journal)}" if self.journal else "0 "

    def connected(self, _root: str, _patience: float = 2.0) -> Fleet:
        """Return what answers as an agent."""
        return self

    def begin(self, question: Mapping[str, Any]) -> None:
        """Hear a question."""
        self.asked.append(json.loads(json.dumps(question)))

    def answer(self) -> dict[str, Any]:
        """Answer it as an agent does."""
        sent = self.asked[-1]
        if self.outcome == "accepted":
            assert sent["base"] == self.head
            row = self.append([(one[0], one[1], one[2], one[3], one[4]) for one in sent["changes"]])
            return {"outcome": "accepted", "revision": row.revision, "hash": row.hash}
        return {"outcome": self.outcome, "head": 7, "message": "etcd is away", "hint": "wait"}

    def send(self, question: Mapping[str, object]) -> None:
        """Hear what a command sends its agent."""
        self.asked.append(dict(question))

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A fleet that accepts everything."""
    made = Fleet()
    monkeypatch.setattr(asking, "Agent", made.connected)
    return made


@pytest.fixture
def member(tmp_path: Path, fleet: Fleet) -> Iterator[Store]:
    """A member with one record, which the fleet has; it is in the groups g1 and g2."""
    store = make_member(tmp_path, "one")
    row = fleet.append([("fleet", *THING, "", "v"), ("fleet", *THING, "p", "1")])
    with store.transaction(AUTHOR) as transaction:
        apply_rows(transaction, [row])
    yield store
    store.close()


def member_row(name: str) -> tuple[str, bytes]:
    """Return the row of a member."""
    return f"member/{name}", json.dumps({"groups": HOSTS[name]}).encode()


def make_member(root: Path, host: str, cells: Cells | None = None) -> Store:
    """Make a root whose server is a member.

    :param cells: its settings.
    """
    store = open_store(Layout(str(root)), create=True)
    with store.transaction(AUTHOR) as transaction:
        for (database, key, prop), value in sorted((cells or {}).items()):
            if prop:
                transaction.set_prop(database, key, prop, value)
            else:
                transaction.set_type(database, key, value)
    with store.transaction(AUTHOR) as transaction:
        rows = {"host": host.encode(), "name": b"mail", "revision": b"0 ", **dict(map(member_row, HOSTS))}
        for name, row in rows.items():
            transaction.set_state("fleet", name, row)
    return store


def take(transaction: Any, steps: list[Step]) -> None:
    """Take steps; a property of a record that is not there is left out."""
    for name, (database, key, *words) in steps:
        if name == "set_record":
            props = dict(zip(words[1::2], words[2::2], strict=True))
            transaction.set_record(database, Record(key, words[0], props))
        elif name == "set_records":
            transaction.set_records(database, [(key, "\0".join(words))])
        elif name != "set_prop" or transaction.type_of(database, key) is not None:
            getattr(transaction, name)(database, key, *words)


def cells_of(snapshot: Snapshot) -> Cells:
    """Return all settings."""
    found: Cells = {}
    for database in snapshot.databases():
        for record in snapshot.records(database):
            found[database, record.key, ""] = record.type
            found |= {(database, record.key, prop): value for prop, value in record.props.items()}
    return found
