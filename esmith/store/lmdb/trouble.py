"""Errors of LMDB or the system about the data file, as messages for an administrator.

These messages never say what was changed and what was not: the same error comes from a command of one transaction and
from the end of an event. Whoever knows adds it, see :meth:`esmith.errors.EsmithError.add`.
"""

from __future__ import annotations

import os

import lmdb

from esmith.errors import StoreError
from esmith.printable import shell_word


def restore_hint(file: str) -> str:
    """Return the cure for a data file that is damaged: its path is that of a root folder, as the commands have it."""
    quoted, damaged = shell_word(file), shell_word(f"{file}.damaged")
    return (
        "set it aside, make a new one with the defaults, and restore your backup:\n"
        f"  mv {quoted} {damaged}\n  esmith init\n  esmith restore BACKUP"
    )


def store_trouble(file: str, error: Exception) -> StoreError:
    """Return the error to raise for what LMDB or the system reported.

    :param file: the data file.
    """
    import errno

    from esmith.store.cures import CURES, NO_SPACE

    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    else:
        reason = text.rpartition(": ")[2] or type(error).__name__
    if isinstance(error, PermissionError | lmdb.ReadonlyError) or "Permission denied" in text:
        return StoreError(
            "permission denied", place=file, hint="run the command as root, or as the owner of the root folder"
        )
    if isinstance(error, lmdb.InvalidError | lmdb.CorruptedError | lmdb.PageNotFoundError | lmdb.VersionMismatchError):
        return StoreError(f"the data file is damaged ({reason})", place=file, hint=restore_hint(file))
    if isinstance(error, lmdb.DbsFullError):
        return StoreError("too many new databases at once", place=file, hint="make them with several commands")
    if isinstance(error, OSError):
        number = error.errno or 0
    elif isinstance(error, lmdb.MapFullError):
        number = errno.ENOSPC
    else:
        # LMDB gives the text only.
        number = next((number for number in CURES if os.strerror(number) == reason), 0)
    # LMDB calls a write that was cut short an input/output error.
    if number == errno.ENOSPC or (number == errno.EIO and _is_full(file)):
        return StoreError(NO_SPACE, place=file, hint=CURES[errno.ENOSPC])
    return StoreError(reason, place=file, hint=CURES.get(number, ""))


def _is_full(file: str) -> bool:
    status = os.statvfs(file)
    return status.f_bavail * status.f_frsize < 2**20
