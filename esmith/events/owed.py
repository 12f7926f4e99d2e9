"""What services are still owed: words that were not told yet, kept in the store until they are.

See docs/concepts.md#pending-actions.
A row is written in the same transaction that records the files that were installed, and deleted when the service was
told or has started since. So a restart is lost neither by a crash nor by a supervisor that is down.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from esmith.services.words import strongest
from esmith.store.model import Author
from esmith.store.protocol import Snapshot, Store, Transaction

#: The engine's table: service -> :class:`Owed` as JSON.
TABLE = "owed"


@dataclass(frozen=True)
class Owed:
    """What one service is owed.

    :param words: the words to tell it.
    :param since: when the last file it reads was changed, in seconds since 1970.
    :param why: the command that changed it.
    :param tried: when it was last tried in vain, in seconds since 1970; 0 for never.
    """

    words: list[str]
    since: float
    why: str
    tried: float = 0.0


def list_owed(snapshot: Snapshot) -> dict[str, Owed]:
    """Return what is owed, by service."""
    return {service: Owed(**json.loads(row)) for service, row in snapshot.states(TABLE)}


def owe(transaction: Transaction, services: Mapping[str, list[str]], why: str) -> None:
    """Record that services are owed words; to one that is owed something already, the strongest word of both.

    :param why: the command.
    """
    before = list_owed(transaction)
    for service, words in services.items():
        if words:
            known = before[service].words if service in before else []
            together = words if known in ([], words) else [strongest([*known, *words])]
            _write(transaction, service, Owed(together, time.time(), why))


def note_attempt(store: Store, service: str, words: list[str], why: str) -> None:
    """Record that a service was told in vain; it stays owed."""
    with store.transaction(Author.current([why])) as transaction:
        known = list_owed(transaction).get(service)
        owed = known or Owed(words, time.time(), why)
        _write(transaction, service, Owed(owed.words, owed.since, owed.why, time.time()))


def settle(store: Store, services: Mapping[str, Owed | None]) -> None:
    """Record that services are owed nothing any more, or what they were owed before.

    :param services: the services, each with what it was owed before the reason for the rest went; None for nothing.
    """
    with store.snapshot() as snapshot:
        known = list_owed(snapshot)
    changed = {service: owed for service, owed in services.items() if known.get(service) != owed}
    if changed:
        with store.transaction(Author.current(["esmith"])) as transaction:
            put_owed(transaction, changed)


def put_owed(transaction: Transaction, services: Mapping[str, Owed | None]) -> None:
    """Record what services are owed, whatever they were owed before; None for nothing."""
    for service, owed in services.items():
        _write(transaction, service, owed)


def _write(transaction: Transaction, service: str, owed: Owed | None) -> None:
    transaction.set_state(TABLE, service, None if owed is None else json.dumps(asdict(owed)).encode())
