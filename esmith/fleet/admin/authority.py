"""The authority of a fleet, and what it signs: certificates for the servers of etcd and for the members."""

from __future__ import annotations

import os

from esmith.errors import UsageError
from esmith.fields import dataclass
from esmith.fleet import place
from esmith.fleet.admin import etcd_servers
from esmith.fleet.admin.etcd_servers import EtcdServer, is_address, settings_text
from esmith.fleet.journal.certificates import Pair, load_pair, make_authority, make_certificate
from esmith.fleet.journal.files import replace_file
from esmith.fleet.place import FleetFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.layout import Layout

#: What stands in the certificate of the authority, which is made before the fleet has its name.
_NAME = "etcd"
_PUBLIC, _SECRET = 0o644, 0o600


@dataclass
class Written:
    """A folder that was written.

    :param name: the server or the member it is for.
    :param folder: where.
    :param files: the names of its files.
    """

    name: str
    folder: str
    files: list[str]


def authority_of(layout: Layout) -> Pair:
    """Return the authority of the fleet of this server.

    :raises UsageError: when its key is not on this server.
    """
    files = FleetFiles(layout)
    if not files.has(place.AUTHORITY_KEY) or not files.has(place.CA):
        raise UsageError(
            f"the authority's key is not on this server: {files.path(place.AUTHORITY_KEY)}",
            hint="run it on the first server; for a new fleet: esmith fleet certificates --out DIR NAME=ADDRESS",
        )
    return load_pair(files.path(place.CA), files.path(place.AUTHORITY_KEY))


def write_servers(
    layout: Layout, servers: Sequence[EtcdServer], folder: str, *, installed: str, data: str
) -> list[Written]:
    """Write certificate, key and settings for each server of etcd; the authority is made where there is none.

    :param folder: gets a folder for each server.
    :param installed: the directory in which they will be on their server; "" for where they are written.
    :param data: the directory in which etcd keeps its data.
    :raises StoreError: when something cannot be written.
    """
    authority = _made_authority(layout)
    written = []
    for server in servers:
        own = os.path.join(os.path.abspath(folder), server.name)
        names = [] if is_address(server.address) else [server.address]
        addresses = [server.address] if is_address(server.address) else []
        pair = make_certificate(authority, host=server.name, names=names, addresses=addresses, server=True)
        text = settings_text(server, servers, installed or own, data, authority.certificate)
        contents = {
            etcd_servers.CA: (authority.certificate, _PUBLIC),
            etcd_servers.KEY: (pair.key, _SECRET),
            etcd_servers.CERTIFICATE: (pair.certificate, _PUBLIC),
            etcd_servers.SETTINGS: (text.encode(), _PUBLIC),
        }
        for name, (content, mode) in contents.items():
            replace_file(os.path.join(own, name), content, mode)
        written.append(Written(server.name, own, list(contents)))
    return written


def write_members(layout: Layout, hosts: Sequence[str], folder: str) -> list[Written]:
    """Write a new certificate and key for each of these members, which they show etcd.

    :param folder: gets a folder for each.
    :raises UsageError: when the authority's key is not on this server.
    :raises StoreError: when something cannot be written.
    """
    authority = authority_of(layout)
    written = []
    for host in hosts:
        pair = make_certificate(authority, host=host)
        own = os.path.join(os.path.abspath(folder), host)
        replace_file(os.path.join(own, place.KEY), pair.key, _SECRET)
        replace_file(os.path.join(own, place.CERTIFICATE), pair.certificate, _SECRET)
        written.append(Written(host, own, [place.KEY, place.CERTIFICATE]))
    return written


def _made_authority(layout: Layout) -> Pair:
    files = FleetFiles(layout)
    if files.has(place.AUTHORITY_KEY) and files.has(place.CA):
        return authority_of(layout)
    if files.has(place.CA):
        raise UsageError(
            f"this server has the certificate of another fleet's authority: {files.path(place.CA)}",
            hint="run it on the server that has the authority's key; if there is no fleet any more, remove the file",
        )
    made = make_authority(_NAME)
    # The certificate last: with it alone nothing can be signed, and a new key would not fit it.
    files.write(place.AUTHORITY_KEY, made.key)
    files.write(place.CA, made.certificate)
    return made
