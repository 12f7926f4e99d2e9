"""Where the agent of a root keeps its files, and writing them whole and durable.

The directories are closed to all others (0700), so nobody else can turn a name in them elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import stat

from esmith.directories import make_directory, sync_directory
from esmith.errors import StoreError
from esmith.printable import shell_word
from esmith.temporary import temporary_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout


def directory_of(layout: Layout) -> str:
    """Return the directory of the agent."""
    return layout.under("/var/lib/e-smith/fleet")


def socket_of(layout: Layout) -> str:
    """Return the socket at which it answers."""
    return f"{directory_of(layout)}/agent.socket"


def lock_of(layout: Layout) -> str:
    """Return the file that is locked while it runs."""
    return f"{directory_of(layout)}/agent.lock"


def status_of(layout: Layout) -> str:
    """Return the file that says how it is."""
    return f"{directory_of(layout)}/status.json"


def outbox_of(layout: Layout) -> str:
    """Return the directory of changes whose outcome is not known yet."""
    return f"{directory_of(layout)}/outbox"


def secrets_of(layout: Layout) -> str:
    """Return the directory of this host's keys and certificates."""
    return layout.under("/home/e-smith/fleet")


def make_private(path: str) -> None:
    """Make a directory for this user alone.

    :raises StoreError: when it cannot be made, or is another user's, or others may enter it.
    """
    try:
        make_directory(path, 0o700)
        status = os.lstat(path)
    except OSError as error:
        raise StoreError(f"cannot make the directory: {error.strerror}", place=path) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise StoreError(
            "it has to be a directory that only the user of the agent may enter",
            place=path,
            hint=f"look what is in it, and then: chmod 700 {shell_word(path)}",
        )


def write_whole(path: str, data: bytes, *, durable: bool) -> None:
    """Write a file that is as before or as after, never half.

    :param durable: wait until it is on the disk, with its name.
    :raises OSError: when it cannot be written; what was there before is still there.
    """
    directory = os.path.dirname(path)
    temporary = os.path.join(directory, temporary_name())
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(temporary, flags, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
            if durable:
                os.fsync(file)
        finally:
            os.close(file)
        os.rename(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_directory(directory)
