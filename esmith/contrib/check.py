"""Looking at all of a contrib, and trying it in a copy of the root. Nothing of the root is changed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from contextlib import ExitStack
from typing import TYPE_CHECKING

from esmith.contrib.databases import check_databases
from esmith.contrib.events import check_events
from esmith.contrib.fragments import USER_TREES, check_metadata, check_templates
from esmith.contrib.migrated import bring_up_to_date
from esmith.contrib.place import Contrib
from esmith.contrib.staged import StagedLayout, staged
from esmith.contrib.trial import Outcome, Settings, Trial
from esmith.contrib.verdict import EventVerdict, Verdict
from esmith.errors import EsmithError, ExitCode, ServiceError
from esmith.fragments.perl.engine import Perl
from esmith.layout import LAYERS, Layout
from esmith.services.definition import Services

if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot, Store

_PARTS = (
    *LAYERS,
    *USER_TREES,
    "templates.metadata",
    "events",
    "db",
    "services",
    "services-custom",
    "checks",
    "panels",
    "panels-custom",
)


def check_contrib(
    directory: str, layout: Layout, store: Store, *, rehearses: bool = False, only: Collection[str] | None = None
) -> Verdict:
    """Return what would not work of a contrib under a root, and what becomes of the events that it touches.

    Fragments and actions are compiled and not run; like ``perl -c``, this loads the modules they ``use``.

    :param directory: the contrib's sources, or the folder whose ``etc/e-smith`` is to be copied.
    :param store: the databases of the root; reading is enough.
    :param rehearses: whether its fragments, migrate fragments and metadata are run, in a copy of the root.
    :param only: the events to try, of those that it touches; default: all of these.
    :raises UsageError: when the directory is no contrib.
    :raises UntrustedError: when it is not in the hands of its owners alone: perl would run what others wrote.
    """
    contrib = Contrib(directory, layout)
    contrib.own.trust.require_trees(contrib.own.configuration)
    events = []
    with ExitStack() as stack:
        with store.snapshot() as snapshot:
            _look(contrib, snapshot)
            copy, databases = stack.enter_context(staged(contrib, snapshot))
        refused: list[EsmithError] = []
        fails = False
        try:
            refused = bring_up_to_date(contrib, copy, databases, runs=rehearses)
        except EsmithError as error:
            refused, fails = [error], True
        settings = Settings(refused, fails)
        trial = stack.enter_context(Trial(contrib, copy, databases, settings, rehearses=rehearses))
        before = stack.enter_context(Trial(contrib, layout, store, rehearses=rehearses))
        for outcome in (trial.outcome(name) for name in trial.events() if only is None or name in only):
            verdict = _verdict_of(outcome, contrib, copy)
            if verdict.exit_code:
                verdict = verdict.compared(_verdict_of(before.outcome(outcome.event), contrib, copy))
            events.append(verdict)
        for warning in trial.warnings:
            _note_warning(contrib, copy.named(warning))
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


def _verdict_of(outcome: Outcome, contrib: Contrib, copy: StagedLayout) -> EventVerdict:
    """Return what an event would do, with the paths of the configured system."""

    def shown(text: str) -> str:
        """Return a reason; what was found in its file says it shorter than what came of it."""
        text = copy.named(text)
        found = [fault for path, fault in contrib.faults.items() if text.startswith(f"{path}:")]
        return found[0].text if found else text

    error = outcome.stopped
    if error is not None:
        reason = f"{error.place}: {error.message}" if error.place else error.message
        return EventVerdict(outcome.event, error.exit_code, shown(reason))
    left, failed = ({path: shown(why) for path, why in one.items()} for one in (outcome.left, outcome.failed))
    code = ExitCode.PARTIAL if left or failed else ExitCode.OK
    return EventVerdict(outcome.event, code, "", left, failed)


def _note_warning(contrib: Contrib, warning: str) -> None:
    """Note what a fragment of the contrib warned of: OUTPUT: FILE:LINE: text."""
    found = re.match(r"(\S+): (/\S+?)(?::(\d+))?: (.*)", warning, re.DOTALL)
    if found and os.path.lexists(contrib.own.under(found[2])):
        contrib.note(found[2], found[4], int(found[3] or 0))


def _check_parts(contrib: Contrib) -> None:
    base = "/etc/e-smith"
    if os.path.isfile(os.path.join(contrib.directory, "createlinks")):
        message = "makes links of events when the package is built, which are not here: run it in this folder first"
        contrib.note("/createlinks", message)
    for name in sorted(os.listdir(contrib.own.under(base))):
        if name in ("web", "locale"):
            contrib.note(f"{base}/{name}", "is for the original server-manager, whose pages do not run here")
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
