"""Names of accounts that no mail reaches: a hint when one is set; ``templates/var/qmail/receiver`` leaves them out.

And names that no unix account can have, which whoever is to get mail behind Postfix needs.
"""

from __future__ import annotations

import shlex

from esmith.expressions import expression

#: qmail reads ':' and '@' itself, badrcptto refuses '%' and '!' as routing, and an address with other signs is one only
#: in quotes. A '#' begins a comment.
_NAME = expression(r"[a-z0-9_+=&'~$^*?{}|`-][a-z0-9._+=&'~$^*?{}|`#-]*")
#: A file name has at most 255 bytes, and ``.qmail-NAME-default`` has more than the name. An address has at most 64
#: before the @ (RFC 5321, 4.5.3.1.1), but qmail does not care.
_LONGEST = 200
#: What esmith makes unix accounts of: less than useradd(8) takes, so that no script trips over a name.
_UNIX_NAME = expression(r"(?![0-9]+$)[A-Za-z0-9_][A-Za-z0-9_.+-]{0,31}")
#: Numbers of people: Debian has all others for its own accounts (login.defs, UID_MIN and UID_MAX).
_OF_PEOPLE = range(1000, 60000)
#: Where the homes of users are.
HOMES = "/home/e-smith/files/users"


def name_fault(name: str, type: str) -> str:
    """Return why no mail can reach an account, whatever else is set; "" when some can.

    :param name: the key of its record; that of a pseudonym may be an address.
    :param type: the type of its record.
    """
    part = name.lower().rpartition("@")[0] if "@" in name else name.lower()
    if ":" in name:
        return "qmail allows no ':' in a name"
    if not _NAME.fullmatch(part):
        return "no mail can be addressed to such a name"
    if len(part.encode()) > _LONGEST:
        return f"it is longer than {_LONGEST} bytes, and files are named for it"
    if part == "alias" or part.startswith("alias-") or (part == "shared" and type != "system"):
        return "qmail needs the name for itself"
    return ""


def can_be_unix(name: str) -> bool:
    """Return whether esmith makes a unix account of a name."""
    return _UNIX_NAME.fullmatch(name) is not None


def unix_fault(name: str, uid: int, home: str) -> str:
    """Return why a unix account is not that of a user of its name; "" when it is.

    :param uid: its number.
    :param home: its home.
    """
    if home == f"{HOMES}/{name}" or uid in _OF_PEOPLE:
        return ""
    return f"the unix account {name} is one of the system, with the number {uid} and the home {home}"


def is_of_people(number: int) -> bool:
    """Return whether a number is one of people, and not one of the system."""
    return number in _OF_PEOPLE


def renaming(name: str) -> str:
    """Return the commands that give a user another name, NEW, and its mail to that one."""
    key = shlex.quote(name)
    return (
        "\n  to give the user another name, NEW, which gets the mail for this one, too:"
        f"\n    db accounts settype {key} pseudonym\n    db accounts setprop {key} Account NEW"
        "\n    db accounts set NEW user\n    signal-event user-create NEW"
    )
