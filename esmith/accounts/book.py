"""What the rest asks of the unix accounts of a root, whoever keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

#: The shell of those who do not log in.
NO_SHELL = "/bin/false"


@dataclass(frozen=True)
class User:
    """A line of passwd(5)."""

    name: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str


@dataclass(frozen=True)
class Group:
    """A line of group(5)."""

    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class NewUser:
    """A user that is to be made, without a password.

    :param name: its name.
    :param home: its home, as the configured system knows it; it is not made.
    :param uid: its number; None for one that is free.
    :param group: its group, a name or a number of one that exists; None for one of its own.
    :param is_system: whether the number is taken from those of the system, and not from those of people.
    """

    name: str
    home: str
    shell: str = NO_SHELL
    comment: str = ""
    uid: int | None = None
    group: str | int | None = None
    is_system: bool = False


class Book(Protocol):
    """The unix accounts of one root.

    :raises InstallError: when something cannot be changed.
    """

    def user(self, name: str, /) -> User | None:
        """Return a user, None when there is none of this name."""

    def user_of(self, uid: int, /) -> User | None:
        """Return the user of a number, None when there is none."""

    def group(self, name: str, /) -> Group | None:
        """Return a group, None when there is none of this name."""

    def group_of(self, gid: int, /) -> Group | None:
        """Return the group of a number, None when there is none."""

    def is_free_uid(self, number: int, /) -> bool:
        """Return whether a user of the system may get a number."""

    def is_free_gid(self, number: int, /) -> bool:
        """Return whether a group of the system may get a number."""

    def add_user(self, new: NewUser, /) -> User:
        """Make a user."""

    def add_group(self, name: str, gid: int | None = None, *, is_system: bool = False) -> Group:
        """Make a group.

        :param gid: its number; None for one that is free.
        """

    def change_user(self, name: str, comment: str | None, shell: str | None, /) -> None:
        """Give a user another comment and another shell; None leaves it."""

    def set_members(self, group: str, members: list[str], /) -> None:
        """Put these users, and nobody else, into a group."""

    def set_hashes(self, hashes: dict[str, str], /) -> None:
        """Set the passwords of users, all of them or none, each given by its hash (crypt(5)).

        :raises RefusedError: when the root has no passwords.
        """

    def set_password(self, name: str, password: str, /) -> None:
        """Set the password of a user, given as it is typed."""

    def lock(self, name: str, /) -> None:
        """Lock the password of a user."""

    def remove_user(self, name: str, /) -> list[str]:
        """Remove a user with home and mail, and return notes; what the user runs is ended."""

    def remove_group(self, name: str, /) -> None:
        """Remove a group."""
