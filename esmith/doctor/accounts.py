"""Unix accounts: those of the system and of services, and of each user the account, the home and the mailbox."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from esmith.accounts.book import Book, User
from esmith.accounts.missing import creation_of, without_account
from esmith.accounts.system import SHARED, book_of, system_accounts
from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, failing, listed, ok, skipped, warning
from esmith.names import counted
from esmith.plan.host import RecordingHost
from esmith.printable import shell_word
from esmith.schema.account_names import HOMES, can_be_unix
from esmith.store.model import Record

#: Which accounts have files that templates write into their homes.
_AT_HOME = ("admin", "alias")
_ACCOUNTS = "esmith accounts"
_USERS = "esmith accounts users-and-groups"
_MODE_OF_OTHERS = 0o077
_SHOWN_CURES = 3


def _book(case: Case) -> Book:
    return book_of(case.layout, RecordingHost(case.layout))


def check_system(case: Case) -> Iterator[Finding]:
    """Look for the accounts of the system and of services, and for their groups."""
    book, wanted = _book(case), system_accounts(case.layout)
    # A service that is not enabled need not have one.
    running = {service.account.name: service for service in case.running if service.account}
    alone = {service.account.name for service in case.services if service.account} - running.keys()
    wrong = 0
    for account in wanted:
        if account.name in alone:
            continue
        user = next(filter(None, map(book.user, (account.name, *account.others))), None)
        if user is None:
            wrong += 1
            yield failing(
                f"there is no unix account {account.name}",
                "files cannot be given to it, and its service does not start",
                _ACCOUNTS,
            )
        elif user.uid == 0 and account.number != 0:
            wrong += 1
            yield failing(
                f"the unix account {user.name} has the number 0",
                "its service would run with all rights",
                f"usermod --login {shell_word(user.name)}2 {shell_word(user.name)}",
                _ACCOUNTS,
            )
        elif account.name in _AT_HOME and user.home != account.home:
            wrong += 1
            yield failing(
                f"the unix account {user.name} has the home {user.home}, and not {account.home}",
                "it is another one, and mail for it does not arrive",
                f"usermod --login {shell_word(user.name)}2 {shell_word(user.name)}",
                _ACCOUNTS,
            )
    if book.group(SHARED[0]) is None:
        wrong += 1
        yield failing(f"there is no unix group {SHARED[0]}", "users cannot be put into it", _ACCOUNTS)
    if not wrong:
        yield ok(f"{counted(len(wanted), 'account')} of the system and of services")


@dataclass
class _Wrong:
    """What is wrong with users, by their names, each with what cures it."""

    missing: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    shells: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)

    @property
    def is_none(self) -> bool:
        return not any(vars(self).values())


def check_users(case: Case) -> Iterator[Finding]:
    """Look at each user: number, home, shell, and whose the mailbox is; of each group whether it is a unix group."""
    book, wrong, users = _book(case), _Wrong(), case.users()
    groups = list(case.settings.records("accounts", "group"))
    for record in without_account(book, [*users, *groups]):
        (wrong.missing if record.type == "user" else wrong.groups)[record.key] = creation_of(record.type, record.key)
    unseen = 0
    for record in users:
        if not can_be_unix(record.key):
            continue
        user = book.user(record.key)
        if user is None:
            continue
        if user.uid == 0 or user.home != f"{HOMES}/{user.name}":
            wrong.foreign[record.key] = f"usermod --login {shell_word(user.name)}2 {shell_word(user.name)} && {_USERS}"
        else:
            _compare(record, user, wrong)
            unseen += not _look(case, user, wrong)
    yield from _findings(wrong)
    if unseen:
        yield skipped(
            f"the mailboxes of {counted(unseen, 'user')}", "their homes are closed to this user: run it as root"
        )
    if wrong.is_none:
        yield ok(f"{counted(len(users), 'user')}: accounts, homes and mailboxes")


def _compare(record: Record, user: User, wrong: _Wrong) -> None:
    name, number, shell = user.name, record.props.get("Uid"), record.props.get("Shell")
    if number and number != str(user.uid):
        wrong.numbers[name] = f"db accounts setprop {shell_word(name)} Uid {user.uid:d}"
    if shell and shell != user.shell:
        wrong.shells[name] = f"signal-event user-modify {shell_word(name)}"


def _look(case: Case, user: User, wrong: _Wrong) -> bool:
    """Look at home and mailbox of a user; return whether that was possible."""
    home = case.layout.under(user.home)
    for path in (home, f"{home}/Maildir", *(f"{home}/Maildir/{name}" for name in ("cur", "new", "tmp"))):
        shown = case.layout.inside(path)
        try:
            status = os.stat(path) if path == home else os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            wrong.homes[user.name] = _USERS
            return True
        except PermissionError:
            return False
        if stat.S_ISLNK(status.st_mode):
            # What it leads to is the user's affair, or the administrator's, who has the mail on another disk.
            return True
        if not case.layout.is_machine:
            # The files of a folder belong to who made it.
            continue
        if status.st_uid != user.uid:
            wrong.owners[user.name] = (
                f"chown -hR --from={status.st_uid:d} {shell_word(user.name)}: {shell_word(user.home)}"
            )
            return True
        if path != home and status.st_mode & _MODE_OF_OTHERS:
            # With the rights of the user, who may put a link there meanwhile.
            wrong.open[user.name] = f"runuser -u {shell_word(user.name)} -- chmod go= {shell_word(shown)}"
    return True


def _findings(wrong: _Wrong) -> Iterator[Finding]:
    kinds = (
        (failing, wrong.missing, "no unix account", "mail to them is refused, or comes back"),
        (warning, wrong.groups, "no unix group", "their members share no files"),
        (failing, wrong.foreign, "a unix account that is another one", "it is left alone, and they get no mail"),
        (failing, wrong.homes, "no home, or no mailbox", "mail to them waits in the queue"),
        (failing, wrong.owners, "a home or mailbox of another owner", "mail cannot be put there, or not be read"),
        (warning, wrong.open, "a mailbox that others may enter", "they can read or change the mail"),
        (warning, wrong.numbers, "another number than the record", "a copy of the files gets wrong owners"),
        (warning, wrong.shells, "another shell than the record", "they log in otherwise than the setting says"),
    )
    for severity, found, what, why in kinds:
        if found:
            names = list(found)
            cures = list(dict.fromkeys(found.values()))
            if (found is wrong.missing or found is wrong.groups) and len(cures) > _SHOWN_CURES:
                cures = [_USERS, "signal-event email-update"]
            # The others are cured in the same way.
            cures = cures[:_SHOWN_CURES]
            who = "group" if found is wrong.groups else "user"
            yield severity(f"{counted(len(names), who)} with {what}: {listed(names)}", why, *cures)


CHECKS: dict[str, Checking] = {"accounts of the system": check_system, "users": check_users}
