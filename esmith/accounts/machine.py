"""The unix accounts of the machine: read by getpwnam(3) and its like, changed by the programs of the package passwd."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from contextlib import suppress

from esmith.accounts.book import Group, NewUser, User
from esmith.environment import PATH, clean_environment
from esmith.errors import InstallError

#: Exit status of userdel(8): the user runs something.
_IN_USE = 8
_TRIES = 5
#: The numbers that Debian gives to people (login.defs, UID_MIN and UID_MAX): none of them is for the system.
_OF_PEOPLE = range(1000, 60000)


class Machine:
    """The accounts of the machine itself; only root may change them.

    :param path: where the programs are looked for.
    """

    #: Where the crontabs of users are (cron(8)).
    crontabs = "/var/spool/cron/crontabs"

    def __init__(self, path: str = PATH) -> None:
        self._path = path
        self._users: dict[str, User] = {}
        self._groups: dict[str, Group] = {}

    def user(self, name: str) -> User | None:
        """Return a user, None when there is none of this name."""
        # All of them at once: asking for each of 1,000 users reads the file 1,000 times.
        self._users = self._users or {entry.pw_name: _user(entry) for entry in pwd.getpwall()}
        if name in self._users:
            return self._users[name]
        try:
            return _user(pwd.getpwnam(name))
        except KeyError:
            return None

    def user_of(self, uid: int) -> User | None:
        """Return the user of a number, None when there is none."""
        try:
            return _user(pwd.getpwuid(uid))
        except KeyError:
            return None

    def group(self, name: str) -> Group | None:
        """Return a group, None when there is none of this name."""
        self._groups = self._groups or {entry.gr_name: _group(entry) for entry in grp.getgrall()}
        if name in self._groups:
            return self._groups[name]
        try:
            return _group(grp.getgrnam(name))
        except KeyError:
            return None

    def group_of(self, gid: int) -> Group | None:
        """Return the group of a number, None when there is none."""
        try:
            return _group(grp.getgrgid(gid))
        except KeyError:
            return None

    def is_free_uid(self, number: int) -> bool:
        """Return whether no user has a number, and it is none of those for people."""
        try:
            pwd.getpwuid(number)
        except KeyError:
            return number not in _OF_PEOPLE
        return False

    def is_free_gid(self, number: int) -> bool:
        """Return whether no group has a number, and it is none of those for people."""
        return number not in _OF_PEOPLE and self.group_of(number) is None

    def add_user(self, new: NewUser) -> User:
        """Make a user (useradd(8)). It has no password yet, so nobody can log in."""
        words = ["useradd", *(["--system"] if new.is_system else [])]
        # Debian 13 takes a plus only so.
        words += ["--badname"] if "+" in new.name else []
        words += ["--home-dir", new.home, "--no-create-home", "--shell", new.shell, "--comment", new.comment]
        words += ["--uid", str(new.uid)] if new.uid is not None else []
        words += ["--user-group"] if new.group is None else ["--no-user-group", "--gid", str(new.group)]
        self._run([*words, "--", new.name])
        found = self.user(new.name)
        if found is None:
            raise InstallError(f"useradd made no user {new.name}", hint=f"see: getent passwd {new.name}")
        return found

    def add_group(self, name: str, gid: int | None = None, *, is_system: bool = False) -> Group:
        """Make a group (groupadd(8))."""
        words = ["groupadd", *(["--system"] if is_system else [])]
        self._run([*words, *(["--gid", str(gid)] if gid is not None else []), "--", name])
        found = self.group(name)
        if found is None:
            raise InstallError(f"groupadd made no group {name}", hint=f"see: getent group {name}")
        return found

    def change_user(self, name: str, comment: str | None, shell: str | None) -> None:
        """Give a user another comment and another shell (usermod(8)); None leaves it."""
        options = ["--comment", comment] if comment is not None else []
        options += ["--shell", shell] if shell is not None else []
        self._run(["usermod", *options, "--", name])

    def set_members(self, group: str, members: list[str]) -> None:
        """Put these users, and nobody else, into a group (gpasswd(1))."""
        self._run(["gpasswd", "--members", ",".join(members), group])

    def set_hashes(self, hashes: dict[str, str]) -> None:
        """Set the passwords of users, each given by its hash (chpasswd(8))."""
        lines = "".join(f"{name}:{text}\n" for name, text in hashes.items())
        self._run(["chpasswd", "--encrypted"], given=lines.encode("utf-8", "surrogateescape"))

    def set_password(self, name: str, password: str) -> None:
        """Set the password of a user (chpasswd(8)), which goes by standard input: arguments are seen by everybody."""
        self._run(["chpasswd"], given=f"{name}:{password}\n".encode("utf-8", "surrogateescape"))

    def lock(self, name: str) -> None:
        """Lock the password of a user."""
        self._run(["usermod", "--lock", "--", name])

    def remove_user(self, name: str) -> list[str]:
        """Remove a user with home and mail (userdel(8)), and return notes."""
        user = self.user(name)
        notes: list[str] = []
        for left in reversed(range(_TRIES)):
            # A user could keep his account by a process that goes on; one that .qmail started, for example.
            if user is not None and not self._try(["pkill", "-KILL", "-U", str(user.uid)]):
                notes = ["pkill is missing (Debian package procps), so what the user runs goes on"]
            if self._run(["userdel", "--remove", "--", name], accepted=_IN_USE if left else 0) == 0:
                break
        # cron would run it as the next user of this name who has the same number.
        with suppress(FileNotFoundError):
            os.unlink(f"{self.crontabs}/{name}")
        return notes

    def remove_group(self, name: str) -> None:
        """Remove a group (groupdel(8))."""
        self._run(["groupdel", name])

    def _try(self, words: list[str]) -> bool:
        """Run a program whatever comes of it; return whether it is there."""
        try:
            subprocess.run(words, env=self._environment(), stdin=subprocess.DEVNULL, check=False)
        except FileNotFoundError:
            return False
        return True

    def _run(self, words: list[str], *, accepted: int = 0, given: bytes = b"") -> int:
        """Run a program that changes accounts, and return its exit status.

        :param given: what it reads.
        :param accepted: an exit status besides 0 that is no error.
        :raises InstallError: when it is missing or fails.
        """
        self._users, self._groups = {}, {}
        try:
            status = subprocess.run(words, env=self._environment(), input=given, check=False).returncode
        except FileNotFoundError as error:
            raise InstallError(f"{words[0]} is missing", hint="run: apt-get install passwd") from error
        if status not in (0, accepted):
            hint = "what it printed says why; correct that and signal the event again"
            raise InstallError(f"{' '.join(words)} failed with exit status {status}", hint=hint)
        return status

    def _environment(self) -> dict[str, str]:
        """Return the environment of the programs: those of the system, wherever the command was called."""
        return {**clean_environment(), "PATH": self._path}


def _user(entry: pwd.struct_passwd) -> User:
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_gecos, entry.pw_dir, entry.pw_shell)


def _group(entry: grp.struct_group) -> Group:
    return Group(entry.gr_name, entry.gr_gid, tuple(entry.gr_mem))
