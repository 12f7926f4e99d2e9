"""Certificates of a fleet: one authority, one certificate for each machine with etcd, one for each member.

No certificate has a common name: the JSON interface of etcd refuses clients whose certificate has one, because a user
could be taken from it. Rights come from the user and the password (docs/fleet.md#certificates).
"""

from __future__ import annotations

from esmith.fields import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = 86_400
#: In days: how long an authority and what it signs are good for.
AUTHORITY_DAYS, CERTIFICATE_DAYS = 3_653, 731


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both as PEM.

    :param certificate: may be shown to anybody.
    :param key: a secret.
    """

    certificate: bytes
    key: bytes


def make_authority(fleet: str) -> Pair:
    """Return a new authority (EC P-256, ten years).

    :param fleet: name of the fleet, which stands in it.
    :raises InstallError: without the library.
    """
    raise NotImplementedError


def make_certificate(
    authority: Pair, *, host: str, names: Sequence[str] = (), addresses: Sequence[str] = (), server: bool = False
) -> Pair:
    """Return a new certificate (EC P-256, two years, never longer than its authority).

    One of a server is for clients and for its peers, and etcd's own requests to itself; it holds ``localhost``,
    127.0.0.1 and ::1 besides. One of a client holds no name and no address: etcd would compare these with where the
    client comes from.

    :param host: whose it is, for people who look at it.
    :param names: DNS names under which a server is reached.
    :param addresses: IP addresses under which a server is reached.
    :param server: whether it is for etcd; else it is for a client alone.
    :raises UsageError: for a name or an address that is not one.
    :raises StoreError: when the authority is not one, or has ended.
    :raises InstallError: without the library.
    """
    raise NotImplementedError


def save_pair(pair: Pair, certificate: str, key: str) -> None:
    """Write a certificate with mode 0644 and its key with mode 0600, durably, the key first.

    :param certificate: path.
    :param key: path.
    :raises StoreError: when that is not possible.
    """
    raise NotImplementedError


def load_pair(certificate: str, key: str) -> Pair:
    """Return a certificate and its key from their files.

    :raises UntrustedError: when others may read the key.
    :raises StoreError: when one is missing.
    """
    raise NotImplementedError


def ends_at(path: str) -> int:
    """Return when a certificate ends, in seconds since 1970; of several in a file, the first to end.

    :param path: of a PEM file.
    :raises StoreError: when it is missing or holds no certificate.
    :raises InstallError: without the library.
    """
    raise NotImplementedError
