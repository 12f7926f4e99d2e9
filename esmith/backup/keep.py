"""Backups in a folder: each gets a name of its own, and the oldest go when there are too many."""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress

from esmith.backup.folder import open_folder
from esmith.backup.write import is_backup, is_encrypted, name_of_server, write_backup
from esmith.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.backup.last import LastBackup
    from esmith.layout import Layout
    from esmith.store.protocol import Store

_UNNAMED = re.compile(r"[^A-Za-z0-9.-]+")


def write_to_folder(
    layout: Layout, store: Store, folder: str, keep: int | None, recipients: list[str]
) -> tuple[LastBackup, list[str], list[str]]:
    """Write a backup into a folder, and then remove the oldest ones that this function has written.

    :param folder: a path of this disk; it is made when it is missing.
    :param keep: how many backups of this server stay; None for all.
    :param recipients: for whom it is encrypted.
    :return: what was made, notes for the administrator, and the names of those that were removed.
    :raises StoreError: when it cannot be written; none was removed then.
    """
    with store.snapshot() as snapshot:
        server = _UNNAMED.sub("-", name_of_server(snapshot))
    os.close(open_folder(os.path.abspath(folder), make=True))
    end = ".tar.gz.age" if recipients else ".tar.gz"
    path = os.path.join(folder, f"{_beginning(server)}{time.strftime('%Y%m%d-%H%M%S')}{end}")
    made, notes = write_backup(layout, store, path, recipients=recipients, force=bool(recipients))
    form = re.escape(_beginning(server)) + r"\d{8}-\d{6}\.tar\.gz(\.age)?"
    removed = remove_oldest(folder, form, keep, os.path.basename(path)) if keep else []
    return made, notes, removed


def _beginning(server: str) -> str:
    return f"esmith-{server}-"


def remove_oldest(folder: str, form: str, keep: int, newest: str, spared: tuple[int, int] | None = None) -> list[str]:
    """Remove all but the last backups of a form, and return the names of those that went.

    What is no backup, or is somebody else's, stays. Those with a time after that of the newest are of a clock that was
    wrong. Counted, they would never go, and each new one would have that of yesterday removed.

    :param folder: a path of this disk.
    :param form: a regular expression of their names, which sort by their times.
    :param keep: how many stay, with the newest.
    :param newest: the name of the newest, which always stays.
    :param spared: the device and the inode of one that stays as well.
    """
    removed: list[str] = []
    with suppress(OSError, StoreError):
        directory = open_folder(os.path.abspath(folder))
        try:
            names = sorted(name for name in os.listdir(directory) if re.fullmatch(form, name) and name < newest)
            for name in [name for name in names if _is_ours(directory, name)][: -(keep - 1) or None]:
                with suppress(OSError):
                    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                    if (status.st_dev, status.st_ino) == spared:
                        continue
                    os.unlink(name, dir_fd=directory)
                    removed.append(name)
            os.fsync(directory)
        finally:
            os.close(directory)
    return removed


def _is_ours(directory: int, name: str) -> bool:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return False
    except OSError:
        return False
    return is_encrypted(directory, name) if name.endswith(".age") else is_backup(directory, name)
