"""Sockets of one machine: listening in a directory that is held by its descriptor, and who is at the other end.

By way of the descriptor, since the path of a root folder may be longer than the name of a socket may be (unix(7)).
"""

from __future__ import annotations

import fcntl
import os
import sys
from _socket import SO_PEERCRED, SOL_SOCKET

from esmith.names import TEMPORARY_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    # What a socket of the module socket is made of, which takes longer to import than a command takes to connect.
    from _socket import socket

_BACKLOG = 32
#: Process, user and group (unix(7), SO_PEERCRED), each a number of so many bytes.
_CREDENTIALS, _NUMBER_BYTES = 3, 4


def take_lock(directory: int, name: str) -> int | None:
    """Lock a file, so that there is one process of a kind; return its descriptor, None where another one has the lock.

    :param directory: a descriptor of its directory.
    :raises OSError: when the file cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    lock = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def listen(listening: socket, directory: int, name: str, owner: int | None = None) -> None:
    """Make a socket beside its place, and put it there when it takes connections: what a dead process left goes.

    It is for its owner alone, and does not block.

    :param directory: a descriptor of its directory; who calls this has its lock.
    :param owner: the number of the user it is given to; None for the one who runs this.
    :raises OSError: when that is not possible.
    """
    waiting = f"{TEMPORARY_PREFIX}socket"
    _remove(waiting, directory)
    # The mode is that of the socket from its first moment.
    mask = os.umask(0o177)
    try:
        listening.bind(f"/proc/self/fd/{directory}/{waiting}")
    finally:
        os.umask(mask)
    if owner is not None and owner != os.geteuid():
        os.chown(waiting, owner, -1, dir_fd=directory, follow_symlinks=False)
    listening.listen(_BACKLOG)
    listening.setblocking(False)
    os.rename(waiting, name, src_dir_fd=directory, dst_dir_fd=directory)


def _remove(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def connect(connection: socket, directory: str, name: str) -> None:
    """Connect to a socket; its directory may be no link.

    :raises OSError: when that is not possible.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{handle}/{name}")
    finally:
        os.close(handle)


def user_at(connection: socket) -> int:
    """Return the number of the user of the process at the other end, as it was when it connected."""
    data = connection.getsockopt(SOL_SOCKET, SO_PEERCRED, _CREDENTIALS * _NUMBER_BYTES)
    return int.from_bytes(data[_NUMBER_BYTES : 2 * _NUMBER_BYTES], sys.byteorder)
