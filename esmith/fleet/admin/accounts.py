"""The users and roles of a fleet in etcd: what each member may read and write there (docs/fleet.md#rights).

All of it may be done again: what is there already is left, or made as it has to be.
"""

from __future__ import annotations

import secrets

from esmith.fleet import place
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.errors import DeniedError
from esmith.fleet.etcd.operations import prefix_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.fleet.place import FleetFiles

#: etcd's own user with all rights, and the role that there has to be before passwords count.
ROOT = "root"
#: In bytes, before it is written as text.
_PASSWORD_BYTES = 32
#: Seconds for one call: whoever sets up waits longer than a command that changes a setting.
TIMEOUT = 5.0


def new_password() -> str:
    """Return a password that nobody can guess."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def connect(files: FleetFiles, endpoints: Sequence[str], user: str, password: str) -> Etcd:
    """Return a client of etcd; nothing is sent yet.

    :raises UsageError: when an endpoint is not one.
    :raises StoreError: when a certificate cannot be read.
    """
    return Etcd(endpoints, tls=files.tls(), user=user, password=password, timeout=TIMEOUT)


def connect_as_root(files: FleetFiles, endpoints: Sequence[str]) -> Etcd:
    """Return a client of etcd with all rights, which answers.

    :raises DeniedError: when etcd's root has another password than this server keeps.
    :raises StoreError: when etcd does not answer, or the password is not here.
    """
    etcd = connect(files, endpoints, ROOT, files.text(place.ROOT_PASSWORD))
    try:
        etcd.access.users()
    except DeniedError as error:
        raise not_ours(error, files) from error
    return etcd


def not_ours(error: DeniedError, files: FleetFiles) -> DeniedError:
    """Return what to raise where etcd's root has another password than this server keeps."""
    return DeniedError(
        error.reason,
        place=error.place,
        hint="etcd has users already. If another server has made a fleet there, join it: on that one, esmith fleet "
        "invite NAME\nfor one more fleet in that etcd, put the password of its root, with mode 0600, into "
        f"{files.path(place.ROOT_PASSWORD)}",
    )


def enable(etcd: Etcd, root_password: str) -> None:
    """Have etcd ask everybody for a password from now on.

    :param etcd: a client with all rights, now and afterwards.
    """
    access = etcd.access
    if not access.user_add(ROOT, root_password):
        access.user_set_password(ROOT, root_password)
    access.role_add(ROOT)
    access.user_grant(ROOT, ROOT)
    access.auth_enable()


def add_fleet(etcd: Etcd, fleet: str) -> None:
    """Make the role that all members of a fleet have: they read all of it, and write the journal."""
    role, prefix = f"fleet-{fleet}", f"/esm/{fleet}/"
    etcd.access.role_add(role)
    etcd.access.role_grant(role, prefix, prefix_end(prefix), "READ")
    etcd.access.role_grant(role, f"{prefix}head", kind="READWRITE")
    for below in ("j/", "b/"):
        etcd.access.role_grant(role, prefix + below, prefix_end(prefix + below), "READWRITE")


def add_host(etcd: Etcd, fleet: str, host: str, password: str) -> None:
    """Make the user of a member, with its rights; one that is there gets another password."""
    access, user, role, prefix = etcd.access, place.user_of(fleet, host), f"fleet-{fleet}-{host}", f"/esm/{fleet}/"
    access.role_add(role)
    access.role_grant(role, f"{prefix}s/{host}", kind="READWRITE")
    access.role_grant(role, f"{prefix}a/{host}/", prefix_end(f"{prefix}a/{host}/"), "READWRITE")
    if not access.user_add(user, password):
        access.user_set_password(user, password)
    for one in (f"fleet-{fleet}", role):
        access.user_grant(user, one)


def remove_host(etcd: Etcd, fleet: str, host: str) -> bool:
    """Delete the user of a member, its role and what it reported; return whether there was such a user."""
    was_there = etcd.access.user_delete(place.user_of(fleet, host))
    etcd.access.role_delete(f"fleet-{fleet}-{host}")
    etcd.delete(f"/esm/{fleet}/s/{host}")
    etcd.delete(f"/esm/{fleet}/a/{host}/", prefix_end(f"/esm/{fleet}/a/{host}/"))
    return was_there
