"""Clients in the lists of qpsmtpd: addresses, prefixes and networks, as each reader takes them."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from esmith.expressions import expression
from esmith.patterns.entry import Entry

_FAULT = "is no address, no network such as 192.168.1.0/24, and no prefix that ends in a dot"
_OCTET, _OCTETS = 8, 4
_LARGEST = 255
#: The beginnings of IPv4 addresses: one to three numbers, with the dot, or the star, that may follow.
_PREFIX = expression(r"((?:\d{1,3}\.){0,2}\d{1,3})(?:\.\*){0,3}\.?", re.ASCII)


def white(text: str) -> Entry:
    """Return an entry of whitelisthosts, as our plugin whitelist_soft reads it: all forms of a client."""
    if (prefix := _prefix(text)) is not None:
        return Entry(prefix, "" if text == prefix else f"all addresses that begin with {prefix}")
    if text.endswith(":") and re.fullmatch(r"[0-9A-Fa-f:]+", text):
        return Entry(text)
    network = _network(text)
    if network is None:
        return Entry.left_out(_FAULT)
    meaning = "" if network.prefixlen else "every address: no client is checked any more"
    return Entry(str(network) if "/" in text else text, meaning)


def relaying(text: str) -> Entry:
    """Return an entry of relayclients, as the plugin relay of qpsmtpd 0.94 reads it.

    It compares addresses as texts, those of IPv6 with all their zeros where the client's has ``::``, and takes the
    first and the last address of a network not to be in it. So a network of IPv4 becomes the prefixes that cover it.
    """
    if (prefix := _prefix(text)) is not None:
        return Entry(prefix, "" if text == prefix else f"all addresses that begin with {prefix}")
    network = _network(text)
    if network is None:
        return Entry.left_out(_FAULT)
    if not network.prefixlen:
        return Entry.left_out("is every address there is: anybody could send mail to anybody through this server")
    if isinstance(network, IPv4Network):
        return Entry("\n".join(prefixes(network)))
    ends = [network.network_address.exploded, network.broadcast_address.exploded]
    if network.prefixlen == network.max_prefixlen:
        return Entry("\n".join(dict.fromkeys([ends[0], _unpadded(ends[0])])))
    return Entry("\n".join([str(network), *ends]))


def trusted(text: str) -> Entry:
    """Return an entry of trusted_networks of SpamAssassin (Mail::SpamAssassin::Conf(3pm)); ``!`` excepts a network."""
    sign, rest = ("!", text[1:].lstrip()) if text.startswith("!") else ("", text)
    if (prefix := _prefix(rest)) is not None:
        return Entry(f"{sign}{prefix}", "" if rest == prefix else f"all addresses that begin with {prefix}")
    bare = rest[1:-1] if rest.startswith("[") and rest.endswith("]") else rest
    network = _network(bare)
    if network is None:
        return Entry.left_out(_FAULT)
    return Entry(f"{sign}{network if '/' in bare else bare}")


def prefixes(network: IPv4Network) -> list[str]:
    """Return the dotted prefixes that cover a network on octet boundaries: of fewer than four octets with a dot at the
    end. None for the network of all addresses.
    """
    octets = max(1, -(-network.prefixlen // _OCTET))
    subnets = network.subnets(new_prefix=octets * _OCTET) if network.prefixlen else iter(())
    starts = (".".join(str(subnet.network_address).split(".")[:octets]) for subnet in subnets)
    return [start if octets == _OCTETS else f"{start}." for start in starts]


def _prefix(text: str) -> str | None:
    found = _PREFIX.fullmatch(text)
    if found is None:
        return None
    numbers = found.group(1).split(".")
    return ".".join([*numbers, ""]) if all(int(number) <= _LARGEST for number in numbers) else None


def _network(text: str) -> IPv4Network | IPv6Network | None:
    if "%" in text:
        # fe80::1%eth0: the readers take no network card with an address.
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _unpadded(exploded: str) -> str:
    return ":".join(group.lstrip("0") or "0" for group in exploded.split(":"))
