"""Directories: those that services write to, with owner and mode; those for temporary files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from esmith.accounts.book import Book
from esmith.accounts.system import book_of
from esmith.doctor.case import Case
from esmith.doctor.finding import FOLDER, Checking, Finding, failing, ok, skipped, warning
from esmith.plan.host import RecordingHost
from esmith.printable import shell_word
from esmith.services.service import Directory, Service

#: Where every program makes temporary files; anybody may write there, and remove only what is his.
_TEMPORARY = ("/tmp", "/var/tmp")
_STICKY = 0o1777


def check_services(case: Case) -> Iterator[Finding]:
    """Look at the directories that ``service.toml`` names for enabled services."""
    if not case.layout.is_machine:
        yield skipped("owners and modes of directories", FOLDER)
        return
    seen: set[str] = set()
    wrong = 0
    for service in case.running:
        # Two services may have one directory.
        for directory in (one for one in service.directories if one.path not in seen):
            seen.add(directory.path)
            for finding in _look(case, service, directory):
                wrong += 1
                yield finding
    if not wrong:
        yield ok(f"{len(seen)} directories of services have their owners and modes")


def _look(case: Case, service: Service, directory: Directory) -> Iterator[Finding]:
    book = book_of(case.layout, RecordingHost(case.layout))
    name = directory.owner or _account_name(service, book)
    owner = book.user(name)
    group = book.group(directory.group) if directory.group else None
    why = f"{service.name} may not be able to write there, or others may change what it reads"
    restart = f"esmith control {shell_word(service.name)} restart"
    try:
        status = os.stat(case.layout.under(directory.path))
    except FileNotFoundError:
        yield failing(
            f"there is no directory {directory.path}", f"{service.name} keeps data there", "esmith accounts", restart
        )
        return
    place = case.pasted(directory.path)
    if not stat.S_ISDIR(status.st_mode):
        yield failing(f"{directory.path} is not a directory", why, f"mv {place} {place}.old", restart)
        return
    if owner is not None and status.st_uid != owner.uid:
        theirs = book.user_of(status.st_uid)
        found = f"{directory.path} belongs to {theirs.name if theirs else status.st_uid}, and not to {name}"
        yield failing(found, why, f"chown {shell_word(name)} {place}", restart)
    if group is not None and status.st_gid != group.gid:
        yield failing(
            f"{directory.path} is not of the group {group.name}",
            why,
            f"chgrp {shell_word(group.name)} {place}",
            restart,
        )
    mode, wanted = stat.S_IMODE(status.st_mode), int(directory.mode, 8)
    if mode != wanted:
        finding = failing if mode & ~wanted & 0o002 or wanted & ~mode & 0o700 else warning
        yield finding(
            f"{directory.path} has the mode {mode:04o}, and not {wanted:04o}", why, f"chmod {wanted:04o} {place}"
        )


def _account_name(service: Service, book: Book) -> str:
    """Return the account of a service that is there; that of root where it has none of its own."""
    account = service.account
    names = (account.name, *account.others) if account else ()
    return next((name for name in names if book.user(name)), "root")


def check_temporary(case: Case) -> Iterator[Finding]:
    """Look at the directories for temporary files."""
    if not case.layout.is_machine:
        return
    for path in _TEMPORARY:
        status = os.stat(case.layout.under(path))
        if stat.S_IMODE(status.st_mode) != _STICKY or status.st_uid != 0:
            yield failing(
                f"{path} has the mode {stat.S_IMODE(status.st_mode):04o} and the owner {status.st_uid}",
                "programs cannot make temporary files there, or can remove those of others",
                f"chown root {shell_word(path)}",
                f"chmod {_STICKY:o} {shell_word(path)}",
            )


CHECKS: dict[str, Checking] = {
    "directories of services": check_services,
    "directories for temporary files": check_temporary,
}
