"""What a job is to do; and its settings: the records that go at its end, and all of them set back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esmith.events.confirm import find_unconfirmed, set_unconfirmed
from esmith.events.unsettled import BACK, DONE, Unsettled, note_phase
from esmith.fields import replace
from esmith.repeating import repeat
from esmith.store.model import Author
from esmith.store.undo import take_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.events.confirm import UnconfirmedChange
    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.store.model import Revision
    from esmith.store.protocol import Store


@dataclass
class Plan:
    """What a job is to do.

    :param author: who asked for it, for the journal.
    :param events: the events to signal, each with its arguments.
    :param deletes: the records that go when they have ended: database, key and type of each.
    :param revision: the revision of the settings that were stored for it; None for none.
    :param generation: the number of the last install before.
    :param confirm: seconds after which all is rolled back unless it is confirmed; None for never.
    :param first: what is done before the events; it returns what the administrator should know of it.
    :param act: what is done instead of events; it returns what is to stand in the result.
    """

    author: Author
    events: list[list[str]] = field(default_factory=list)
    deletes: list[list[str]] = field(default_factory=list)
    revision: int | None = None
    generation: int = 0
    confirm: float | None = None
    first: Callable[[Session], str] | None = None
    act: Callable[[Session], dict[str, Any]] | None = None

    @property
    def row(self) -> Unsettled:
        """The row that says what is to be done when the job is killed."""
        return Unsettled(self.revision or 0, self.generation, self.events, self.deletes)


def delete_records(layout: Layout, store: Store, plan: Plan, job: str) -> None:
    """Delete the records that go when the events of a job have ended, and note that all of it is done.

    :raises StoreError: when it cannot be stored.
    """
    repeat(layout, lambda: _delete_records(store, plan, job))


def _delete_records(store: Store, plan: Plan, job: str) -> None:
    with store.transaction(plan.author, "") as transaction:
        for database, key, type in plan.deletes:
            if transaction.type_of(database, key) == type:
                transaction.delete_record(database, key)
        note_phase(transaction, job, DONE)
        change = find_unconfirmed(transaction)
        if change is not None and is_part(plan, change):
            # What is rolled back at the deadline are these records, too.
            set_unconfirmed(transaction, replace(change, settings_to=transaction.revision() + 1))


def set_back(store: Store, plan: Plan, job: str, why: str) -> int:
    """Set the settings of a job back, and return how many stay because they were changed since.

    In a fleet this changes this server only, as each change does that is rolled back.

    :param why: what the journal says.
    :raises StoreError: when it cannot be stored.
    """
    assert plan.revision is not None
    author = Author(plan.author.user, plan.author.sudo_user, [*plan.author.command, why])
    own, mark = plan.revision, actor(plan.author.user, job)

    def among(revision: Revision) -> bool:
        # What actions of its events changed belongs to it.
        return revision.number == own or revision.author.sudo_user == mark

    with store.transaction(author) as transaction:
        kept = take_back(transaction, own - 1, transaction.revision(), among=among)
        note_phase(transaction, job, BACK)
        change = find_unconfirmed(transaction)
        if change is not None and plan.confirm is not None and is_part(plan, change):
            # One that waited before waits on, for itself alone.
            begun_here = change.generation > plan.generation
            set_unconfirmed(transaction, None if begun_here else replace(change, settings_to=own - 1))
    return len(kept)


def is_part(plan: Plan, change: UnconfirmedChange) -> bool:
    """Return whether the settings of a job are among what is rolled back unless it is confirmed.

    A change that waited before keeps its beginning, and the job's is rolled back with it.
    """
    return plan.revision is not None and plan.revision <= change.settings_to


def actor(account: str, job: str) -> str:
    """Return who the journal says has called the commands of a job: those that the actions of its events run."""
    return f"{account}, job {job.rpartition('-')[2]}"
