"""Pending actions: what services still have to get, kept in the store until it was carried out.

See docs/concepts.md#pending-actions. A row is written in the same transaction that records the files that were
installed, and deleted when the action was carried out or the service has started since. So a restart is lost neither by
a crash nor by a supervisor that does not run.
"""

from __future__ import annotations

import time

from esmith.contexts import suppress
from esmith.errors import UsageError
from esmith.fields import dataclass, replace
from esmith.services.actions import check_action, strongest
from esmith.store.model import Author
from esmith.store.table import DamagedRowError, StateTable, decode_json, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from esmith.services.model import ServiceStatus
    from esmith.store.protocol import Snapshot, Store, Transaction


@dataclass(frozen=True)
class PendingAction:
    """What one service still has to get.

    :param actions: the service actions, in order; none to only start or stop it as its status asks.
    :param since: when the last file it reads was changed, in seconds since 1970.
    :param why: the command that changed it.
    :param tried: when it was last tried without success, in seconds since 1970; 0 for never.
    :param ending: the process that was asked to end and completes what it does; 0 for none.
    :param asked: since when it is so, in seconds since 1970.
    """

    actions: list[str]
    since: float
    why: str
    tried: float = 0.0
    ending: int = 0
    asked: float = 0.0

    @classmethod
    def decode(cls, row: bytes) -> PendingAction:
        """Return what a row of the table holds.

        :raises DamagedRowError: when it is damaged.
        """
        found = decode_json(_Row, row)
        if found.words != _known_actions(found.words):
            raise DamagedRowError("has a service action that does not exist")
        return cls(found.words, found.since, found.why, found.tried, found.ending, found.asked)

    def encode(self) -> bytes:
        """Return the row of the table."""
        return encode_json(_Row(self.actions, self.since, self.why, self.tried, self.ending, self.asked))

    def has_started(self, status: ServiceStatus) -> bool:
        """Return whether the process is certain to have started after the last change, so that it has read everything.

        :param status: of the service, in which supervisors give whole seconds.
        """
        if status.pid is None:
            return False
        if self.ending and self.since <= self.asked:
            # The process that was to end ran after the change, so another one has started since.
            return status.pid != self.ending
        return time.time() - status.seconds - 1 > self.since

    def is_ending(self, status: ServiceStatus) -> bool:
        """Return whether the process that was asked to end is still there."""
        return self.ending != 0 and status.pid == self.ending


@dataclass
class _Row:
    """A row of the table; those that exist call the actions words."""

    words: list[str]
    since: float
    why: str
    tried: float = 0.0
    ending: int = 0
    asked: float = 0.0


#: The engine's table: service -> :class:`PendingAction`. It has this name in the databases that exist.
TABLE = "owed"
PENDING = StateTable(
    TABLE,
    PendingAction.decode,
    PendingAction.encode,
    lambda service: f"service {service} may still have to be restarted, to read its files",
    lambda service, _: "/" not in service,
)


def list_pending(snapshot: Snapshot) -> dict[str, PendingAction]:
    """Return the pending actions, by service."""
    return PENDING.rows(snapshot)


def add_pending(transaction: Transaction, services: Mapping[str, list[str]], why: str) -> None:
    """Record actions as pending. Where one is pending already, the stronger of both is.

    :param services: the services, each with its actions.
    :param why: the command.
    """
    before = list_pending(transaction)
    for service, words in services.items():
        actions = _known_actions(words)
        if actions:
            known = before.get(service, PendingAction([], 0.0, why))
            together = actions if known.actions in ([], actions) else [strongest([*known.actions, *actions])]
            pending = PendingAction(together, time.time(), why, ending=known.ending, asked=known.asked)
            PENDING.put(transaction, service, pending)


def record_attempt(store: Store, service: str, actions: list[str], why: str, *, ending: int = 0) -> PendingAction:
    """Record that actions were tried without success; they stay pending.

    :param ending: the process that was asked to end and still completes what it does; 0 for none.
    :return: what is pending now.
    """
    now = time.time()
    with store.transaction(Author.current([why])) as transaction:
        known = list_pending(transaction).get(service) or PendingAction(actions, now, why)
        asked = (known.asked if known.ending == ending else now) if ending else 0.0
        pending = replace(known, tried=now, ending=ending, asked=asked)
        PENDING.put(transaction, service, pending)
    return pending


def settle(store: Store, services: Mapping[str, PendingAction | None]) -> None:
    """Record what is pending for services from now on, in a transaction of its own; no transaction without a change.

    :param services: the services, each with what was pending before the reason for the rest went; None for nothing.
    """
    with store.snapshot() as snapshot:
        known = list_pending(snapshot)
    changed = {service: pending for service, pending in services.items() if known.get(service) != pending}
    if changed:
        with store.transaction(Author.current(["esmith"])) as transaction:
            put_pending(transaction, changed)


def put_pending(transaction: Transaction, services: Mapping[str, PendingAction | None]) -> None:
    """Record what is pending for services, whatever was pending before; None for nothing."""
    for service, pending in services.items():
        PENDING.put(transaction, service, pending)


def _known_actions(actions: list[str]) -> list[str]:
    """Return the service actions of these that exist: those of a generation may come from another version."""
    found = []
    for action in actions:
        with suppress(UsageError):
            check_action(action)
            found.append(action)
    return found
