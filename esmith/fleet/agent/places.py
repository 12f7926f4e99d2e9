"""Where the agent of a root keeps its files.

The directories are closed to all others (0700), so nobody else can turn a name in them elsewhere.
"""

from __future__ import annotations

import os
import stat

from esmith.directories import make_directory
from esmith.errors import StoreError
from esmith.printable import shell_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout

#: The name of the file that says how the agent is.
STATUS = "status.json"


def outbox_of(layout: Layout) -> str:
    """Return the directory of changes whose outcome is not known yet."""
    return f"{layout.fleet}/outbox"


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
