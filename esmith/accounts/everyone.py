"""The unix accounts of all users and groups of the database at once: made where they are missing, as after an import.

Groups come before users, and members last. The numbers of the records, which are those of the old server, are taken
where nobody has them. What cannot be made is left out with the reason and the cure, and stops nobody else.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from functools import partial

from esmith.accounts.homes import make_mailbox, make_owned
from esmith.accounts.numbers import free_gid, is_ours, new_user, number
from esmith.accounts.users import name_cure
from esmith.errors import EsmithError
from esmith.names import counted
from esmith.printable import shell_word
from esmith.schema.account_names import HOMES, can_be_unix, renaming
from esmith.store.model import Author, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.accounts.book import Book, Group, User
    from esmith.layout import Layout
    from esmith.store.protocol import Store

_DATABASE = "accounts"
#: After how many new accounts it is shown how far it is.
_STEP = 100


@dataclass
class Everyone:
    """What became of the accounts of all users and groups.

    :param users, groups, mailboxes: the names of those that were made, or whose mailbox was.
    :param left: users who get no mail, or cannot read it: the reason, and the cure.
    :param notes: what else is not as the records say.
    """

    users: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    mailboxes: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return what was done, for people."""
        made = [
            counted(len(names), what)
            for names, what in ((self.groups, "unix group"), (self.users, "unix account"), (self.mailboxes, "Maildir"))
            if names
        ]
        return [f"made {', '.join(made)}"] if made else []


def make_everyone(layout: Layout, store: Store, book: Book, say: Callable[[str], None]) -> Everyone:
    """Make the unix accounts, homes and mailboxes of all users and groups, as far as they are missing.

    :param store: the databases, open for writing: the numbers are noted there.
    :param book: the unix accounts of the root.
    :param say: called with how far it is, when there is much to do.
    :return: what was made, and what was left out.
    :raises InstallError: when accounts cannot be changed at all.
    """
    return _Making(layout, store, book, say).make()


class _Making:
    def __init__(self, layout: Layout, store: Store, book: Book, say: Callable[[str], None]) -> None:
        self._layout = layout
        self._store = store
        self._book = book
        self._say = say
        self._done = Everyone()
        #: The numbers to note, by account.
        self._numbers: dict[str, dict[str, str]] = {}

    def make(self) -> Everyone:
        with self._store.snapshot() as snapshot:
            # All of them first: a snapshot is not kept open while programs run.
            records = list(snapshot.records(_DATABASE))
        users = [record for record in records if record.type == "user"]
        groups = [record for record in records if record.type == "group"]
        try:
            missing = sum(self._book.user(record.key) is None for record in users)
            # Those last that get a number of the system's choice, which may be that of a record.
            for record in sorted([*groups, *users], key=self._needs_choice):
                made = len(self._done.users)
                self._kept_apart(record, self._group if record.type == "group" else self._user)
                if missing > _STEP and len(self._done.users) > made and len(self._done.users) % _STEP == 0:
                    self._say(f"{len(self._done.users)} of {missing} unix accounts are made")
            for record in groups:
                self._kept_apart(record, self._members)
        finally:
            self._note()
        return self._done

    def _needs_choice(self, record: Record) -> bool:
        """Return whether the number of a record cannot be used, so that the system has to choose one."""
        if record.type == "group":
            return number(record, "Gid") is None or self._taken_group(record) is not None
        wanted = number(record, "Uid")
        return wanted is None or self._book.user_of(wanted) is not None

    def _taken_group(self, record: Record) -> Group | None:
        wanted = number(record, "Gid")
        return None if wanted is None else self._book.group_of(wanted)

    def _kept_apart(self, record: Record, task: Callable[[Record], None]) -> None:
        """Do a task for one record; what fails is left out, and stops nobody else."""
        try:
            task(record)
        except EsmithError as error:
            self._leave(record, str(error))

    def _remark(self, record: Record, text: str) -> None:
        self._done.notes.append(f"{record.type} {record.key}: {text}")

    def _leave(self, record: Record, reason: str) -> None:
        self._done.left.append(f"{record.type} {record.key}: {reason}")

    def _group(self, record: Record) -> None:
        if not can_be_unix(record.key):
            self._remark(record, "this cannot be the name of a unix group; mail reaches its members nevertheless")
            return
        group = self._book.group(record.key)
        wanted = number(record, "Gid")
        if group is None:
            group = self._book.add_group(record.key, free_gid(self._book, record, partial(self._remark, record)))
            self._done.groups.append(group.name)
        elif wanted != group.gid:
            self._remark(record, _other_group(record, group))
            return
        self._keep(record, {"Gid": str(group.gid)})

    def _user(self, record: Record) -> None:
        if not can_be_unix(record.key):
            self._leave(record, f"this cannot be the name of a unix account, so it gets no mail{renaming(record.key)}")
            return
        user = self._book.user(record.key)
        if user is None:
            user = self._book.add_user(new_user(self._book, record, partial(self._remark, record)))
            self._done.users.append(user.name)
        elif user.home != f"{HOMES}/{user.name}" or user.uid == 0:
            self._leave(
                record,
                f"there is another unix account of this name, with the home {user.home}; it is left alone, and the "
                f"user gets no mail\n  {name_cure(user)}",
            )
            return
        self._home(record, user)
        self._keep(record, {"Uid": str(user.uid), "Gid": str(user.gid)})

    def _home(self, record: Record, user: User) -> None:
        """Make home and mailbox; of those that are there, say where the files belong to another number."""
        place = self._layout.under(user.home)
        # One of root's was made for files that an event wrote before there was an account.
        is_roots = os.path.isdir(place) and not os.path.islink(place) and os.stat(place).st_uid == 0
        if is_roots or not os.path.isdir(f"{place}/Maildir/new"):
            make_owned(self._layout, HOMES, 0o755, None)
            make_owned(self._layout, user.home, 0o700, (user.uid, user.gid), correct=is_roots)
            if make_mailbox(self._layout, user):
                self._done.mailboxes.append(user.name)
        owner = os.stat(place).st_uid
        if owner != user.uid and os.geteuid() == 0:
            self._leave(
                record,
                f"{user.home} belongs to number {owner:d}, and the unix account has {user.uid}: "
                f"chown -hR --from={owner:d} {shell_word(user.name)}: {shell_word(user.home)}",
            )

    def _members(self, record: Record) -> None:
        """Put those members of a group into its unix group that have unix accounts."""
        group = self._book.group(record.key)
        noted = self._numbers.get(record.key, {}).get("Gid", str(number(record, "Gid")))
        if group is None or noted != str(group.gid):
            return
        names = (name.strip() for name in record.props.get("Members", "").split(","))
        members = [name for name in dict.fromkeys(names) if name and self._book.user(name) is not None]
        if sorted(members) != sorted(group.members):
            self._book.set_members(group.name, members)

    def _keep(self, record: Record, numbers: dict[str, str]) -> None:
        if any(record.props.get(name) != value for name, value in numbers.items()):
            self._numbers[record.key] = numbers

    def _note(self) -> None:
        """Write the numbers into the records, all of them at once."""
        if not self._numbers:
            return
        with self._store.transaction(Author.current(["esmith", "accounts"])) as transaction:
            for key, numbers in self._numbers.items():
                if transaction.type_of(_DATABASE, key) in ("user", "group"):
                    for name, value in numbers.items():
                        transaction.set_prop(_DATABASE, key, name, value)


def _other_group(record: Record, group: Group) -> str:
    """Return what is printed of a unix group that is not that of the record."""
    text = (
        f"there is another unix group of this name, of number {group.gid}; it is left alone, and mail reaches "
        "the members nevertheless"
    )
    if not is_ours(group.gid):
        return text
    command = shlex.join(["db", "accounts", "setprop", record.key, "Gid", str(group.gid)])
    return f"{text}. Where it is to be this one: {command}"
