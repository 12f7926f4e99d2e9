"""What a member needs to reach etcd: its files in ``/home/e-smith/fleet``, for their owner alone, and its settings."""

from __future__ import annotations

import os

from esmith.fleet.journal.files import read_private, replace_file
from esmith.store.replace import file_trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.fleet.etcd.tls import Tls
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

#: The names of the files. Those of the last line are on the first server only.
CA, CERTIFICATE, KEY, SIGNING_KEY, PASSWORD = "ca.pem", "host.pem", "host.key", "signing.key", "password"
#: The hash of row 1 of the journal: after a restore the store does not have it.
FIRST_ROW = "first-row"
AUTHORITY_KEY, ROOT_PASSWORD = "authority.key", "root-password"
#: What a server has of its membership; the rest is of the fleet's first server.
OF_A_MEMBER = (CERTIFICATE, KEY, SIGNING_KEY, PASSWORD, FIRST_ROW)
#: The record with the settings of the agent, and how to say where etcd is.
DATABASE, RECORD = "configuration", "fleet"
SET_ENDPOINTS = "set it: config setprop fleet Endpoints https://ADDRESS:2379,https://ADDRESS:2379"


class FleetFiles:
    """The files of a root.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self.folder = layout.fleet_files

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

    def tls(self) -> Tls:
        """Return the certificates that this server shows etcd."""
        from esmith.fleet.etcd.tls import Tls

        return Tls(ca=self.path(CA), certificate=self.path(CERTIFICATE), key=self.path(KEY))

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


def user_of(fleet: str, host: str) -> str:
    """Return the name of a member's user in etcd. The name of a fleet has no "-", so there is one for each pair."""
    return f"{fleet}-{host}"


def endpoints_of(snapshot: Snapshot) -> tuple[str, ...]:
    """Return where etcd is, as URLs; none where that is not set."""
    text = snapshot.prop(DATABASE, RECORD, "Endpoints") or ""
    return tuple(word.strip() for word in text.split(",") if word.strip())
