"""What LMDB or the system reported about the data file, said in the words of an administrator."""

from __future__ import annotations

import os

import lmdb

from esmith.errors import StoreError

#: The cure for a damaged file.
RESTORE = "restore data.mdb from a backup (removing it and running 'esmith init' starts with defaults only)"


def _is_full(file: str) -> bool:
    status = os.statvfs(file)
    return status.f_bavail * status.f_frsize < 2**20


def store_trouble(file: str, error: Exception) -> StoreError:
    """Return the error to raise for what LMDB or the system reported.

    :param file: the data file.
    """
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
        return StoreError(f"the data file is damaged ({reason})", place=file, hint=RESTORE)
    if "Input/output error" in text and _is_full(file):
        return StoreError("no space left; nothing was changed", place=file, hint="free some disk space and try again")
    if "No space left" in text or isinstance(error, lmdb.MapFullError):
        return StoreError("no space left; nothing was changed", place=file, hint="free some disk space and try again")
    return StoreError(reason, place=file, hint="nothing was changed")
