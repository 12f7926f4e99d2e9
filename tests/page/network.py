"""A network card that leads nowhere (ip-link(8), a bridge without ports), for a machine that has a network of its own.

By rtnetlink(7), because a bare Debian has no program for it. Standard library only.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

_NEW_LINK, _NEW_ADDRESS = 16, 20
_REQUEST, _ACKNOWLEDGE, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x200, 0x400
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_INFO_KIND, _IFA_LOCAL, _IFA_ADDRESS = 3, 18, 1, 2, 1
_UP = 1


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _ask(kind: int, body: bytes) -> None:
    """Send one request to the kernel.

    :raises OSError: when the kernel refuses it; that the thing is there already is no error.
    """
    flags = _REQUEST | _ACKNOWLEDGE | _EXCLUSIVE | _CREATE
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(struct.pack("IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        (number,) = struct.unpack_from("i", sock.recv(65536), 16)
    if number and -number != errno.EEXIST:
        raise OSError(-number, os.strerror(-number))


def add_card(name: str, address: str, bits: int) -> None:
    """Add a card that is up, with an address; one that is there stays.

    :param bits: how many bits of the address are those of its network.
    :raises OSError: when the kernel refuses it.
    """
    link = _attribute(_IFLA_IFNAME, name.encode() + b"\0")
    link += _attribute(_IFLA_LINKINFO, _attribute(_IFLA_INFO_KIND, b"bridge"))
    _ask(_NEW_LINK, struct.pack("BxHiII", socket.AF_UNSPEC, 0, 0, _UP, _UP) + link)
    number, packed = socket.if_nametoindex(name), socket.inet_aton(address)
    head = struct.pack("BBBBi", socket.AF_INET, bits, 0, 0, number)
    _ask(_NEW_ADDRESS, head + _attribute(_IFA_LOCAL, packed) + _attribute(_IFA_ADDRESS, packed))
