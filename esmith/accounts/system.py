"""The accounts of the system: those every mail server has, and the ``[account]`` of each service.

The list is made here and in each ``service.toml``, for ``esmith init``, for the action ``system-accounts`` of events,
and for whoever sets a server up. What is there already is never changed, and nothing is removed.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field

from esmith.accounts.book import Book, NewUser
from esmith.accounts.folder import Folder
from esmith.accounts.homes import make_mailbox, make_owned
from esmith.accounts.machine import Machine
from esmith.errors import ServiceError, UntrustedError, UserFileError
from esmith.printable import shell_word
from esmith.schema.account_names import HOMES
from esmith.services.definition import Services
from esmith.services.service import Account, Directory, Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmith.layout import Layout
    from esmith.plan.host import Host

#: The accounts that every SME Server has, with its numbers. smelog owns the logs that svlogd and multilog write.
_SYSTEM = (
    Account("root", (), 0, "root", 0, "/root"),
    Account("admin", (), 101, "admin", 101, "/home/e-smith"),
    Account("smelog", (), 1002, "smelog", 1002, "/var/log/smelog"),
)
#: Those whose files the templates write into their homes.
_AT_HOME = ("admin", "alias")
#: The group of all users.
SHARED = ("shared", 500)
#: What the templates write to, all of root's: others may enter them, as qmail and Postfix do with the rights of users.
_DIRECTORIES = ("/home/e-smith", "/home/e-smith/files", HOMES, "/var/qmail", "/var/qmail/alias")
#: What has to be there, one name a line: the action system-accounts compares, and starts nothing when all is there.
COMPLETE = "/var/lib/e-smith/system-accounts"


@dataclass
class Made:
    """What became of the accounts.

    :param groups: the unix groups that were made.
    :param users: the unix accounts.
    :param directories: the directories, as the configured system knows them.
    :param warnings: what could not be made, with the cure.
    """

    groups: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return what was made, in a line for each kind."""
        kinds = {"unix groups": self.groups, "unix accounts": self.users, "directories": self.directories}
        return [f"made the {kind} {', '.join(names)}" for kind, names in kinds.items() if names]


def book_of(layout: Layout, host: Host) -> Book:
    """Return the unix accounts of a root."""
    return Machine() if layout.is_machine else Folder(layout, host)


def account_files(layout: Layout) -> list[str]:
    """Return the files of a root folder that :func:`make_system_accounts` writes, as paths of this disk."""
    return [] if layout.is_machine else [layout.under("/etc/passwd"), layout.under("/etc/group")]


def system_accounts(layout: Layout) -> list[Account]:
    """Return the accounts that are to be there, by their numbers.

    :raises ServiceError: when a file that defines a service is broken.
    """
    return _accounts(_services(layout, Made()))


def _accounts(services: list[Service]) -> list[Account]:
    own = [service.account for service in services if service.account]
    accounts = {account.name: account for account in [*own, *_SYSTEM]}
    return sorted(accounts.values(), key=lambda account: (account.number, account.name))


def _services(layout: Layout, done: Made) -> list[Service]:
    """Return the services of a root; one that is defined wrongly is a warning, and stops nobody else."""
    services = Services(layout)
    found = []
    for name in services.names():
        try:
            found.append(services.of(name))
        except (ServiceError, UntrustedError) as error:
            done.warnings.append(str(error))
    return found


def service_directories_of(layout: Layout) -> set[str]:
    """Return the directories that are made for templates and for services, the homes of their accounts among them.

    :return: paths of the configured system; those in ``/home`` are not among them.
    :raises ServiceError: when a file that defines a service is broken.
    """
    services = Services(layout)
    found = set(_DIRECTORIES)
    for service in map(services.of, services.names()):
        found |= {directory.path for directory in service.directories}
        found |= {service.account.home} if service.account else set()
    return {path for path in found if not f"{path}/".startswith("/home/")}


def make_system_accounts(layout: Layout, host: Host, book: Book | None = None) -> Made:
    """Make the accounts of the system and their directories, as far as they are missing.

    :param host: writes the files of a root folder.
    :param book: the accounts; None for those of the root.
    :return: what was made; a name that is there as something else is a warning, and stops nothing.
    :raises ServiceError: when a file that defines a service is broken.
    :raises InstallError: when an account or a directory cannot be made.
    """
    done = Made()
    if layout.is_machine and os.geteuid() != 0:
        done.warnings.append("the accounts of the machine are made by root only; run: sudo esmith accounts")
        return done
    book = book or book_of(layout, host)
    services = _services(layout, done)
    accounts = _accounts(services)
    groups = {account.group: account.group_number for account in accounts} | dict([SHARED])
    for name, number in sorted(groups.items(), key=lambda group: group[1]):
        if book.group(name) is None:
            book.add_group(name, _number(book.is_free_gid, name, number), is_system=True)
            done.groups.append(name)
    for account in accounts:
        _make_account(book, account, done)
    there = _make_directories(layout, book, services, done)
    names = [f"user:{account.name}" for account in accounts] + [f"group:{name}" for name in groups]
    _note_complete(layout, host, [*names, *(f"directory:{path}" for path in there)])
    return done


def _make_account(book: Book, account: Account, done: Made) -> None:
    user = book.user(account.name)
    if user is None:
        number = _number(book.is_free_uid, account.name, account.number)
        book.add_user(NewUser(account.name, account.home, uid=number, group=account.group, is_system=True))
        done.users.append(account.name)
    elif user.uid == 0 and account.number != 0:
        done.warnings.append(_taken(account, "has the rights of root (number 0)"))
    elif account.name in _AT_HOME and user.home != account.home:
        done.warnings.append(_taken(account, f"has the home {user.home}, and not {account.home}"))


def _taken(account: Account, why: str) -> str:
    name = account.name
    return (
        f"the unix account {name} is another one: it {why}; it is left alone. "
        f"To free the name for the mail server: usermod --login {shell_word(name + '2')} {shell_word(name)} "
        "&& esmith accounts"
    )


def _number(is_free: Callable[[int], bool], account: str, number: int) -> int | None:
    """Return the number an account gets, None for any; that of root is its nature."""
    if account == "root":
        return 0
    return number if number and is_free(number) else None


def _make_directories(layout: Layout, book: Book, services: list[Service], done: Made) -> list[str]:
    """Make the directories of the templates, the mailbox of admin, and those that services name.

    :return: those of the templates and of admin.
    """
    there = [*_DIRECTORIES]
    done.directories += [path for path in _DIRECTORIES if make_owned(layout, path, 0o755, None)]
    admin = book.user("admin")
    if admin is not None and admin.uid != 0 and admin.home == _DIRECTORIES[0]:
        there.append(f"{admin.home}/Maildir/new")
        with _kept_apart(done):
            if make_mailbox(layout, admin):
                done.directories.append(f"{admin.home}/Maildir")
    for service in services:
        for directory in service.directories:
            owner = _owner(book, directory, service.account)
            with _kept_apart(done):
                if make_owned(layout, directory.path, int(directory.mode, 8), owner):
                    done.directories.append(directory.path)
    return there


@contextmanager
def _kept_apart(done: Made) -> Iterator[None]:
    """Let what an account did to its own directory be a warning, and stop nobody else."""
    try:
        yield
    except UserFileError as error:
        done.warnings.append(str(error))


def _owner(book: Book, directory: Directory, account: Account | None) -> tuple[int, int] | None:
    """Return who a directory of a service is for; None for root."""
    name = directory.owner or (account.name if account else "")
    user = book.user(name) if name else None
    if user is None:
        return None
    group = book.group(directory.group) if directory.group else None
    return user.uid, group.gid if group else user.gid


def _note_complete(layout: Layout, host: Host, lines: list[str]) -> None:
    """Write down what is there now, so that the next event need not look for it; later than the services changed."""
    target, text = layout.under(COMPLETE), "".join(f"{line}\n" for line in lines).encode()
    try:
        with open(target, "rb") as file:
            if file.read() == text and os.fstat(file.fileno()).st_mtime_ns >= _last_change(layout):
                return
    except OSError:
        pass
    host.install(host.stage(target, text, 0o644, None))
    host.sync({os.path.dirname(target)})


def _last_change(layout: Layout) -> int:
    """Return when a service was last defined, in nanoseconds: what the action system-accounts compares, too."""
    places = [place for layer in (layout.services, layout.services_custom) for place in (layer, *_below(layer))]
    return max((os.stat(place).st_mtime_ns for place in places if os.path.exists(place)), default=0)


def _below(layer: str) -> list[str]:
    names = os.listdir(layer) if os.path.isdir(layer) else []
    return [f"{layer}/{name}{rest}" for name in names for rest in ("", "/service.toml")]
