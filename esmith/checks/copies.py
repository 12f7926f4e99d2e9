"""Where check programs see copies of the new files, and removing what a killed check left there.

Each command that changes files does that first, so it is apart from what makes the copies: that imports much more.
"""

from __future__ import annotations

import fcntl
import os

from esmith.contexts import contextmanager, suppress
from esmith.names import is_temporary
from esmith.temporary import is_in_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.layout import Layout


def copies_of_commands(layout: Layout) -> str:
    """Return the directory for the copies of commands that may write to the root, as a path of this disk."""
    return os.path.join(layout.state, "check")


def remove_copies(layout: Layout, *, of_commands: bool) -> None:
    """Remove the copies that checks left which were killed; what cannot be removed only takes space.

    :param of_commands: also those that are kept in the root; the caller holds the event lock then.
    """
    if of_commands and os.path.lexists(copies_of_commands(layout)):
        _remove(copies_of_commands(layout))
    for place in _temporary_places():
        with suppress(OSError), os.scandir(place) as found:
            for path in [entry.path for entry in found if is_temporary(entry.name) and _is_left(entry)]:
                with suppress(BlockingIOError), held(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    _remove(path)


@contextmanager
def held(directory: str, lock: int = fcntl.LOCK_SH) -> Iterator[None]:
    """Lock a directory of copies: a process of another PID namespace that has the same /tmp may seem to have ended.

    :raises BlockingIOError: when the lock may not wait, and somebody else has it.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, lock)
        yield
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    from shutil import rmtree

    rmtree(path, ignore_errors=True)


def _is_left(entry: os.DirEntry[str]) -> bool:
    with suppress(FileNotFoundError):
        is_own = entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
        return is_own and not is_in_use(entry.name)
    return False


def _temporary_places() -> list[str]:
    """Return the directories of which tempfile.gettempdir takes one, as Python's documentation lists them.

    It would try each by making a file, which is more work than looking into all of them.
    """
    named = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    places = [place for place in dict.fromkeys([*named, "/tmp", "/var/tmp", "/usr/tmp"]) if os.path.isdir(place)]
    return places if any(os.access(place, os.W_OK | os.X_OK) for place in places) else [*places, os.curdir]
