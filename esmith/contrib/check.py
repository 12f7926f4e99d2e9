"""Looking at all of a contrib, and trying it in a copy of the root. Nothing of the root is changed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from esmith.contrib.databases import check_databases
from esmith.contrib.events import check_events
from esmith.contrib.fragments import USER_TREES, check_metadata, check_templates
from esmith.contrib.migrated import bring_up_to_date
from esmith.contrib.place import Contrib
from esmith.contrib.staged import StagedLayout, staged
from esmith.contrib.trial import Outcome, Trial
from esmith.contrib.verdict import EventVerdict, Verdict
from esmith.errors import ExitCode, ServiceError
from esmith.fragments.perl.engine import Perl
from esmith.layout import LAYERS, Layout
from esmith.services.definition import Services

if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot

_PARTS = (*LAYERS, *USER_TREES, "templates.metadata", "events", "db", "services", "services-custom", "checks")


def check_contrib(directory: str, layout: Layout, snapshot: Snapshot, *, rehearses: bool = False) -> Verdict:
    """Return what would not work of a contrib under a root, and what becomes of the events that it touches.

    Fragments and actions are compiled and not run; like ``perl -c``, this loads the modules they ``use``.

    :param directory: the contrib's sources, or the folder whose ``etc/e-smith`` is to be copied.
    :param snapshot: the databases of the root.
    :param rehearses: whether its fragments, migrate fragments and metadata are run, in a copy of the root.
    :raises UsageError: when the directory is no contrib.
    :raises UntrustedError: when it is not in the hands of its owners alone: perl would run what others wrote.
    """
    contrib = Contrib(directory, layout)
    contrib.own.trust.require_trees(contrib.own.configuration)
    _look(contrib, snapshot)
    with staged(contrib, snapshot) as (copy, store):
        refused = bring_up_to_date(contrib, copy, store, runs=rehearses)
        trial = Trial(contrib, copy, store, refused, rehearses=rehearses)
        events = [_verdict_of(outcome, copy) for outcome in trial.outcomes()]
        for warning in trial.warnings:
            _note_warning(contrib, warning)
    return Verdict(sorted(contrib.findings), events, rehearses)


def _look(contrib: Contrib, snapshot: Snapshot) -> None:
    """Look at each file."""
    perl = Perl(contrib.here, snapshot)
    try:
        _check_parts(contrib)
        _check_kinds(contrib)
        check_templates(contrib, perl, snapshot)
        check_metadata(contrib, perl)
        check_events(contrib, perl)
        check_databases(contrib, perl, snapshot)
        _check_services(contrib)
    finally:
        perl.close()


def _verdict_of(outcome: Outcome, copy: StagedLayout) -> EventVerdict:
    """Return what an event would do, with the paths of the configured system."""
    error = outcome.stopped
    left, failed = ({path: copy.named(why) for path, why in one.items()} for one in (outcome.left, outcome.failed))
    if error is not None:
        place = f"{error.place}: " if error.place else ""
        return EventVerdict(outcome.event, error.exit_code, copy.named(f"{place}{error.message}"))
    code = ExitCode.PARTIAL if left or failed else ExitCode.OK
    return EventVerdict(outcome.event, code, "", left, failed)


def _note_warning(contrib: Contrib, warning: str) -> None:
    """Note what a fragment of the contrib warned of: OUTPUT: FILE:LINE: text."""
    found = re.match(r"(\S+): (/\S+?)(?::(\d+))?: (.*)", warning, re.DOTALL)
    if found and os.path.lexists(contrib.own.under(found[2])):
        contrib.note(found[2], found[4], int(found[3] or 0))


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
