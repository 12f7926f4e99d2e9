"""Opening a backup for a restore: a file, or what standard input brings, encrypted or not."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile

from esmith.backup.encryption import HEADER, decrypt
from esmith.backup.form import BackupError
from esmith.backup.read import MOST_BYTES, verified
from esmith.errors import UsageError
from esmith.ownership import user_name
from esmith.store.replace import file_trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from esmith.backup.read import Backup

#: Standard input, as ``esmith backup -`` is standard output.
STDIN = "-"
_STEP = 2**20


def open_backup(path: str, identity: str | None = None) -> Backup:
    """Open a backup and verify all of it: checksums, names, kinds, records, the journal. Nothing else is done.

    :param path: the file, as a path of this disk; :data:`STDIN` for standard input, which is read to its end.
    :param identity: the file with the private key, for an encrypted one.
    :raises UsageError: when there is no such file.
    :raises StoreError: when it cannot be read, or there is no room for what is in it.
    :raises BackupError: when it is no backup, or a damaged one.
    """
    place = "standard input" if path == STDIN else path
    try:
        return _from_stdin(identity) if path == STDIN else _from_file(path, identity)
    except BackupError as error:
        error.place = error.place or place
        error.add("nothing was changed")
        raise
    except FileNotFoundError as error:
        raise UsageError("there is no such file", place=path, hint="name the file of a backup") from error
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        # Nothing is written but what is decompressed, or has no name.
        raise file_trouble(tempfile.gettempdir() if is_full else place, error) from error


def _from_file(path: str, identity: str | None) -> Backup:
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            hint = "write it to a file first, or give it to the standard input of: esmith restore -"
            raise BackupError("it is no plain file", hint=hint)
        backup = _opened(file, identity, path)
        status = os.fstat(file.fileno())
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            # Copied here by an ordinary user, it is often so.
            backup.doubts.append(
                f"{path} belongs to {user_name(status.st_uid)}, mode {stat.S_IMODE(status.st_mode):04o}: whoever can "
                "write it decides what root runs once it is restored"
            )
        return backup


def _from_stdin(identity: str | None) -> Backup:
    """Copy standard input into a file without a name: what is restored is read more than once."""
    if sys.stdin is None or sys.stdin.isatty():
        what = "standard input is closed" if sys.stdin is None else "a terminal has no backup"
        raise UsageError(what, hint="name a file, or send one by a pipe")
    stream = sys.stdin.buffer
    with tempfile.TemporaryFile() as file:
        left = MOST_BYTES
        while piece := stream.read(min(_STEP, left + 1)):
            left -= len(piece)
            if left < 0:
                raise BackupError(f"it has more than {MOST_BYTES} bytes, and no backup has", hint="use another one")
            file.write(piece)
        file.flush()
        file.seek(0)
        return _opened(file, identity, "standard input")


def _opened(file: IO[bytes], identity: str | None, place: str) -> Backup:
    if not os.fstat(file.fileno()).st_size:
        raise BackupError("it is empty", hint="use another one")
    is_encrypted = file.read(len(HEADER)) == HEADER
    file.seek(0)
    if not is_encrypted:
        if identity is not None:
            raise BackupError("it is not encrypted", hint="leave out --identity")
        return verified(file)
    if identity is None:
        raise BackupError("it is encrypted", hint="name the private key: --identity FILE")
    with tempfile.TemporaryFile() as plain:
        decrypt(file, identity, plain, place)
        plain.seek(0)
        return verified(plain)
