"""The files of a member in ``/home/e-smith/fleet``: certificates, keys and passwords, for their owner alone."""

from __future__ import annotations

import os
import re

from esmith.errors import UsageError
from esmith.fleet.journal.checking import is_name
from esmith.fleet.journal.files import read_private, replace_file
from esmith.store.replace import file_trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.layout import Layout

#: The names of the files. Those of the last line are on the first server only.
CA, CERTIFICATE, KEY, SIGNING_KEY, PASSWORD = "ca.pem", "host.pem", "host.key", "signing.key", "password"
#: The hash of row 1 of the journal: after a restore the store does not have it.
FIRST_ROW = "first-row"
AUTHORITY_KEY, ROOT_PASSWORD = "authority.key", "root-password"
#: What a server has of its membership; the rest is of the fleet's first server.
OF_A_MEMBER = (CERTIFICATE, KEY, SIGNING_KEY, PASSWORD, FIRST_ROW)
#: No "-" in the name of a fleet: etcd's users are called FLEET-HOST, and of two fleets none may have the same.
_FLEET = re.compile(r"[a-z0-9][a-z0-9.]{0,31}")


class FleetFiles:
    """The files of a root.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self.folder = layout.under("/home/e-smith/fleet")

    def path(self, name: str) -> str:
        """Return the path of a file of this folder."""
        return os.path.join(self.folder, name)

    def has(self, name: str) -> bool:
        """Return whether there is a file of a name."""
        return os.path.lexists(self.path(name))

    def read(self, name: str) -> bytes:
        """Return what a file holds.

        :raises StoreError: when it cannot be read.
        :raises UntrustedError: when others than its user may read or write it.
        """
        return read_private(self.path(name))

    def text(self, name: str) -> str:
        """Return the one line that a file holds, without its end."""
        return self.read(name).decode("ascii", "replace").strip()

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole and durable, which only its owner may read.

        :raises StoreError: when that cannot be.
        """
        replace_file(self.path(name), data)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, those that are there.

        :raises StoreError: when that cannot be.
        """
        for name in names:
            try:
                os.unlink(self.path(name))
            except FileNotFoundError:
                pass
            except OSError as error:
                raise file_trouble(self.path(name), error) from error


def require_fleet_name(name: str) -> None:
    """Refuse what no fleet can be called.

    :raises UsageError: says what it may be.
    """
    if not _FLEET.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a fleet",
            hint="it has 1 to 32 characters, lower-case letters, digits and ., and begins with one of the first two",
        )


def require_host_name(name: str, what: str = "server") -> None:
    """Refuse what no server, or no group, of a fleet can be called.

    :raises UsageError: says what it may be.
    """
    if not is_name(name):
        raise UsageError(
            f"{name!r} cannot be the name of a {what}",
            hint="it has 1 to 63 characters, lower-case letters, digits, - and ., and begins with a letter or a digit",
        )


def groups_of(text: str) -> list[str]:
    """Return the groups of a list with commas.

    :raises UsageError: when one cannot be the name of a group, or is named twice.
    """
    groups = [word.strip() for word in text.split(",") if word.strip()]
    for group in groups:
        require_host_name(group, "group")
        if groups.count(group) > 1:
            raise UsageError(f"the group {group!r} is named twice", hint="name each group once")
    return groups
