"""The end of a transaction on a member of a fleet: what others share is agreed on before it is stored.

What the fleet took is applied here as on every other member, so all have the same.
"""

from __future__ import annotations

from esmith.errors import EsmithError, StoreError
from esmith.fleet.replica import applying, asking, member, saying
from esmith.fleet.replica.sorting import Sorting
from esmith.schema.masking import Masking
from esmith.store.journal import Entry, encode
from esmith.store.model import Author, Change, Revision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.store.protocol import EndingTransaction


class Agreed:
    """The commit of what was agreed on, as a context: the agent hears how it ended.

    :param agent: the connection; None where nothing was asked.
    :param revision: the fleet revision that the change is.
    """

    def __init__(self, agent: asking.Agent | None = None, revision: int = 0) -> None:
        self._agent = agent
        self._revision = revision

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._agent is None:
            return
        try:
            if error is None:
                # The change is stored. Whether the agent hears it now or finds it in the store makes no difference.
                try:
                    self._agent.send({"verb": "done"})
                except OSError:
                    return
            elif isinstance(error, EsmithError):
                self._explain(error)
        finally:
            self._agent.close()

    def _explain(self, error: EsmithError) -> None:
        error.add(
            f"the fleet has the change as its revision {self._revision}, and this server follows by itself as soon "
            "as it can"
        )
        if isinstance(error, StoreError):
            error.is_doubtful = True


def end(transaction: EndingTransaction) -> Agreed:
    """Sort what a transaction changed to the layers it belongs to, and have the fleet agree on it.

    Called by the transaction itself, before it is stored, on a member and only when something was changed, or assigned
    to a layer.

    :return: a context for the commit: by it the agent hears how that ended.
    :raises BehindError: when another member was quicker.
    :raises StoreError: when the fleet cannot be asked, or does not take it; nothing was changed.
    :raises RefusedError: when nothing of it may go to the layer that was chosen, or the layers have no room for it.
    :raises UsageError: when there is no such layer.
    """
    sorting = Sorting(transaction, transaction.layer)
    sorting.sort()
    if sorting.changes:
        return _agree(transaction, sorting)
    _finish(transaction, sorting)
    return Agreed()


def _agree(transaction: EndingTransaction, sorting: Sorting) -> Agreed:
    base = member.Membership(transaction).base
    # It takes its time where there are many changes, and the agent waits for nobody.
    author = _without_secrets(transaction, sorting)
    agent = asking.Agent(transaction.root)
    finishing = _Finishing(transaction, sorting)
    agreed: Agreed | None = None
    try:
        # Where the fleet does not take it, nothing of what was made meanwhile is stored.
        revision, digest = asking.commit(agent, base, author, sorting.changes, sorting.host, finishing)
        agreed = Agreed(agent, revision)
    finally:
        if agreed is None:
            agent.close()
    done = False
    try:
        if finishing.error is not None:
            raise finishing.error
        member.reach(transaction, revision, digest)
        author = transaction.author
        # As those that the agent applies, it is found in the history by its last word.
        transaction.author = Author(author.user, author.sudo_user, [*author.command, f"(fleet {revision})"])
        done = True
    except EsmithError as error:
        agreed.__exit__(type(error), error, None)
        raise
    finally:
        if not done:
            agent.close()
    return agreed


def _without_secrets(transaction: EndingTransaction, sorting: Sorting) -> Author:
    """Return the author as others may see it: words of a command may be secrets that stay here."""
    changes = [
        Change(*record, prop, old, new)
        for record, cells in sorting.records.items()
        for prop, (old, new) in cells.items()
    ]
    author = transaction.author
    entry = Entry(0, encode(Revision(0, 0, author, changes)))
    masking = Masking(sorting.settling.scopes.schema, transaction)
    return Author(author.user, author.sudo_user, masking.command(entry))


class _Finishing:
    """Makes this host what it is with the change, when it is called."""

    def __init__(self, transaction: EndingTransaction, sorting: Sorting) -> None:
        self._transaction, self._sorting = transaction, sorting
        #: Why it could not be.
        self.error: EsmithError | None = None

    def __call__(self) -> None:
        try:
            _finish(self._transaction, self._sorting)
        except EsmithError as error:
            self.error = error


def _finish(transaction: EndingTransaction, sorting: Sorting) -> None:
    """Make this host what it is with the change, but for the fleet revision, which is not known yet."""
    _set_back(transaction, sorting)
    if sorting.changes:
        applying.apply_changes(transaction, sorting.changes)
    if sorting.before:
        applying.put(transaction, sorting.host)
    for record in sorting.fresh:
        sorting.settling.show(*record)
    saying.say(transaction, sorting)


def _set_back(transaction: EndingTransaction, sorting: Sorting) -> None:
    """Set back what was changed on the way to a chosen layer: another may hide it, and only the layers count."""
    for (database, key), cells in sorting.before.items():
        old = {prop: before for prop, (before, _) in cells.items()}
        if "" in old and old[""] is None:
            transaction.delete_record(database, key)
            continue
        if old.get("") is not None:
            transaction.set_type(database, key, str(old[""]))
        for prop, value in old.items():
            if prop and value is None:
                transaction.delete_prop(database, key, prop)
            elif prop and transaction.type_of(database, key) is not None:
                transaction.set_prop(database, key, prop, str(value))
