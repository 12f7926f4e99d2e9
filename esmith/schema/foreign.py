"""Settings that were right on another machine: a second primary domain, and addresses that no card here has."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.store.protocol import Records

#: The request for the IPv4 addresses of all network cards (netdevice(7)), and an entry of its answer: the name of the
#: card, and a socket address, which has the four bytes behind family and port.
_SIOCGIFCONF = 0x8912
_ENTRY = "16s4x4s16x"
_MOST_ENTRIES = 256


class Foreign:
    """A setting that is not right for this machine.

    :param place: database, record and property.
    :param message: what is wrong, and what comes of it.
    :param cure: the command that corrects it.
    """

    __slots__ = ("cure", "message", "place")

    def __init__(self, place: str, message: str, cure: str) -> None:
        self.place = place
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.place}: {self.message}: {self.cure}"


def foreign_settings(records: Records) -> list[Foreign]:
    """Return the settings that are not right for this machine and keep a service from its work."""
    return [*_second_primaries(records), *_addresses(records)]


def moved_address(records: Records) -> list[Foreign]:
    """Return whether the outer address is one of another machine; behind a router that translates it always is."""
    value = records.type_of("configuration", "ExternalIP")
    if not value or has_address(value):
        return []
    message = f"{value} is no address of this machine, which is right only behind a router that translates it; else"
    return [Foreign("configuration ExternalIP", message, f"signal-event ip-change {_instead()}")]


def has_address(address: str) -> bool:
    """Return whether a program of this machine can listen at an IPv4 address; true of what is none."""
    import errno
    import socket

    try:
        socket.inet_pton(socket.AF_INET, address)
    except OSError:
        return True  # or the name would be looked up
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


def card_addresses() -> list[str]:
    """Return the IPv4 addresses of this machine's network cards, without loopback ones."""
    import array
    import fcntl
    import socket
    import struct

    entry = struct.Struct(_ENTRY)
    entries = array.array("B", bytes(entry.size * _MOST_ENTRIES))
    start, size = entries.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        answer = fcntl.ioctl(probe, _SIOCGIFCONF, struct.pack("iP", size, start))
    (length,) = struct.unpack_from("i", answer)
    rows = entry.iter_unpack(entries.tobytes()[: length // entry.size * entry.size])
    return [address for _, raw in rows if not (address := socket.inet_ntoa(raw)).startswith("127.")]


def _second_primaries(records: Records) -> Iterator[Foreign]:
    primary = records.type_of("configuration", "DomainName") or ""
    for record in records.records("domains", "domain"):
        name = record.key
        if record.props.get("SystemPrimaryDomain") == "yes" and name.lower() != primary.lower():
            yield Foreign(
                f"domains {name} SystemPrimaryDomain",
                f"{primary} is the primary domain, and there can be one; if this server is to take no mail for {name}: "
                f"{_command('db', 'domains', 'delete', name)}; if it stays a domain of this server",
                _command("db", "domains", "setprop", name, "SystemPrimaryDomain", "no", "Removable", "yes"),
            )


def _addresses(records: Records) -> Iterator[Foreign]:
    local = records.type_of("configuration", "LocalIP")
    if local and not has_address(local):
        yield Foreign(
            "configuration LocalIP",
            f"no network card of this machine has {local}, so dovecot cannot listen there",
            _command("config", "set", "LocalIP", _instead()),
        )
    for card in ("InternalInterface", "ExternalInterface"):
        address = records.prop("configuration", card, "IPAddress")
        if address and not has_address(address):
            yield Foreign(
                f"configuration {card} IPAddress",
                f"no network card of this machine has {address}",
                _command("config", "setprop", card, "IPAddress", _instead()),
            )


def _instead() -> str:
    """Return an address of this machine for a command, or a word that stands for one."""
    return next(iter(card_addresses()), "ADDRESS")


def _command(*words: str) -> str:
    import shlex

    return shlex.join(words)
