"""Why a file or directory does not count, in words, with the cure: who owns it, and who else may write it.

Apart from :mod:`esmith.trust`, which has to be small: this is read only where something looks wrong.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat

from esmith.errors import UntrustedError
from esmith.printable import shell_word

#: Owners without a number in a user namespace are shown with this one (user_namespaces(7)).
_OVERFLOW_USER = 65534


def find_fault(
    place: str, status: os.stat_result, owners: frozenset[int], *, shared: bool, root: str
) -> UntrustedError | None:
    """Return why something does not count, None when it does.

    :param place: where it is, as a path of this disk.
    :param owners: who may own it.
    :param shared: whether anybody makes names in the directory it is in.
    :param root: the root.
    """
    foreign = status.st_uid not in owners and not _stands_for_root(status.st_uid)
    others = "" if place == os.devnull else _writers(place, status)
    if foreign or others:
        return _error(place, status, owners, root, foreign=foreign, others=others)
    if shared and stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        # A hard link to a file of an owner, which anybody may have made here (proc(5), protected_hardlinks).
        copy = shell_word(f"{place}.new")
        return UntrustedError(
            "has more than one name, and anybody makes names in its directory",
            place=place,
            hint=f"cp -p {shell_word(place)} {copy} && mv {copy} {shell_word(place)}",
        )
    return None


def user_name(number: int) -> str:
    """Return the name of a user, or its number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _error(
    place: str, status: os.stat_result, owners: frozenset[int], root: str, *, foreign: bool, others: str
) -> UntrustedError:
    cures, reasons = [], []
    if foreign:
        reasons.append(f"belongs to the user {user_name(status.st_uid)}")
        option = "-h " if stat.S_ISLNK(status.st_mode) else ""
        cures.append(f"chown {option}{shell_word(user_name(_rightful(owners, root)))}: {shell_word(place)}")
    if others:
        reasons.append(f"may be written by {others}")
        cures.append(f"chmod go-w {shell_word(place)}")
    hint = " && ".join(cures)
    if foreign and place == root != "/":
        hint = "run the command as that user; or, if what that user wrote there may run as you, say --trust-owner"
    elif foreign and _is_home(place, status.st_uid):
        owner = user_name(status.st_uid)
        hint = f"it is the home of {owner}: what e-smith is to use has to be in a directory of root's"
    allowed = " or ".join(user_name(owner) for owner in sorted(owners))
    return UntrustedError(
        f"{' and '.join(reasons)}, so it is not used: only {allowed} may own and write it", place=place, hint=hint
    )


def _is_home(place: str, user: int) -> bool:
    """Return whether a directory is the home of a user, who needs it."""
    try:
        return os.path.normpath(pwd.getpwuid(user).pw_dir) == place != "/"
    except KeyError:
        return False


def _rightful(owners: frozenset[int], root: str) -> int:
    """Return who is to own what does not count: the owner of the root, if he may."""
    try:
        owner = os.stat(root).st_uid
    except OSError:
        return 0
    return owner if owner in owners else 0


def _writers(place: str, status: os.stat_result) -> str:
    """Return who else may write something, or make and remove names in it; "" for nobody."""
    mode = status.st_mode
    if stat.S_ISLNK(mode) or not mode & (stat.S_IWGRP | stat.S_IWOTH):
        return ""
    if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
        return ""
    if mode & stat.S_IWOTH:
        return "everybody"
    if _has_acl(place):
        return "users that its ACL names"
    return "" if _is_private_group(status.st_uid, status.st_gid) else f"the group {_group_name(status.st_gid)}"


def _has_acl(place: str) -> bool:
    """Return whether the bits of the group are the mask of an ACL, so that they include others too (acl(5))."""
    try:
        return bool(os.getxattr(place, "system.posix_acl_access", follow_symlinks=False))
    except OSError:
        return False


def _is_private_group(user: int, group: int) -> bool:
    """Return whether a group has the name of a user and nobody else is in it, as Debian makes one for each user."""
    try:
        name = pwd.getpwuid(user).pw_name
        found = grp.getgrgid(group)
    except KeyError:
        return False
    if found.gr_name != name or set(found.gr_mem) - {name}:
        return False
    return all(other.pw_uid == user for other in pwd.getpwall() if other.pw_gid == group)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _stands_for_root(user: int) -> bool:
    """Return whether a number may be root's: in a user namespace without root, everything of root's is nobody's.

    There is nothing of root's to be had in such a namespace (user_namespaces(7)).
    """
    if user != _OVERFLOW_USER:
        return False
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return all(int(line.split()[0]) > 0 for line in file)
    except (OSError, ValueError):
        return False
