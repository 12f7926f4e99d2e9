"""Files with keys, certificates and passwords: read only when they are the user's alone, replaced as a whole."""

from __future__ import annotations

import os

from esmith.errors import StoreError, UntrustedError
from esmith.printable import shell_word
from esmith.private_files import is_private, read_regular, replace_private

_LARGEST = 2**20


def read_private(path: str) -> bytes:
    """Return what a file holds that only its user may read and write.

    :raises UntrustedError: when it is not a regular file of the user who runs this alone.
    :raises StoreError: when it is missing or cannot be read.
    """
    content, status = _read(path)
    if not is_private(status):
        raise UntrustedError(
            "holds a secret of this host, and is not a file that its user alone may read",
            place=path,
            hint=f"replace a key that others may have read; for its user alone: chmod 600 {shell_word(path)}",
        )
    return content


def read_public(path: str) -> bytes:
    """Return what a file holds that anybody may read, as a certificate.

    :raises StoreError: when it is missing, no regular file, or cannot be read.
    """
    return _read(path)[0]


def _read(path: str) -> tuple[bytes, os.stat_result]:
    try:
        return read_regular(path, _LARGEST)
    except ValueError as error:
        raise StoreError(str(error), place=path, hint="see who changed it") from error
    except OSError as error:
        raise _trouble(path, error) from error


def replace_file(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file in the place of another one, durably: old or new, never half, and never with more rights.

    :param path: its directory is made with mode 0700 when it is missing, and nobody else may write it.
    :param mode: its permissions, whatever the umask.
    :raises StoreError: when that is not possible; the old file is there then.
    """
    try:
        replace_private(*os.path.split(path), content, mode=mode)
    except OSError as error:
        raise _trouble(path, error) from error


def _trouble(path: str, error: OSError) -> StoreError:
    return StoreError(os.strerror(error.errno or 0), place=path, hint="see that the file and its directory are there")
