"""The user of a trial: made for it with a password that nobody knows, and deleted after it.

A user of its own, and neither admin nor a look into the mailbox's files: the trial then goes the whole way that the
mail of a user goes, with an address that is accepted, an account, a delivery, and a login that PAM checks.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from esmith.directories import make_directory, open_file
from esmith.errors import BusyError, EsmithError, RefusedError
from esmith.layout import Layout
from esmith.setup.machine.programs import Programs
from esmith.store import open_store

#: The name, and by what it is known that a user of that name is ours.
NAME = "trial-of-mail"
_MARK = {"FirstName": "Trial", "LastName": "of mail, made by esmith"}
_DATABASE = "accounts"


#: Gives a user a password.
SetPassword = Callable[[str, str], None]


@contextmanager
def trial_user(layout: Layout, programs: Programs, set_password: SetPassword) -> Iterator[str]:
    """Make the user, give the password, and delete the user in the end, whatever happened meanwhile.

    What a trial left that was killed is deleted first.

    :raises BusyError: when another trial runs.
    :raises RefusedError: when an account has this name that no trial made.
    :raises InstallError: when the account cannot be made.
    """
    with _only_one(layout):
        if _left_over(layout):
            _delete(layout, programs)
        password = secrets.token_urlsafe(24)
        properties = [word for pair in _MARK.items() for word in pair]
        try:
            programs.run(["db", _DATABASE, "set", NAME, "user", *properties, "EmailForward", "local"])
            programs.run(["signal-event", "user-create", NAME])
            set_password(NAME, password)
            yield password
        finally:
            _delete(layout, programs)


def _left_over(layout: Layout) -> bool:
    """Return whether a trial that was killed left its user.

    :raises RefusedError: when the account is somebody else's.
    """
    with open_store(layout).snapshot() as snapshot:
        record = snapshot.record(_DATABASE, NAME)
    if record is None:
        return False
    if any(record.props.get(name) != value for name, value in _MARK.items()):
        raise RefusedError(
            "an account has the name that a trial needs, and no trial made it",
            place=f"{_DATABASE} {NAME}",
            hint=f"give it another name; to see it: db {_DATABASE} show {NAME}",
        )
    return True


def _delete(layout: Layout, programs: Programs) -> None:
    """Delete the user with the mailbox, and the record, as the panel of SME Server does."""
    if not _left_over(layout):
        return
    try:
        programs.run(["db", _DATABASE, "settype", NAME, "user-deleted"])
        programs.run(["signal-event", "user-delete", NAME])
        programs.run(["db", _DATABASE, "delete", NAME])
    except EsmithError as error:
        error.hint = "\n  ".join(
            [
                *([error.hint] if error.hint else []),
                f"the account {NAME} is still there; the next trial deletes it: esmith trial-mail",
            ]
        )
        raise


@contextmanager
def _only_one(layout: Layout) -> Iterator[None]:
    path = os.path.join(layout.state, "trial-mail.lock")
    make_directory(layout.state)
    descriptor = open_file(path, os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("another trial of mail runs", hint="wait until it has ended") from None
        yield
    finally:
        os.close(descriptor)
