"""A machine whose accounts are files of a test: the programs that would change it note their calls."""

from __future__ import annotations

from pathlib import Path

from esmith.accounts.book import Group, User
from esmith.accounts.machine import Machine

#: Each notes its call, then does what little the callers rely on. $D is the folder of the files.
PROGRAMS = {
    "useradd": """
uid=5001 gid=5001 home=/
while [ "$1" != -- ]; do
    case $1 in --uid) uid=$2 ;; --gid) gid=$2 ;; --home-dir) home=$2 ;; esac
    shift
done
case $gid in *[!0-9]*) gid=$(sed -n "s/^$gid:x:\\([0-9]*\\):.*/\\1/p" "$D/group") ;; esac
echo "$2:x:$uid:$gid::$home:/bin/false" >>"$D/passwd" """,
    "groupadd": """
gid=5101
while [ "$1" != -- ]; do
    case $1 in --gid) gid=$2 ;; esac
    shift
done
echo "$2:x:$gid:" >>"$D/group" """,
    "chpasswd": 'cat >>"$D/hashes"',
    **dict.fromkeys(("usermod", "pkill", "userdel", "groupdel", "gpasswd"), ":"),
}


class FakeMachine(Machine):
    """A machine without accounts but those a test gives it.

    :param folder: where its files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir(parents=True)
        super().__init__(str(self.programs))
        self.crontabs = str(folder / "crontabs")
        for name, body in PROGRAMS.items():
            self.replace(name, f'D={folder}\nPATH=/usr/bin:/bin\necho {name} "$@" >>"$D/calls"\n{body}\n')
        for name in ("passwd", "group", "calls"):
            (folder / name).write_text("")

    def replace(self, name: str, body: str) -> None:
        """Give it another program."""
        (self.programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.programs / name).chmod(0o755)

    def write(self, file: str, text: str) -> None:
        """Give it a passwd or a group that is so and not otherwise."""
        (self.folder / file).write_text(text)

    def has(self, file: str, line: str) -> None:
        """Give it a line of passwd or group."""
        with open(self.folder / file, "a") as stream:
            stream.write(f"{line}\n")

    @property
    def calls(self) -> list[str]:
        """How its programs were called."""
        return (self.folder / "calls").read_text().splitlines()

    def user(self, name: str) -> User | None:
        """Return a user of its file."""
        for fields in self._fields("passwd"):
            if fields[0] == name:
                return User(name, int(fields[2]), int(fields[3]), fields[4], fields[5], fields[6])
        return None

    def user_of(self, uid: int) -> User | None:
        """Return the user of a number of its file."""
        return next((self.user(fields[0]) for fields in self._fields("passwd") if int(fields[2]) == uid), None)

    def group(self, name: str) -> Group | None:
        """Return a group of its file."""
        return next((group for group in self._groups_there() if group.name == name), None)

    def group_of(self, gid: int) -> Group | None:
        """Return the group of a number of its file."""
        return next((group for group in self._groups_there() if group.gid == gid), None)

    def is_free_uid(self, number: int) -> bool:
        """Return whether a user of the system may get a number."""
        return number < 1000 and all(int(fields[2]) != number for fields in self._fields("passwd"))

    def _groups_there(self) -> list[Group]:
        lines = self._fields("group")
        return [Group(name, int(gid), tuple(filter(None, members.split(",")))) for name, _, gid, members in lines]

    def _fields(self, file: str) -> list[list[str]]:
        return [line.split(":") for line in (self.folder / file).read_text().splitlines()]
