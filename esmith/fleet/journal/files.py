"""Files with keys, certificates and passwords: read only when they are the user's alone, replaced as a whole."""

from __future__ import annotations

import contextlib
import os
import stat

from esmith.directories import make_directory
from esmith.errors import StoreError, UntrustedError
from esmith.temporary import temporary_name

_LARGEST = 2**20


def read_private(path: str) -> bytes:
    """Return what a file holds that only its user may read and write.

    :raises UntrustedError: when it is not a regular file of the user who runs this alone.
    :raises StoreError: when it is missing or cannot be read.
    """
    content, status = _read(path)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise UntrustedError(
            "holds a secret of this host, and is not a file that its user alone may read",
            place=path,
            hint="look at who changed it: the mode has to be 0600; a key that others read has to be replaced",
        )
    return content


def read_public(path: str) -> bytes:
    """Return what a file holds that anybody may read, as a certificate.

    :raises StoreError: when it is missing, no regular file, or cannot be read.
    """
    return _read(path)[0]


def _read(path: str) -> tuple[bytes, os.stat_result]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise StoreError("is not a regular file", place=path, hint="see who changed it")
            return os.read(file, min(status.st_size, _LARGEST)), status
        finally:
            os.close(file)
    except OSError as error:
        raise _trouble(path, error) from error


def replace_file(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file in the place of another one, durably: old or new, never half, and never with more rights.

    :param path: its directory is made with mode 0700 when it is missing, and nobody else may write it.
    :param mode: its permissions, whatever the umask.
    :raises StoreError: when that is not possible; the old file is there then.
    """
    directory, name = os.path.split(path)
    try:
        make_directory(directory, 0o700)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        waiting = temporary_name()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(waiting, flags, 0o600, dir_fd=handle), "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
            os.rename(waiting, name, src_dir_fd=handle, dst_dir_fd=handle)
            os.fsync(handle)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(waiting, dir_fd=handle)
            os.close(handle)
    except OSError as error:
        raise _trouble(path, error) from error


def _trouble(path: str, error: OSError) -> StoreError:
    return StoreError(os.strerror(error.errno or 0), place=path, hint="see that the file and its directory are there")
