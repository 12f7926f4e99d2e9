"""Passwords of another server: the lines of its shadow(5), for those accounts that are users of the database here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from esmith.names import shorten
from esmith.schema.account_names import HOMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from esmith.accounts.book import Book
    from esmith.store.protocol import Snapshot

#: The hash of a password in shadow(5), in the forms that Debian's libcrypt reads (crypt(5)): yescrypt, gost-yescrypt,
#: scrypt, bcrypt, SHA-512, SHA-256, MD5, and the old one of DES. Costs are those that take some seconds at most: with
#: greater ones each try of anybody to log in would keep a processor busy, for days with the greatest.
_HASHES = re.compile(
    r"""
      \$g?y\$j([78]5|[7-9A-D]T)\$[./A-Za-z0-9]*\$[./A-Za-z0-9]{43}
    | \$7\$[./0-9A-E]U\.{4}/\.{4}[./A-Za-z0-9]*\$[./A-Za-z0-9]{43}
    | \$2[abxy]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}
    | \$6\$(rounds=[1-9][0-9]{0,5}\$)?[^$:\n]{1,16}\$[./A-Za-z0-9]{86}
    | \$5\$(rounds=[1-9][0-9]{0,5}\$)?[^$:\n]{1,16}\$[./A-Za-z0-9]{43}
    | \$1\$[^$:\n]{1,8}\$[./A-Za-z0-9]{22}
    | [./A-Za-z0-9]{13}
    """,
    re.VERBOSE | re.ASCII,
)
#: How many fields a line of shadow(5) has; all but two may be empty.
_FIELDS = 9
#: Accounts of SME Server that have a password and are no users.
_OF_THE_SERVER = {
    "root": "it is root; set its password by hand: passwd root",
    "admin": "it is the administrator's account; set its password by hand: passwd admin",
}


@dataclass(frozen=True)
class Line:
    """A line of shadow(5).

    :param number: which line of the file, from 1.
    :param name: the account.
    :param field: what stands for the password: a hash, or why there is none.
    """

    number: int
    name: str
    field: str


class Passwords:
    """What can be taken over of a shadow(5), and what cannot, and why.

    :param snapshot: the databases.
    :param book: the unix accounts.
    """

    def __init__(self, snapshot: Snapshot, book: Book) -> None:
        self._snapshot = snapshot
        self._book = book
        #: The hashes to set, by the account.
        self.hashes: dict[str, str] = {}
        #: What is not taken over, a sentence each, with the line; of accounts that are nobody's here only a number.
        self.left: list[str] = []
        #: How many lines are for accounts that are no users of the database.
        self.others = 0

    def take(self, data: bytes) -> None:
        """Look at the lines of a file; where a name stands there twice, its first line counts, as for login."""
        seen: set[str] = set()
        for number, text in enumerate(data.decode("utf-8", "surrogateescape").splitlines(), start=1):
            if not text.strip() or text.startswith("#"):
                continue
            fields = text.split(":")
            if len(fields) != _FIELDS:
                self.left.append(f"line {number}: it is no line of a shadow file; it has not 9 fields")
                continue
            line = Line(number, fields[0], fields[1])
            if line.name in seen:
                self.left.append(f"line {number}: {shorten(line.name)}: an earlier line has this account")
                continue
            seen.add(line.name)
            self._judge(line)

    def _judge(self, line: Line) -> None:
        if line.name in _OF_THE_SERVER:
            self._leave(line, _OF_THE_SERVER[line.name])
        elif self._snapshot.type_of("accounts", line.name) != "user":
            self.others += 1
        elif reason := self._why_not(line):
            self._leave(line, reason)
        else:
            self.hashes[line.name] = line.field

    def _why_not(self, line: Line) -> str:
        """Return why the password of a user is not taken over, "" when it is."""
        user = self._book.user(line.name)
        if user is None:
            return "there is no unix account; to make it: signal-event bootstrap-console-save"
        if user.home != f"{HOMES}/{user.name}" or user.uid == 0:
            return f"the unix account of this name is not the user's: its home is {user.home}"
        if not line.field:
            return "it had an empty password, with which anybody could log in"
        if line.field.startswith(("!", "*")):
            return "it had no password, or a locked one"
        if not _HASHES.fullmatch(line.field):
            return "what stands there is no hash that this system knows (crypt(5)), or one that takes long to check"
        return ""

    def _leave(self, line: Line, reason: str) -> None:
        self.left.append(f"line {line.number}: {line.name}: {reason}")


def without_note(hashes: Mapping[str, str], snapshot: Snapshot) -> list[str]:
    """Return those of the users whose records do not have it yet that they have a password."""
    return [name for name in hashes if snapshot.prop("accounts", name, "PasswordSet") != "yes"]
