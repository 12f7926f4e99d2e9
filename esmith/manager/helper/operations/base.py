"""What an operation is: something that is first looked at (preview) and then done (apply), by the same code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from esmith.errors import EsmithError, RefusedError
from esmith.manager import wire
from esmith.manager.helper.context import Context, VerbError
from esmith.schema.load import Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from esmith.events.session import Session
    from esmith.schema.remembered import RememberedFiles
    from esmith.store.model import Change
    from esmith.store.protocol import Snapshot, Store, Transaction

    Cell = tuple[str, str, str]


@dataclass
class Field:
    """What an operation writes, for people: a field of a form, or a property.

    :param name: the name it has in ``values``.
    :param label: what people call it.
    :param cells: database, key and property of each cell that it writes, as :func:`esmith.panels.change.covers` reads.
    :param yours: the value that is wanted; None for none.
    :param shown: returns the value in a state of the databases, for those who have to choose; None for that of
        the only cell.
    :param secret: whether no value may be shown.
    """

    name: str
    label: str
    cells: list[Cell]
    yours: Any = None
    shown: Callable[[Snapshot], Any] | None = field(default=None, repr=False)
    secret: bool = False


class Operation:
    """One operation.

    :param context: who asks.
    :param data: its arguments, without the kind.
    :param remembered: what schema files hold, as the databases have it, which are open for as long as it is used.
    :raises VerbError: when an argument is not what it has to be.
    """

    #: The name on the wire.
    kind: ClassVar[str]
    #: Whether it can be taken back by itself when it is not confirmed.
    may_confirm: ClassVar[bool] = True
    #: Whether it is settings and events; otherwise it is carried out by :meth:`act`.
    has_settings: ClassVar[bool] = True

    def __init__(self, context: Context, data: Any, remembered: RememberedFiles | None = None) -> None:
        self.context = context
        self.layout = context.layout
        self.schema = Schema(context.layout, remembered)
        self.data = self.read(data)
        #: The revision of the form it was made from; None when it does not depend on one.
        self.revision: int | None = self.data.get("revision")
        #: The events that :meth:`change` says are to be signalled; empty where they do not depend on that.
        self.marked: list[list[str]] = []

    def read(self, data: Any) -> dict[str, Any]:
        """Return the arguments, checked.

        :raises VerbError: when they are not what they have to be.
        """
        raise NotImplementedError

    @property
    def title(self) -> str:
        """What it does, in a few words."""
        raise NotImplementedError

    @property
    def what(self) -> str:
        """What it is about, for the journal: a page, or the kind and its number."""
        return self.title

    def look(self, snapshot: Snapshot) -> None:
        """See that what it names is there.

        :raises VerbError: when it is not.
        """

    def is_since(self, snapshot: Snapshot, cell: Cell) -> bool:
        """Return whether a cell was changed since the form was made: then there is a conflict, and nothing missing."""
        made_from = self.revision
        for revision in snapshot.revisions() if made_from is not None else ():
            if made_from is None or revision.number <= made_from:
                break
            if any(change.cell == cell for change in revision.changes):
                return True
        return False

    def change(self, _transaction: Transaction) -> list[str]:
        """Change the settings, and return hints. It is tried on an overlay, and done in a transaction.

        :raises VerbError: when one is refused.
        :raises EsmithError: likewise.
        """
        return []

    def fields(self, _snapshot: Snapshot) -> list[Field]:
        """Return what it writes, to find what somebody else has changed since the form was made."""
        return []

    def events(self, _store: Store, _changes: Sequence[Change]) -> list[list[str]]:
        """Return the events that make its changes effective, each with its arguments."""
        return []

    def noted(self, _snapshot: Snapshot) -> list[Change]:
        """Return what its events change in the databases: a preview does not warn that this is still to do."""
        return []

    def deletes(self, _snapshot: Snapshot) -> list[list[str]]:
        """Return the records that go when its events have ended: database, key and type of each."""
        return []

    def first(self, _session: Session) -> str:
        """Do what comes before the events in the job, and return what the administrator should know of it."""
        return ""

    def first_commands(self) -> list[str]:
        """Return the commands of a shell that do what comes before the events."""
        return []

    def require_all(self) -> None:
        """See that all is there that is needed to do it, and not only to look at it.

        :raises VerbError: when it is not.
        """

    def act(self, _session: Session) -> dict[str, Any]:
        """Do it in the job, where it is not settings and events; return what is to stand in the result."""
        return {}

    def tried(self, _store: Store) -> dict[str, Any]:
        """Return the parts of a preview that are not the usual ones, where it is not settings and events."""
        return {}

    def commands(self) -> list[str]:
        """Return the commands of a shell that do the same, where they are not of settings and events."""
        return []

    def shown(self) -> dict[str, Any]:
        """Return it as jobs show it: without what is secret."""
        return {"kind": self.kind, **self.data}

    def reaches(self, _changes: Sequence[Change]) -> bool:
        """Return whether it touches how the panel itself is reached, besides what every operation may touch."""
        return False


def refused(error: EsmithError, fields: dict[str, str] | None = None) -> VerbError:
    """Return the error about values that the schema or the store does not take.

    :param fields: why, by the names of fields.
    """
    return VerbError(wire.REFUSED, error.message, place=error.place, hint=error.hint, fields=fields or {})


def as_refused(error: EsmithError) -> VerbError:
    """Return the answer to an error of what was to be changed."""
    return refused(error) if isinstance(error, RefusedError) else VerbError.of(error)
