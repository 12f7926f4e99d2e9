"""The etcd servers of a fleet: their addresses, and a file of settings for each.

The keys are those of "etcd --help", as environment variables: Debian's etcd.service reads them from /etc/default/etcd.
"""

from __future__ import annotations

import ipaddress
import os

from esmith.digests import sha256
from esmith.errors import UsageError
from esmith.fields import dataclass
from esmith.fleet.names import require_host_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: What is in the folder of a server.
CA, CERTIFICATE, KEY, SETTINGS = "ca.pem", "etcd.pem", "etcd.key", "etcd"
_CLIENT_PORT, _PEER_PORT = 2379, 2380
#: The journal of a fleet is kept whole. etcd's own default is 2 GiB, and it warns above 8.
_QUOTA_BYTES = 4 << 30
#: etcd's own is 10: to look at a password takes it 70 ms of a processor then, for each login of a host, and to set one
#: as much on each member. That slows down whoever guesses, and nobody guesses one of 32 random bytes (accounts.py).
_BCRYPT_COST = 4
#: What stands for the name of the server in the path of its data.
NAME = "{name}"


@dataclass(frozen=True)
class EtcdServer:
    """A server of etcd.

    :param name: its name among the others.
    :param address: an IP address or the name of a machine.
    :param client_port: where clients connect.
    :param peer_port: where the other servers connect.
    """

    name: str
    address: str
    client_port: int = _CLIENT_PORT
    peer_port: int = _PEER_PORT

    @property
    def client_url(self) -> str:
        """What clients connect to."""
        return self._url(self.address, self.client_port)

    @property
    def peer_url(self) -> str:
        """What the other servers connect to."""
        return self._url(self.address, self.peer_port)

    def listening(self, port: int) -> str:
        """Return what it listens at: etcd takes addresses there, and no names."""
        return self._url(self.address if is_address(self.address) else "0.0.0.0", port)

    @staticmethod
    def _url(address: str, port: int) -> str:
        return f"https://[{address}]:{port}" if ":" in address else f"https://{address}:{port}"


def is_address(text: str) -> bool:
    """Return whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def servers_of(words: Sequence[str]) -> list[EtcdServer]:
    """Return the servers that are named, as NAME=ADDRESS, NAME=ADDRESS:CLIENTS or NAME=ADDRESS:CLIENTS:PEERS.

    :raises UsageError: when one is not of this form, or two have the same name or the same place.
    """
    servers = [_server(word) for word in words]
    names = [server.name for server in servers]
    places = [(server.address, port) for server in servers for port in (server.client_port, server.peer_port)]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name!r} is named twice", hint="name each server once")
    for address, port in places:
        if places.count((address, port)) > 1:
            raise UsageError(
                f"port {port} of {address} is named twice",
                hint="as here: one=10.0.0.1:2379:2380 two=10.0.0.1:2389:2390",
            )
    return servers


def _server(word: str) -> EtcdServer:
    name, sign, place = word.partition("=")
    if not sign:
        raise UsageError(f"{word!r} has no address", hint="as here: mail1=10.0.0.1")
    require_host_name(name)
    if place.startswith("[") and "]" in place:
        address, _, ports = place[1:].partition("]")
    elif is_address(place):
        address, ports = place, ""
    else:
        address, colon, rest = place.partition(":")
        ports = colon + rest
    if not is_address(address):
        require_host_name(address, "machine")
    numbers = ports.removeprefix(":").split(":") if ports else []
    known = all(number.isascii() and number.isdecimal() and 0 < int(number) < 65536 for number in numbers)
    if len(numbers) > 2 or not known or (ports and not ports.startswith(":")):
        raise UsageError(f"{word!r} has no ports that can be", hint="as here: mail1=10.0.0.1:2379:2380")
    found = [int(number) for number in numbers]
    return EtcdServer(name, address, *found, *((_CLIENT_PORT, _PEER_PORT)[len(found) :]))


def settings_text(server: EtcdServer, servers: Sequence[EtcdServer], place: str, data: str, ca: bytes) -> str:
    """Return the settings of a server's etcd, as lines of an environment file.

    :param servers: all of them.
    :param place: the directory that its certificate will be in.
    :param data: the directory for its data; may have :data:`NAME` in it.
    :param ca: the certificate of the authority, which keeps clusters apart.
    """
    files = {what: os.path.join(place, name) for what, name in (("ca", CA), ("pem", CERTIFICATE), ("key", KEY))}
    values = {
        "NAME": server.name,
        "DATA_DIR": data.replace(NAME, server.name),
        "LISTEN_CLIENT_URLS": server.listening(server.client_port),
        "ADVERTISE_CLIENT_URLS": server.client_url,
        "LISTEN_PEER_URLS": server.listening(server.peer_port),
        "INITIAL_ADVERTISE_PEER_URLS": server.peer_url,
        "INITIAL_CLUSTER": ",".join(f"{one.name}={one.peer_url}" for one in servers),
        "INITIAL_CLUSTER_STATE": "new",
        "INITIAL_CLUSTER_TOKEN": f"esmith-{sha256(ca).hexdigest()[:16]}",
        "AUTO_COMPACTION_MODE": "revision",
        "AUTO_COMPACTION_RETENTION": "1000",
        "QUOTA_BACKEND_BYTES": str(_QUOTA_BYTES),
        "BCRYPT_COST": str(_BCRYPT_COST),
        "LOGGER": "zap",
    }
    for kind in ("", "PEER_"):
        values |= {
            f"{kind}CERT_FILE": files["pem"],
            f"{kind}KEY_FILE": files["key"],
            f"{kind}TRUSTED_CA_FILE": files["ca"],
            f"{kind}CLIENT_CERT_AUTH": "true",
        }
    lines = [f"ETCD_{name}={value}" for name, value in values.items()]
    return "\n".join(['# Made by "esmith fleet certificates", for /etc/default/etcd of this server.', *lines, ""])
