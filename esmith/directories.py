"""Making directories and files with the mode they are to have, whatever the umask is, and never with more."""

from __future__ import annotations

import os
import stat


def make_directory(path: str, mode: int = 0o755) -> None:
    """Make a directory and those above it that are missing, durably; one that is there stays as it is.

    :param path: where.
    :param mode: its permissions; the directories above it get 0755. A set-group-id bit of the directory it is made in
        is inherited (inode(7)).
    :raises OSError: when that is not possible.
    """
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path.rstrip("/")) or "."
    make_directory(parent)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        # Another command made it this moment.
        if os.path.isdir(path):
            return
        raise
    # By descriptor: whoever may write the parent could have put something else in its place.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _complete(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(parent)


def open_file(path: str, flags: int, mode: int) -> int:
    """Open a file, making it where there is none, and return the descriptor; it is not inherited.

    :param path: the file; a link is not followed where the file is made.
    :param flags: as for ``os.open``, without ``O_CREAT``.
    :param mode: the permissions of a new file. One that is there keeps its own.
    :raises OSError: when that is not possible.
    """
    flags |= os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return os.open(path, flags)
    try:
        _complete(descriptor, mode)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _complete(descriptor: int, mode: int) -> None:
    """Give something that was just made the bits of its mode that the umask took away."""
    status = os.fstat(descriptor)
    if stat.S_IMODE(status.st_mode) & 0o777 != mode and status.st_uid == os.geteuid():
        os.fchmod(descriptor, mode | status.st_mode & stat.S_ISGID)


def sync_directory(directory: str) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
