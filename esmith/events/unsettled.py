"""Settings that were stored together with the wish for an event, which has not ended yet.

A job of the server-manager stores settings, and then signals the event that makes them effective; when that fails the
settings go back. A row, written in the transaction of the settings, says what is to be done when the job is killed:
then whoever finds the row looks at the generations, whether the event was completed (docs/concepts.md#words).
"""

from __future__ import annotations

from esmith.apply.generations import GENERATIONS, newest_number
from esmith.fields import dataclass, field
from esmith.store.table import json_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.store.protocol import Snapshot, Transaction

#: The phases of a row: the settings are stored; the event was completed; the settings are restored.
STORED, DONE, BACK = "stored", "done", "back"


@dataclass(frozen=True)
class Unsettled:
    """Settings whose event has not ended yet.

    :param revision: the revision that stored them.
    :param generation: the number of the last install before.
    :param events: the events that are signalled, each with its arguments.
    :param deletes: the records that go when the events have ended: database, key and type of each.
    :param phase: how far it is.
    """

    revision: int
    generation: int
    events: list[list[str]] = field(default_factory=list)
    deletes: list[list[str]] = field(default_factory=list)
    phase: str = STORED


#: The engine's table: the id of the job -> :class:`Unsettled` as JSON.
UNSETTLED = json_table(
    "unsettled",
    Unsettled,
    lambda name: f"when job {name} of the server-manager was killed its settings stay; 'esmith undo' takes them back",
    lambda _, row: row.phase in (STORED, DONE, BACK) and all(row.events) and all(len(one) == 3 for one in row.deletes),
)


def completed_since(snapshot: Snapshot, number: int, words: Sequence[str]) -> bool | None:
    """Return whether an event was completed since an install, as far as it changed files.

    :param number: the number of the last install before.
    :param words: its name and its arguments: of another record's event the actions were not for this one.
    :return: None when that is not known, because generations since were forgotten.
    """
    command = " ".join(["signal-event", *words])
    rows = GENERATIONS.rows(snapshot).values()
    later = [one for one in rows if one.number > number]
    if any(one.complete and one.command == command for one in later):
        return True
    first = min((one.number for one in later), default=0)
    return None if newest_number(snapshot) > number and first != number + 1 else False


def note_phase(transaction: Transaction, name: str, phase: str) -> None:
    """Note how far a job is, when it has a row."""
    row = UNSETTLED.get(transaction, name)
    if row is not None:
        UNSETTLED.put(transaction, name, Unsettled(row.revision, row.generation, row.events, row.deletes, phase))
