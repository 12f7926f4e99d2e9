"""Unconfirmed changes: what an event with ``--confirm`` changed is rolled back unless it is confirmed in time.

The deadline is a row of the store, so it also holds after a reboot: ``esmith recover``, the watcher, and every event
carry it out. A process of its own waits for it in the meantime.
"""

from __future__ import annotations

import os
import sys

from esmith.apply.generations import Generation, list_generations
from esmith.contexts import contextmanager
from esmith.directories import open_file
from esmith.environment import clean_environment
from esmith.errors import EsmithError, StoreError
from esmith.fields import dataclass, replace
from esmith.plan.host import trouble
from esmith.store import changing_file
from esmith.store.locks import WAITER, RangeLock, try_flock
from esmith.store.model import Author
from esmith.store.table import json_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.events.session import Session
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot, Transaction

_ROW = "pending"


@dataclass(frozen=True)
class UnconfirmedChange:
    """What is rolled back at its deadline unless it is confirmed.

    :param what: the command; of several that wait together all of them.
    :param deadline: when it is rolled back, in seconds since 1970.
    :param generation: the first install that would be rolled back.
    :param settings_from: the last revision before the settings it made effective; None when that is not known, and
        the settings stay.
    :param settings_to: the last revision that would be rolled back.
    """

    what: str
    deadline: float
    generation: int
    settings_from: int | None
    settings_to: int

    @classmethod
    def begun_by(cls, generation: Generation, snapshot: Snapshot, deadline: float) -> UnconfirmedChange:
        """Return the change that an install is the first of.

        :param generation: the install.
        :param snapshot: the databases as they are at its end.
        """
        numbers = ((other.number, other.revision) for other in list_generations(snapshot))
        earlier = (revision for number, revision in numbers if number < generation.number)
        return cls(generation.what, deadline, generation.number, next(earlier, None), snapshot.revision())


#: The engine's table; its one row is :class:`UnconfirmedChange` as JSON.
UNCONFIRMED = json_table(
    "confirm",
    UnconfirmedChange,
    lambda _: "the change of signal-event --confirm is not rolled back by itself; 'esmith rollback' takes it back",
    lambda name, _: name == _ROW,
)


def find_unconfirmed(snapshot: Snapshot) -> UnconfirmedChange | None:
    """Return the change that is not confirmed yet, None when there is none."""
    return UNCONFIRMED.get(snapshot, _ROW)


def set_unconfirmed(transaction: Transaction, change: UnconfirmedChange | None) -> None:
    """Record that a change has to be confirmed.

    One that had to be already keeps its beginning: both are named, and rolled back together.

    :param change: the change; None when it is confirmed, or was rolled back.
    """
    before = find_unconfirmed(transaction)
    if change is not None and before is not None:
        both = ", ".join(dict.fromkeys([*before.what.split(", "), *change.what.split(", ")]))
        change = replace(change, what=both, generation=before.generation, settings_from=before.settings_from)
    UNCONFIRMED.put(transaction, _ROW, change)


def forget_taken_back(transaction: Transaction, number: int) -> None:
    """Record that a change has no longer to be confirmed when its first install is taken back otherwise.

    :param number: the number of the first install that is taken back.
    """
    change = find_unconfirmed(transaction)
    if change is not None and change.generation >= number:
        set_unconfirmed(transaction, None)


def confirm(session: Session) -> UnconfirmedChange | None:
    """Keep the change that is not confirmed yet, as ``esmith confirm`` does.

    :return: the change; None when there is none.
    :raises BusyError: when a running event does not end in time.
    :raises StoreError: when the store cannot be written; the change is still not confirmed.
    """
    with session.lock("esmith confirm"):
        try:
            with session.store.transaction(Author.current(["esmith", "confirm"])) as transaction:
                change = find_unconfirmed(transaction)
                set_unconfirmed(transaction, None)
        except StoreError as error:
            error.add_unchanged()
            raise
    return change


def wait_in_background(layout: Layout) -> None:
    """Start a process that waits for the deadline and then rolls the change back, whatever becomes of the terminal.

    :raises EsmithError: when it cannot be started; the change waits to be confirmed nevertheless.
    """
    import subprocess

    try:
        subprocess.Popen(
            [sys.executable, "-IXutf8", "-m", "esmith", "--root", layout.root, "recover", "--wait", "--if-first"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=clean_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise EsmithError(
            f"the process that waits for the deadline cannot be started: {error.strerror}",
            hint="the change was made; unless it is confirmed, the next event or 'esmith recover' takes it back then",
        ) from error


@contextmanager
def single_waiter(layout: Layout) -> Iterator[bool]:
    """Yield whether this is the only process that waits for the deadline; its end ends that.

    :raises InstallError: when the data file cannot be locked.
    """
    file = os.path.join(layout.state, "confirm.lock")
    layout.trust.require(file)
    descriptor = open_file(file, os.O_RDWR, 0o600)
    # The file may be deleted while it is locked; the data file is not.
    lock = RangeLock(changing_file(layout), WAITER)
    try:
        try:
            is_alone = try_flock(descriptor) and lock.take(os.getpid())
        except OSError as error:
            raise trouble(changing_file(layout), error) from error
        yield is_alone
    finally:
        lock.release()
        os.close(descriptor)
