"""Names that no new user or group may have, because the system has an account of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from esmith.accounts.system import system_accounts
from esmith.fragments.identity import Identities
from esmith.schema.account_names import is_of_people, unix_fault
from esmith.schema.check import NotAllowedError

if TYPE_CHECKING:
    from esmith.layout import Layout

#: The users and groups that every Debian has (base-passwd, users-and-groups.txt); a root folder need not have them.
_EVERYWHERE = frozenset(
    ("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data")
    + ("backup", "list", "irc", "gnats", "nobody", "nogroup", "adm", "tty", "disk", "kmem", "dialout", "fax", "voice")
    + ("cdrom", "floppy", "tape", "sudo", "audio", "dip", "operator", "src", "shadow", "utmp", "video", "sasl")
    + ("plugdev", "staff", "users")
)


def require_free_name(layout: Layout, key: str) -> None:
    """See that the system has no user and no group of a name.

    :raises NotAllowedError: when it has.
    :raises ServiceError: when a file that defines a service is broken.
    """
    found = Identities(layout)
    user, group = found.user(key), found.group(key)
    if (
        key in _EVERYWHERE
        or any(account.name == key for account in system_accounts(layout))
        or (user is not None and unix_fault(key, user.uid, user.home))
        or (group is not None and user is None and not is_of_people(group))
    ):
        raise NotAllowedError("an account of the system is called so")
