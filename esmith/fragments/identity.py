"""Users and groups of a root: its own ``/etc/passwd`` and ``/etc/group`` where it has them, else the machine's."""

from __future__ import annotations

import grp
import os
import pwd

from esmith.fields import dataclass
from esmith.names import is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout


@dataclass(frozen=True)
class User:
    """One account, as in passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


class Identities:
    """The users and groups of a root; each is looked up once.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._users: dict[str, User | None] = {}
        self._groups: dict[str, int | None] = {}
        self._own: dict[str, dict[str, list[str]] | None] = {}

    def user(self, name: str) -> User | None:
        """Return the account of a user, None when there is none."""
        if name not in self._users:
            self._users[name] = self._find_user(name)
        return self._users[name]

    def group(self, name: str) -> int | None:
        """Return the number of a group, None when there is none."""
        if name not in self._groups:
            self._groups[name] = self._find_group(name)
        return self._groups[name]

    def user_id(self, name: str) -> int | None:
        """Return the number of an owner that is given by name or by number; root is known everywhere."""
        if is_number(name):
            return int(name)
        user = self.user(name)
        return _number(name, user.uid if user is not None else None)

    def group_id(self, name: str) -> int | None:
        """Return the number of a group that is given by name or by number; root is known everywhere."""
        return int(name) if is_number(name) else _number(name, self.group(name))

    def _find_user(self, name: str) -> User | None:
        own = self._own_file("/etc/passwd", 7, slice(2, 4))
        if own is not None:
            fields = own.get(name)
            return User(name, int(fields[2]), int(fields[3]), fields[5], fields[6]) if fields else None
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return None
        return User(name, entry.pw_uid, entry.pw_gid, entry.pw_dir, entry.pw_shell)

    def _find_group(self, name: str) -> int | None:
        own = self._own_file("/etc/group", 4, slice(2, 3))
        if own is not None:
            return int(own[name][2]) if name in own else None
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            return None

    def _own_file(self, path: str, count: int, numbers: slice) -> dict[str, list[str]] | None:
        """Return the lines of the root's own file by name; None when it has none, and the machine's counts.

        :param count: how many fields a line has.
        :param numbers: which of them are numbers; a line where one is none does not count.
        """
        if path not in self._own:
            place = self._layout.under(path)
            self._layout.trust.require(place)
            self._own[path] = None if self._layout.is_machine else _read_accounts(place, count, numbers)
        return self._own[path]


def _number(name: str, found: int | None) -> int | None:
    return found or 0 if name == "root" else found


def _read_accounts(path: str, count: int, numbers: slice) -> dict[str, list[str]] | None:
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = [line.rstrip("\n").split(":") for line in file]
    return {fields[0]: fields for fields in lines if len(fields) == count and all(map(is_number, fields[numbers]))}
