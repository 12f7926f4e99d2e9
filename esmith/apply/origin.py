"""To which machine an install belongs, and whether it is the one whose old files are kept.

A copy of the databases that was made while an event ran holds an install that is not complete. Where that copy is
restored, the install must not be taken for one that a crash has interrupted: its old files would be put over newer
ones. Two things distinguish them, and neither is in the databases:

- a random name of the machine, in ``/var/lib/e-smith/machine``;
- a mark in the directory of the kept files. Its name has a random token that the row of the install has too, and says
  whether the install is unfinished. It is written before the row, and renamed after the install is complete.
"""

from __future__ import annotations

import os

from esmith.apply.kept import kept_directory
from esmith.contexts import suppress
from esmith.disk import Directory, Disk, read_file
from esmith.enums import Enum
from esmith.plan.host import PRIVATE, PUBLIC, trouble
from esmith.processes import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout

_FILE = "machine"
#: See machine-id(5).
_MACHINE_ID = "/etc/machine-id"
#: The two names of the mark, each before the token.
_UNFINISHED, _FINISHED = "unfinished-", "finished-"
_TOKEN_BYTES = 8


class Mark(Enum):
    """What the directory of the kept files says about an install."""

    UNFINISHED = "unfinished"
    FINISHED = "finished"
    #: There is no such directory, or it is that of another install.
    MISSING = "missing"


def make_machine(layout: Layout, disk: Disk) -> str:
    """Return the name of this machine, and make it where there is none yet.

    :raises InstallError: when it can be neither read nor made.
    """
    try:
        directory = disk.directory(layout.state, make=PUBLIC)
        if not _own_name(directory):
            # Left empty by a crash.
            directory.remove_if_there(_FILE)
            directory.write(_FILE, f"{new_token()}\n".encode(), 0o600, None)
            directory.sync()
        return find_machine(layout, disk)
    except OSError as error:
        raise trouble(os.path.join(layout.state, _FILE), error) from error


def find_machine(layout: Layout, disk: Disk) -> str:
    """Return the name of this machine; "" when it has none yet.

    That is the random name in the directory of the engine's state. Where the root is the machine itself, the id of the
    system is a part of it, so that a directory that was copied to another machine is not taken for that of this one. A
    root folder that is moved stays the same.

    :raises InstallError: when it cannot be read.
    """
    try:
        directory = disk.find(layout.state)
        own = _own_name(directory) if directory is not None else ""
    except OSError as error:
        raise trouble(os.path.join(layout.state, _FILE), error) from error
    system = _system_id() if layout.is_machine else ""
    if not own or not system:
        return own
    from esmith.digests import sha256

    return sha256(f"{own} {system}".encode()).hexdigest()[:32]


def boot() -> str:
    """Return the id of the running boot of the kernel, as random(4) has it; "" where it cannot be read."""
    return boot_id()


def new_token() -> str:
    """Return a random token for an install."""
    return os.urandom(_TOKEN_BYTES).hex()


def mark_unfinished(kept: Directory, token: str) -> None:
    """Note in the directory of the kept files which install they belong to. It is durable when the directory is.

    :raises OSError: when that is not possible.
    """
    kept.write(f"{_UNFINISHED}{token}", b"", 0o600, None)


def mark_finished(layout: Layout, disk: Disk, number: int, token: str) -> None:
    """Note that an install is complete. When that fails only a later copy of the databases could be misjudged."""
    with suppress(OSError):
        disk.directory(kept_directory(layout, number)).rename(f"{_UNFINISHED}{token}", f"{_FINISHED}{token}")


def mark_reopened(layout: Layout, disk: Disk, number: int, token: str) -> None:
    """Note that a complete install is to be taken back; durable.

    :raises InstallError: when that is not possible.
    """
    try:
        kept = disk.directory(kept_directory(layout, number))
        with suppress(FileNotFoundError):
            kept.rename(f"{_FINISHED}{token}", f"{_UNFINISHED}{token}")
        kept.sync()
    except OSError as error:
        raise trouble(kept_directory(layout, number), error) from error


def find_mark(layout: Layout, disk: Disk, number: int, token: str) -> Mark:
    """Return what the directory of the kept files says about an install.

    :param token: that of the install; "" for one of a version that had no marks: then the directory is enough.
    :raises InstallError: when it cannot be read.
    """
    path = kept_directory(layout, number)
    try:
        kept = disk.find(path)
        if kept is None:
            return Mark.MISSING
        if not token or kept.look(f"{_UNFINISHED}{token}") is not None:
            return Mark.UNFINISHED
        return Mark.FINISHED if kept.look(f"{_FINISHED}{token}") is not None else Mark.MISSING
    except NotADirectoryError:
        return Mark.MISSING
    except OSError as error:
        raise trouble(path, error) from error


def finished_tokens(layout: Layout, number: int) -> set[str]:
    """Return the tokens of complete installs in the directory of the kept files; none when it cannot be read."""
    try:
        names = os.listdir(kept_directory(layout, number))
    except OSError:
        return set()
    return {name.removeprefix(_FINISHED) for name in names if name.startswith(_FINISHED)}


def keep_mark(layout: Layout, above: Directory, number: int) -> bool:
    """Remove what was kept of a complete install, but for its mark. Return whether it has one.

    :param above: the directory of all that is kept.
    :raises OSError: when that is not possible.
    """
    tokens = finished_tokens(layout, number)
    names = {f"{_FINISHED}{token}" for token in tokens}
    if names and names != set(os.listdir(kept_directory(layout, number))):
        above.remove_tree(str(number))
        kept = above.make(str(number), PRIVATE)
        for name in names:
            kept.write(name, b"", 0o600, None)
    return bool(names)


def _own_name(directory: Directory) -> str:
    try:
        return directory.read(_FILE)[0].decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""


def _system_id() -> str:
    """Return the id of the system; "" where it has none, or gets another one at each boot (machine-id(5))."""
    with suppress(OSError):
        if os.stat(_MACHINE_ID).st_dev != os.stat(os.path.dirname(_MACHINE_ID)).st_dev:
            return ""
    return _first_line(_MACHINE_ID)


def _first_line(path: str) -> str:
    try:
        return read_file(path).decode("ascii", "replace").partition("\n")[0].strip()
    except OSError:
        return ""
