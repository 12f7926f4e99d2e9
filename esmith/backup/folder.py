"""Opening the folder that a backup goes to: a link that a user has put there leads nowhere."""

from __future__ import annotations

import os

from esmith.disk import Disk, UserDirectoryError
from esmith.errors import StoreError
from esmith.store.replace import file_trouble

#: Nobody else may enter a folder of backups: each has all passwords. Those above it are as others.
_PRIVATE, _PUBLIC = 0o700, 0o755


def open_folder(path: str, *, make: bool = False) -> int:
    """Return the descriptor of a folder, which the caller closes.

    Whoever may write a directory could lead a backup, and the removal of old ones, elsewhere by a link. So only links
    that nobody else may have put there are followed.

    :param path: an absolute path of this disk.
    :param make: make it where it is missing, with mode 0700, and those above it.
    :raises StoreError: when it cannot be opened.
    """
    path = os.path.normpath(path)
    disk = Disk("/", frozenset((0, os.geteuid())))
    try:
        if make:
            disk.directory(os.path.dirname(path), make=_PUBLIC)
        found = disk.directory(path, make=_PRIVATE if make else None)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=found.descriptor)
    except UserDirectoryError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "others may write there, so no link in it is followed: name the folder itself"
        raise StoreError(reason, place=error.filename or path, hint=hint) from error
    except OSError as error:
        raise file_trouble(path, error) from error
