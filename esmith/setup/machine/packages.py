"""Which Debian packages a mail server needs: what the definitions of its services name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from esmith.layout import Layout
from esmith.schema.load import Schema
from esmith.services.definition import Services
from esmith.services.service import Service
from esmith.setup.trees import shipped_directory
from esmith.store import open_store, store_files
from esmith.store.protocol import Snapshot

#: What belongs to no service: perl's Text::Template for fragments in Perl, openssl for keys of DKIM and certificates,
#: cron for the daily jobs, pkill for the deletion of a user, nft for the firewall's script, ip for the MTU of a card
#: (docs/daemons.md#programs-that-generated-files-call).
COMMON = ("ca-certificates", "cron", "iproute2", "libtext-template-perl", "nftables", "openssl", "procps")
#: The service that is only there for one kind of queue.
POSTFIX = "postfix"
#: What a queue is known by (docs/daemons.md#postfix).
QUEUES = {"qmail": "/var/qmail/bin/qmail-queue", POSTFIX: "/usr/sbin/postfix"}


class ShippedLayout(Layout):
    """The services and the schema as ``esmith init`` of this version will install them; all else is the root's."""

    __slots__ = ()

    @property
    def schema(self) -> str:
        """The shipped schema files."""
        return os.path.join(shipped_directory(), "db")

    @property
    def services(self) -> str:
        """The shipped services."""
        return os.path.join(shipped_directory(), "services")


def chosen_queue(layout: Layout, asked: str | None) -> str:
    """Return which queue the machine is to have: the one asked for, else that of the settings, else what is there.

    :param asked: a key of :data:`QUEUES`; None where nobody asked.
    """
    if asked:
        return asked
    with _settings(layout) as settings:
        stored = settings.prop("qpsmtpd", "Queue")
    if stored in QUEUES:
        return stored
    return "qmail" if os.path.exists(layout.under(QUEUES["qmail"])) else POSTFIX


def wanted_services(layout: Layout, queue: str, without: Collection[str] = ()) -> list[Service]:
    """Return the services that are to run, as this version defines them.

    :param queue: a key of :data:`QUEUES`.
    :param without: names of services that are left out.
    :raises ServiceError: when a file that defines a service is broken.
    """
    defined = Services(ShippedLayout(layout.root))
    found = []
    with _settings(layout) as settings:
        for name in defined.names():
            service = defined.of(name)
            is_wanted = service.start == "always" or settings.prop(service.record, "status") == "enabled"
            if is_wanted and name not in without and (name not in QUEUES or name == queue):
                found.append(service)
    return found


def packages_of_services(services: Collection[Service], common: Collection[str] = COMMON) -> list[str]:
    """Return the Debian packages that services need, and those that belong to none, sorted.

    What Debian does not have, as qmail, is left out: it is there, or its service is not wanted.

    :param common: those that belong to no service.
    """
    found = set(common)
    for service in services:
        if service.program.package and service.program.package not in QUEUES.keys() - {POSTFIX}:
            found.add(service.program.package)
        found.update(service.packages)
    return sorted(found)


@contextmanager
def _settings(layout: Layout) -> Iterator[_Settings]:
    """Give the settings of the databases; where there are none yet, what ``esmith init`` will write."""
    if any(os.path.exists(file) for file in store_files(layout)):
        with open_store(layout).snapshot() as snapshot:
            yield _Settings(layout, snapshot)
    else:
        yield _Settings(layout, None)


class _Settings:
    """Settings, with the defaults of this version.

    :param snapshot: the databases; None where there are none.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot | None) -> None:
        self._schema = Schema(ShippedLayout(layout.root))
        self._snapshot = snapshot

    def prop(self, record: str, name: str) -> str:
        """Return a property, its default where it is not stored, "" where it has none."""
        stored = self._snapshot.prop("configuration", record, name) if self._snapshot else None
        if stored is not None:
            return stored
        known = self._schema.record(
            "configuration", record, self._snapshot.type_of("configuration", record) if self._snapshot else None
        )
        known_prop = known.property(name) if known else None
        return (known_prop.default if known_prop else None) or ""
