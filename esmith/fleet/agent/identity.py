"""Who this host is in its fleet, and how it reaches etcd: read when the agent begins, and again when it fails."""

from __future__ import annotations

from esmith.errors import StoreError, UsageError
from esmith.fields import dataclass
from esmith.fleet import place
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.place import FleetFiles
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.etcd.client import Etcd
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

_OF_THIS_MACHINE = ("http://127.0.0.1:", "http://127.0.0.1/", "http://[::1]:")


@dataclass(frozen=True)
class Identity:
    """It.

    :param fleet: name of the fleet.
    :param host: name of this host in it.
    :param endpoints: of etcd, as URLs.
    """

    fleet: str
    host: str
    endpoints: tuple[str, ...]

    def connect(self, layout: Layout, timeout: float) -> Etcd:
        """Return a new client of etcd; nothing is sent yet.

        Without TLS and without a password only an etcd of this machine is talked to, as tests have one.

        :param timeout: seconds of a whole call.
        :raises StoreError: when a file cannot be read, or an endpoint is not safe to talk to.
        :raises UntrustedError: when others may read a file.
        """
        from esmith.fleet.etcd.client import Etcd

        if all(endpoint.startswith(_OF_THIS_MACHINE) for endpoint in self.endpoints):
            return Etcd(self.endpoints, timeout=timeout)
        for endpoint in self.endpoints:
            if not endpoint.startswith("https://"):
                raise StoreError(
                    f"{printable(endpoint)} is not encrypted, so anybody could read and change what is sent",
                    place="configuration fleet Endpoints",
                    hint=place.SET_ENDPOINTS,
                )
        files = FleetFiles(layout)
        password, user = files.text(place.PASSWORD), place.user_of(self.fleet, self.host)
        return Etcd(self.endpoints, tls=files.tls(), user=user, password=password, timeout=timeout)


def identity_of(snapshot: Snapshot) -> Identity | None:
    """Return who this host is, None when it is in no fleet.

    :raises StoreError: when the store does not say where etcd is.
    """
    host = snapshot.state("fleet", "host")
    fleet = snapshot.state("fleet", "name")
    if host is None or fleet is None:
        return None
    endpoints = place.endpoints_of(snapshot)
    if not endpoints:
        raise StoreError(
            "it is not set where etcd is",
            place="configuration fleet Endpoints",
            hint=place.SET_ENDPOINTS,
        )
    return Identity(fleet.decode(), host.decode(), endpoints)


def signing_key(layout: Layout) -> SigningKey:
    """Return the key that signs the rows of this host.

    :raises StoreError: when there is none.
    :raises UntrustedError: when others may read it.
    """
    return SigningKey.load(FleetFiles(layout).path(place.SIGNING_KEY))


def no_member() -> UsageError:
    """Return the error of a host that is in no fleet."""
    return UsageError("this host is in no fleet", hint="to begin one, or to join: esmith fleet --help")
