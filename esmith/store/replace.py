"""Replacing a file as a whole: a reader, and a crash at any moment, finds the old one or the new one."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os

from esmith.directories import sync_directory
from esmith.errors import StoreError
from esmith.names import is_temporary
from esmith.store.cures import CURES, NO_SPACE
from esmith.temporary import is_in_use, temporary_name

#: The mode of a new text file of records: they may hold passwords.
NEW_MODE = 0o640
#: How many names are looked at in the search for what a killed command left.
_SWEPT_NAMES = 10_000


def replace_file(path: str, data: bytes, like: os.stat_result | None = None, *, mode: int = NEW_MODE) -> None:
    """Write a file beside its place, make it durable, and put it in place.

    :param path: the file; not a link, which would be replaced itself.
    :param like: whose owner and mode the new file gets; None for a new file.
    :param mode: the mode of a new file.
    :raises StoreError: when it cannot be written; the old file is as it was then, unless the error ``is_doubtful``.
    """
    directory = os.path.dirname(path)
    temporary = os.path.join(directory, temporary_name())
    try:
        _sweep(directory)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        placed = False
        try:
            with open(descriptor, "wb") as file:
                if like is not None:
                    _give(descriptor, like)
                else:
                    os.fchmod(descriptor, mode)
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            os.rename(temporary, path)
            placed = True
        finally:
            if not placed:
                os.unlink(temporary)
    except OSError as error:
        raise file_trouble(path, error) from error
    try:
        sync_directory(directory)
    except OSError as error:
        trouble = file_trouble(path, error)
        trouble.is_doubtful = True
        trouble.add("the new content is in place, but a crash of the machine may lose it")
        raise trouble from error


def _sweep(directory: str) -> None:
    """Remove what a killed command left here."""
    with os.scandir(directory or ".") as found:
        names = [entry.name for entry in itertools.islice(found, _SWEPT_NAMES) if is_temporary(entry.name)]
    for name in names:
        if not is_in_use(name):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(directory, name))


def file_trouble(path: str, error: OSError) -> StoreError:
    """Return the error to raise for an error of the system on a file; its message does not say what was changed."""
    if error.errno == errno.ENOSPC:
        return StoreError(NO_SPACE, place=path, hint=CURES[errno.ENOSPC])
    if error.errno in (errno.EACCES, errno.EPERM):
        return StoreError("permission denied", place=path, hint="run the command as root, or as the owner of the file")
    hints = {**CURES, errno.ENOENT: "make the directory first", errno.EISDIR: "name a file"}
    reason = (error.strerror or str(error)).lower()
    return StoreError(reason, place=path, hint=hints.get(error.errno or 0, ""))


def _give(descriptor: int, like: os.stat_result) -> None:
    """Give a file the owner and the mode of another; the owner first, since that takes set-id bits away."""
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, like.st_mode & 0o7777)
