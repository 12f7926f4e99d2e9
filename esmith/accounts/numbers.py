"""The unix account that a user without one is to get, with the numbers of the record where nobody else has them."""

from __future__ import annotations

import re

from esmith.accounts.book import NO_SHELL, Book, NewUser
from esmith.accounts.system import SHARED
from esmith.names import is_number
from esmith.schema.account_names import HOMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.accounts.book import Group, User
    from esmith.store.model import Record

#: Smaller ones belong to the system here; SME Server gave 500 and up to people, and 5000 and up in later versions.
_LEAST_NUMBER = 500
#: Debian gives no larger ones (login.defs); systemd has those above for itself.
_LARGEST_NUMBER = 60000


def is_ours(number: int) -> bool:
    """Return whether a number may be that of a user or a group of the database, and not one of the system."""
    return _LEAST_NUMBER <= number <= _LARGEST_NUMBER


def number(record: Record, prop: str) -> int | None:
    """Return a number of a record; None where it has none, or one of the system: a group of that is never a user's.

    :param prop: ``Uid`` or ``Gid``.
    """
    value = record.props.get(prop, "")
    found = int(value) if is_number(value) else 0
    return found if is_ours(found) else None


def new_user(book: Book, record: Record, remark: Callable[[str], object]) -> NewUser:
    """Return the unix account for the record of a user; its group is made where it is to have another number.

    :param remark: called with what is not as the record says.
    """
    uid, gid = _free_uid(book, record, remark), number(record, "Gid")
    return NewUser(
        record.key,
        f"{HOMES}/{record.key}",
        record.props.get("Shell") or NO_SHELL,
        comment_of(record),
        uid=uid,
        # A group of the user's name and number is made with the user, by the same program.
        group=_group(book, record, uid, gid, remark),
    )


def free_gid(book: Book, record: Record, remark: Callable[[str], object]) -> int | None:
    """Return the number of a record for a new group; None where it has none, or another group of the machine has it.

    :param remark: called with what is not as the record says.
    """
    wanted = number(record, "Gid")
    return _free(wanted, None if wanted is None else book.group_of(wanted), "group", remark)


def _free_uid(book: Book, record: Record, remark: Callable[[str], object]) -> int | None:
    wanted = number(record, "Uid")
    return _free(wanted, None if wanted is None else book.user_of(wanted), "account", remark)


def _free(wanted: int | None, taken: User | Group | None, kind: str, remark: Callable[[str], object]) -> int | None:
    """Return a number unless it is taken, and remark that."""
    if taken is None:
        return wanted
    remark(f"its number {wanted} is that of the unix {kind} {taken.name}, so it gets another")
    return None


def _group(book: Book, record: Record, uid: int | None, gid: int | None, remark: Callable[[str], object]) -> str | None:
    """Return the group of a new user: one of its own name; None for one that is made with the user."""
    group = book.group(record.key)
    if group is None and gid not in (None, uid) and book.group_of(gid or 0) is None:
        group = book.add_group(record.key, gid)
    if group is None or group.gid == gid:
        return group.name if group else None
    # It may be one that gives rights, such as sudo or docker.
    remark(f"there is another unix group of this name, of number {group.gid}, so the user is in the group {SHARED[0]}")
    return SHARED[0]


def comment_of(record: Record) -> str:
    """Return what the comment field of passwd has for a user: the full name."""
    names = (record.props.get("FirstName"), record.props.get("LastName"))
    return re.sub(r"[:\x00-\x1f]", " ", " ".join(name for name in names if name))
