"""Where the logs are and who owns them: what root prepares before it gives up its rights."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from contextlib import suppress

from esmith.errors import EsmithError, ServiceError
from esmith.layout import Layout
from esmith.store import open_store

LOGS = "/var/log"
#: Who owns the logs, the first that exists: as the run scripts of svlogd and multilog have it.
ACCOUNTS = ("smelog", "_runit-log", "runit-log", "nobody")
#: Where the file is that says how far the copying has come: the home of that account.
HOME = "smelog"
#: Who may read the journal (systemd-journald.service(8), "Access Control").
READERS = "systemd-journal"
#: How many older files a log keeps where ``KeepLogFiles`` of the record does not say.
KEPT = 10
_MODE = 0o2750
_NAME = "esmith-logs"


def owner() -> pwd.struct_passwd | None:
    """Return the account that owns the logs; None where this is not run by root.

    :raises ServiceError: when there is none.
    """
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServiceError("there is no account for the logs", place=_NAME, hint="make it: esmith init")


def open_directory(layout: Layout, name: str, account: pwd.struct_passwd | None) -> int:
    """Return a descriptor of a directory of logs; it is made where it is missing, and given to the account.

    What is given away is what was opened, so no name can change in between. A link there is followed when it is root's.

    :param name: its name below :data:`LOGS`.
    :raises ServiceError: when it cannot be had.
    """
    place = layout.under(f"{LOGS}/{name}")
    try:
        above = os.open(layout.under(LOGS), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=above)
            status = os.stat(name, dir_fd=above, follow_symlinks=False)
            is_roots_link = stat.S_ISLNK(status.st_mode) and status.st_uid == 0
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if is_roots_link else os.O_NOFOLLOW)
            directory = os.open(name, flags, dir_fd=above)
        finally:
            os.close(above)
        if account is not None:
            os.fchown(directory, account.pw_uid, -1)
        os.fchmod(directory, _MODE)
    except OSError as error:
        raise ServiceError(f"cannot be used for logs: {error.strerror}", place=place) from error
    return directory


def kept_files(layout: Layout, services: list[str]) -> dict[str, int]:
    """Return how many older files the log of each service keeps. Without databases there are logs as well."""
    found = dict.fromkeys(services, KEPT)
    with suppress(EsmithError), open_store(layout).snapshot() as snapshot:
        for service in services:
            record = snapshot.record("configuration", service)
            number = record.props.get("KeepLogFiles", "") if record else ""
            if number.isascii() and number.isdecimal():
                found[service] = int(number)
    return found


def give_up_rights(account: pwd.struct_passwd) -> None:
    """Become the owner of the logs, for good; he may read the journal, and nothing else of others.

    :raises ServiceError: when there is no such group, or the account is root.
    """
    if account.pw_uid == 0:
        raise ServiceError("it does not copy logs as root", place=_NAME, hint="see: id smelog")
    try:
        readers = grp.getgrnam(READERS).gr_gid
    except KeyError:
        raise ServiceError(f"there is no group {READERS}", place=_NAME, hint="install systemd") from None
    os.setgroups([readers])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
