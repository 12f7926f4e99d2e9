"""Looking at all of a contrib, without running or changing anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from esmith.contrib.databases import check_databases
from esmith.contrib.events import check_events
from esmith.contrib.fragments import USER_TREES, check_metadata, check_templates
from esmith.contrib.place import Contrib, Finding
from esmith.errors import ServiceError
from esmith.fragments.perl.engine import Perl
from esmith.layout import LAYERS, Layout
from esmith.services.definition import Services

if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot

_PARTS = (*LAYERS, *USER_TREES, "templates.metadata", "events", "db", "services", "services-custom", "checks")


def check_contrib(directory: str, layout: Layout, snapshot: Snapshot) -> list[Finding]:
    """Return the parts of a contrib that would not work under a root, and those to look at, sorted.

    Fragments are compiled by perl and not run; like ``perl -c``, this loads the modules they ``use``.

    :param directory: the contrib's sources, or the folder whose ``etc/e-smith`` is to be copied.
    :param snapshot: the databases of the root.
    :raises UsageError: when the directory is no contrib.
    :raises UntrustedError: when it is not in the hands of its owners alone: perl would run what others wrote.
    """
    contrib = Contrib(directory, layout)
    contrib.own.trust.require_trees(contrib.own.configuration)
    perl = Perl(layout, snapshot)
    try:
        _check_parts(contrib)
        _check_kinds(contrib)
        check_templates(contrib, perl, snapshot)
        check_metadata(contrib, perl)
        check_events(contrib, perl)
        check_databases(contrib, perl)
        _check_services(contrib)
    finally:
        perl.close()
    return sorted(contrib.findings)


def _check_parts(contrib: Contrib) -> None:
    base = "/etc/e-smith"
    for name in sorted(os.listdir(contrib.own.under(base))):
        if name in ("web", "locale"):
            contrib.note(f"{base}/{name}", "is for the server-manager, which is not part of this")
        elif name not in _PARTS:
            contrib.note(f"{base}/{name}", "is used by nothing here")


def _check_services(contrib: Contrib) -> None:
    """Read the contrib's definitions of services."""
    services = Services(contrib.own)
    for name in services.names():
        try:
            services.of(name)
        except ServiceError as error:
            contrib.fails_of(error, f"/etc/e-smith/services/{name}")


def _check_kinds(contrib: Contrib) -> None:
    """Find files where this has a directory, and the other way round: copying fails there."""
    for path in contrib.files("/etc/e-smith"):
        if os.path.isdir(contrib.here.under(path)):
            contrib.fails(path, "is a file, and here is a directory: it cannot be copied")
        parent = os.path.dirname(path)
        while parent != "/":
            if os.path.isfile(contrib.here.under(parent)):
                contrib.fails(path, f"{parent} is a file here: the directory cannot be copied")
            parent = os.path.dirname(parent)
