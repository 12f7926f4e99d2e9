"""The unix accounts of a root folder: its own ``/etc/passwd`` and ``/etc/group``.

Nobody logs in by them. A password that is set is kept as a hash in its ``/etc/shadow``: a trial shows what would be.
"""

from __future__ import annotations

import errno
import os

from esmith.accounts.book import Group, NewUser, User
from esmith.errors import InstallError, RefusedError
from esmith.names import is_number
from esmith.plan.host import Host, trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.layout import Layout

PASSWD, GROUP, SHADOW = "/etc/passwd", "/etc/group", "/etc/shadow"
#: Where the numbers begin that are given to the system and to people; the second as on SME Server.
_FIRST_OF_SYSTEM, _FIRST_OF_PEOPLE = 100, 5000
#: What a field of these files cannot hold.
_FORBIDDEN = (":", "\n", "\0")


class Folder:
    """The accounts of a root folder. Lines that are no accounts stay as they are.

    :param layout: the root.
    :param host: writes the files.
    """

    def __init__(self, layout: Layout, host: Host) -> None:
        self._layout = layout
        self._host = host
        self._lines: dict[str, list[list[str]]] = {}
        #: The users by their names; None when the lines are others than those it was made of.
        self._users: dict[str, User] | None = None

    def user(self, name: str) -> User | None:
        """Return a user, None when there is none of this name."""
        if self._users is None:
            # Of two lines with one name the first counts.
            lines = [fields for fields in reversed(self._read(PASSWD)) if _is_user(fields)]
            self._users = {
                fields[0]: User(fields[0], int(fields[2]), int(fields[3]), fields[4], fields[5], fields[6])
                for fields in lines
            }
        return self._users.get(name)

    def user_of(self, uid: int) -> User | None:
        """Return the user of a number, None when there is none."""
        names = (fields[0] for fields in self._read(PASSWD) if _is_user(fields) and int(fields[2]) == uid)
        return self.user(next(names, ""))

    def group(self, name: str) -> Group | None:
        """Return a group, None when there is none of this name."""
        return self._group(lambda fields: fields[0] == name)

    def group_of(self, gid: int) -> Group | None:
        """Return the group of a number, None when there is none."""
        return self._group(lambda fields: int(fields[2]) == gid)

    def is_free_uid(self, number: int) -> bool:
        """Return whether no user has a number."""
        return all(int(fields[2]) != number for fields in self._read(PASSWD) if _is_user(fields))

    def is_free_gid(self, number: int) -> bool:
        """Return whether no group has a number."""
        return self.group_of(number) is None

    def add_user(self, new: NewUser) -> User:
        """Make a user."""
        uid = new.uid if new.uid is not None else self._next_number(is_system=new.is_system)
        if new.group is None:
            group = self.add_group(new.name, uid if self.group_of(uid) is None else None, is_system=new.is_system)
            gid = group.gid
        else:
            found = self.group(new.group) if isinstance(new.group, str) else self.group_of(new.group)
            if found is None:
                raise InstallError(f"there is no group {new.group}", place=self._layout.under(GROUP))
            gid = found.gid
        fields = [new.name, "x", str(uid), str(gid), new.comment, new.home, new.shell]
        self._write(PASSWD, [*self._read(PASSWD), fields])
        return User(new.name, uid, gid, new.comment, new.home, new.shell)

    def add_group(self, name: str, gid: int | None = None, *, is_system: bool = False) -> Group:
        """Make a group."""
        number = gid if gid is not None else self._next_number(is_system=is_system)
        self._write(GROUP, [*self._read(GROUP), [name, "x", str(number), ""]])
        return Group(name, number, ())

    def change_user(self, name: str, comment: str | None, shell: str | None) -> None:
        """Give a user another comment and another shell; None leaves it."""
        lines = [[*fields] for fields in self._read(PASSWD)]
        for fields in lines:
            if fields[0] == name and _is_user(fields):
                fields[4] = fields[4] if comment is None else comment
                fields[6] = fields[6] if shell is None else shell
        self._write(PASSWD, lines)

    def set_members(self, group: str, members: list[str]) -> None:
        """Put these users, and nobody else, into a group."""
        lines = [[*fields] for fields in self._read(GROUP)]
        for fields in lines:
            if fields[0] == group and _is_group(fields):
                fields[3] = ",".join(members)
        self._write(GROUP, lines)

    def set_hashes(self, _hashes: dict[str, str]) -> None:
        """Refuse: a root folder has no passwords.

        :raises RefusedError: always.
        """
        raise RefusedError("a root folder has no passwords, so there is nowhere to set them", place=self._layout.root)

    def set_password(self, name: str, password: str) -> None:
        """Keep the hash of a user's password."""
        from esmith.accounts.hashing import hash_of

        self._keep_hash(name, hash_of(password))

    def lock(self, name: str) -> None:
        """Lock the password of a user, where there is one."""
        for fields in self._read(SHADOW):
            if fields[0] == name and len(fields) > 1 and not fields[1].startswith("!"):
                self._keep_hash(name, f"!{fields[1]}")
                return

    def _keep_hash(self, name: str, text: str | None) -> None:
        """Write the line of a user in shadow(5); None leaves the user out."""
        others = [fields for fields in self._read(SHADOW) if fields[0] != name]
        own = [] if text is None else [[name, text, "", "", "", "", "", "", ""]]
        self._write(SHADOW, [*others, *own], mode=0o600)

    def remove_user(self, name: str) -> list[str]:
        """Remove a user, the group of that name where nobody else is in it, and the home; return notes."""
        user = self.user(name)
        if user is None:
            return []
        self._write(PASSWD, [fields for fields in self._read(PASSWD) if fields[0] != name])
        if any(fields[0] == name for fields in self._read(SHADOW)):
            self._keep_hash(name, None)
        for fields in [[*fields] for fields in self._read(GROUP)]:
            if _is_group(fields) and name in fields[3].split(","):
                self.set_members(fields[0], [member for member in fields[3].split(",") if member != name])
        own = self.group(name)
        if own is not None and own.gid == user.gid and not own.members:
            self.remove_group(name)
        home = self._layout.under(user.home)
        try:
            above = self._layout.disk().find(os.path.dirname(home))
            if above is not None:
                above.remove_tree(os.path.basename(home))
        except OSError as error:
            raise trouble(home, error) from error
        return []

    def remove_group(self, name: str) -> None:
        """Remove a group."""
        self._write(GROUP, [fields for fields in self._read(GROUP) if fields[0] != name])

    def _group(self, is_it: Callable[[list[str]], bool]) -> Group | None:
        for fields in self._read(GROUP):
            if _is_group(fields) and is_it(fields):
                return Group(fields[0], int(fields[2]), tuple(filter(None, fields[3].split(","))))
        return None

    def _numbers(self) -> set[int]:
        users = {int(number) for fields in self._read(PASSWD) if _is_user(fields) for number in fields[2:4]}
        return users | {int(fields[2]) for fields in self._read(GROUP) if _is_group(fields)}

    def _next_number(self, *, is_system: bool) -> int:
        taken = self._numbers()
        number = _FIRST_OF_SYSTEM if is_system else _FIRST_OF_PEOPLE
        while number in taken:
            number += 1
        return number

    def _read(self, path: str) -> list[list[str]]:
        if path not in self._lines:
            place = self._layout.under(path)
            self._layout.trust.require(place)
            try:
                text = self._layout.disk().read(place).decode("utf-8", "surrogateescape")
            except FileNotFoundError:
                text = ""
            except OSError as error:
                raise trouble(place, error) from error
            self._lines[path] = [line.split(":") for line in text.splitlines()]
        return self._lines[path]

    def _write(self, path: str, lines: list[list[str]], *, mode: int = 0o644) -> None:
        place = self._layout.under(path)
        if any(mark in field for fields in lines for field in fields for mark in _FORBIDDEN):
            raise trouble(place, OSError(errno.EINVAL, "a field would hold a colon or the end of a line"))
        text = "".join(":".join(fields) + "\n" for fields in lines)
        self._host.install(self._host.stage(place, text.encode("utf-8", "surrogateescape"), mode, None))
        self._host.sync({os.path.dirname(place)})
        self._lines[path] = lines
        if path == PASSWD:
            self._users = None


def _is_user(fields: list[str]) -> bool:
    return len(fields) == 7 and is_number(fields[2]) and is_number(fields[3])


def _is_group(fields: list[str]) -> bool:
    return len(fields) == 4 and is_number(fields[2])
