"""Changes on probation: an event with ``--confirm`` goes back by itself unless it is confirmed in time.

The deadline is a row of the store, so it also holds after a reboot: ``esmith recover``, the watcher, and every event
carry it out. A process of its own waits for it in the meantime.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from esmith.directories import make_directory, open_file
from esmith.environment import clean_environment
from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.store.protocol import Snapshot, Transaction

#: The engine's table; its one row is :class:`Pending` as JSON.
TABLE = "confirm"
_ROW = "pending"


@dataclass(frozen=True)
class Pending:
    """A change that waits to be confirmed.

    :param what: the command.
    :param deadline: when it goes back, in seconds since 1970.
    :param generation: the first install that would be taken back.
    :param settings_from: the last revision before the settings it made effective; None when that is not known, and
        the settings stay.
    :param settings_to: the last revision that would be taken back.
    """

    what: str
    deadline: float
    generation: int
    settings_from: int | None
    settings_to: int


def find_pending(snapshot: Snapshot) -> Pending | None:
    """Return the change that waits to be confirmed, None when there is none."""
    row = snapshot.state(TABLE, _ROW)
    return None if row is None else Pending(**json.loads(row))


def set_pending(transaction: Transaction, pending: Pending | None) -> None:
    """Record that a change waits to be confirmed.

    What waited already keeps its beginning: both go back together.

    :param pending: the change; None when it is confirmed, or went back.
    """
    before = find_pending(transaction)
    if pending is not None and before is not None:
        first = (before.generation, before.settings_from)
        pending = Pending(pending.what, pending.deadline, *first, pending.settings_to)
    transaction.set_state(TABLE, _ROW, None if pending is None else json.dumps(asdict(pending)).encode())


def wait_in_background(layout: Layout) -> None:
    """Start a process that waits for the deadline and then goes back, whatever becomes of the terminal.

    :raises EsmithError: when it cannot be started; the change waits to be confirmed nevertheless.
    """
    try:
        subprocess.Popen(
            [sys.executable, "-IXutf8", "-m", "esmith", "--root", layout.root, "recover", "--wait"],
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
    """Yield whether this is the only process that waits for the deadline; its end ends that."""
    file = os.path.join(layout.state, "confirm.lock")
    layout.trust.require(file)
    make_directory(layout.state)
    descriptor = open_file(file, os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
