"""What the accounts database has for users and groups, made so among the unix accounts of a root.

These are the actions ``user-create-unix`` and so on (docs/events.md#what-actions-make-of-files). A unix account that is
not known to be ours is left alone: a user's home shows it, a group's Gid.
"""

from __future__ import annotations

from esmith.accounts.homes import make_mailbox, make_owned
from esmith.accounts.numbers import comment_of, free_gid, is_ours, new_user, number
from esmith.errors import RefusedError, UsageError
from esmith.printable import shell_word
from esmith.schema.account_names import HOMES, can_be_unix, renaming, unix_fault
from esmith.store.model import Author, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmith.accounts.book import Book, Group, User
    from esmith.layout import Layout
    from esmith.store.protocol import Store

_DATABASE = "accounts"


class Accounts:
    """The users and groups of one root.

    :param layout: the root.
    :param store: its databases, open for writing.
    :param book: its unix accounts.
    :param say: shows what was made, or left alone and why.
    """

    def __init__(self, layout: Layout, store: Store, book: Book, say: Callable[[str], None]) -> None:
        self._layout = layout
        self._store = store
        self._book = book
        self._say = say

    def do(self, task: str, name: str | None) -> None:
        """Do the task of an action.

        :param task: one of :data:`TASKS`.
        :param name: the account; None for all, where the task is for all.
        :raises UsageError: when there is no such task.
        :raises RefusedError: when the record or the unix account is not what it has to be; nothing was changed.
        :raises InstallError: when an account or a directory cannot be changed.
        """
        if task not in TASKS:
            raise UsageError(f"there is no task {task!r}", hint=f"name one of: {', '.join(TASKS)}")
        TASKS[task](self, name)

    def create_user(self, name: str | None) -> None:
        """Make a user's unix account, home and mailbox, as far as they are missing, and note the numbers."""
        record = self._record(name, "user")
        user = self._book.user(record.key)
        if user is None:
            user = self._book.add_user(new_user(self._book, record, self._remark(record)))
            self._say(f"made the unix account {user.name}")
        _check_home(user)
        make_owned(self._layout, HOMES, 0o755, None)
        make_owned(self._layout, user.home, 0o700, (user.uid, user.gid), correct=True)
        make_mailbox(self._layout, user)
        self._note(record, {"Uid": str(user.uid), "Gid": str(user.gid)})

    def modify_user(self, name: str | None) -> None:
        """Give a user's unix account, or everyone's, the name and the shell of the record."""
        for record in self._chosen("user", name):
            user = self._book.user(record.key)
            if user is None:
                if can_be_unix(record.key):
                    make = f"signal-event user-create {shell_word(record.key)}"
                    self._say(f"there is no unix account {record.key}; to make it: {make}")
                continue
            if not self._is_users(user, name):
                continue
            comment, shell = comment_of(record), record.props.get("Shell") or user.shell
            if (comment, shell) != (user.comment, user.shell):
                self._book.change_user(
                    user.name, comment if comment != user.comment else None, shell if shell != user.shell else None
                )

    def delete_user(self, name: str | None) -> None:
        """Remove a user's unix account, home and mail."""
        if self._found(name) is None:
            self._say(f"there is no record of {name} any more: the unix account, if there is one, is left alone")
            return
        record = self._record(name, "user-deleted")
        user = self._book.user(record.key)
        if user is None:
            self._say(f"there is no unix account {name}")
            return
        _check_home(user)
        for note in self._book.remove_user(user.name):
            self._say(note)

    def lock_user(self, name: str | None) -> None:
        """Lock the unix password of a user, or of everyone whose PasswordSet is no."""
        for record in self._chosen("user", name):
            user = self._book.user(record.key)
            is_locked = name is not None or record.props.get("PasswordSet") == "no"
            if user is not None and is_locked and self._is_users(user, name):
                self._book.lock(user.name)

    def create_group(self, name: str | None) -> None:
        """Make the unix group of a group, and put its members in."""
        record = self._record(name, "group")
        group = self._book.group(record.key)
        if group is None:
            group = self._book.add_group(record.key, free_gid(self._book, record, self._remark(record)))
        elif number(record, "Gid") != group.gid:
            raise RefusedError(f"there is a unix group {name} already, of number {group.gid}")
        self._note(record, {"Gid": str(group.gid)})
        self._set_members(record, group)

    def modify_group(self, name: str | None) -> None:
        """Make the members of a unix group, or of all of them, those of the record."""
        for record in self._chosen("group", name):
            group = self._ours(record)
            if group is not None:
                self._set_members(record, group)

    def delete_group(self, name: str | None) -> None:
        """Remove a unix group."""
        if self._found(name) is None:
            self._say(f"there is no record of {name} any more: the unix group, if there is one, is left alone")
            return
        group = self._ours(self._record(name, "group-deleted"))
        if group is not None:
            self._book.remove_group(group.name)

    def _set_members(self, record: Record, group: Group) -> None:
        """Put those members of a group into the unix group that have unix accounts."""
        names = [name.strip() for name in record.props.get("Members", "").split(",")]
        members = [name for name in dict.fromkeys(names) if name and self._book.user(name) is not None]
        if sorted(members) != sorted(group.members):
            self._book.set_members(group.name, members)

    def _ours(self, record: Record) -> Group | None:
        """Return a group's unix group if it exists and is the one that group-create made; else say why not."""
        group = self._book.group(record.key)
        if group is not None and group.gid == number(record, "Gid"):
            return group
        why = "does not exist"
        if group is not None:
            reason = f"and the record no Gid {group.gid}" if is_ours(group.gid) else "which is one of the system"
            why = f"has number {group.gid}, {reason}"
        self._say(f"the unix group {record.key} is left alone: it {why}")
        return None

    def _chosen(self, kind: str, name: str | None) -> Iterator[Record]:
        """Yield the records of a type: all of them, or that of one account; of admin there is nothing to do."""
        if name is None:
            with self._store.snapshot() as snapshot:
                # All of them first: a snapshot is not kept open while programs run.
                found = list(snapshot.records(_DATABASE, kind))
            yield from found
        elif name != "admin":
            yield self._record(name, kind)

    def _is_users(self, user: User, name: str | None) -> bool:
        """Return whether a unix account is that of the user; of everyone, another one is left alone.

        :param name: the user who was named; None for everyone.
        :raises RefusedError: when the named user's is another account.
        """
        try:
            _check_home(user)
        except RefusedError as error:
            if name is not None:
                raise
            self._say(str(error))
            return False
        return True

    def _remark(self, record: Record) -> Callable[[str], None]:
        """Return what says something of a record."""
        return lambda text: self._say(f"{record.type} {record.key}: {text}")

    def _record(self, name: str | None, kind: str) -> Record:
        """Return the record of an account.

        :raises RefusedError: when there is none of this type, or its name cannot be that of a unix account.
        """
        found = self._found(name)
        if found is None or found.type != kind:
            raise RefusedError(f"there is no account {name} of type {kind}")
        if not can_be_unix(found.key):
            raise RefusedError(
                f"{name!r} cannot be the name of a unix account",
                hint=renaming(found.key).strip() if kind == "user" else "",
            )
        return found

    def _found(self, name: str | None) -> Record | None:
        with self._store.snapshot() as snapshot:
            return snapshot.record(_DATABASE, name) if name else None

    def _note(self, record: Record, props: dict[str, str]) -> None:
        """Note numbers in the record, where it does not say the same."""
        if all(record.props.get(name) == value for name, value in props.items()):
            return
        with self._store.transaction(Author.current(["esmith", "accounts", record.key])) as transaction:
            if transaction.type_of(_DATABASE, record.key) == record.type:
                for name, value in props.items():
                    transaction.set_prop(_DATABASE, record.key, name, value)


#: The tasks by the names of the actions.
TASKS: dict[str, Callable[[Accounts, str | None], None]] = {
    "user-create-unix": Accounts.create_user,
    "user-modify-unix": Accounts.modify_user,
    "user-delete-unix": Accounts.delete_user,
    "user-lock-passwd": Accounts.lock_user,
    "group-create-unix": Accounts.create_group,
    "group-modify-unix": Accounts.modify_group,
    "group-delete-unix": Accounts.delete_group,
}


def _check_home(user: User) -> None:
    """Refuse an account whose home is not that of one of our users.

    :raises RefusedError: when it is another account of the system.
    """
    if user.home != f"{HOMES}/{user.name}":
        raise RefusedError(
            f"the unix account {user.name} is not this user's: its home is {user.home}",
            hint=name_cure(user),
        )


def name_cure(user: User) -> str:
    """Return what helps where another unix account has the name of a user."""
    if unix_fault(user.name, user.uid, user.home):
        # Programs of Debian know those by their names.
        return renaming(user.name).strip()
    return f"to free the name: usermod --login {shell_word(user.name)}-old {shell_word(user.name)}"
