"""Applying a plan as one unit, all of it or nothing: staged, checked, kept, installed, remembered (DESIGN 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esmith.apply.checks.check import check
from esmith.apply.generations import Also, Generation, begin, restore
from esmith.apply.host import DiskHost, RecordingHost
from esmith.apply.install import discard, install, remember, stage
from esmith.apply.left import record_left
from esmith.apply.plan import Plan
from esmith.layout import Layout
from esmith.store.model import Author
from esmith.store.protocol import Store


def commit_plan(
    plan: Plan,
    layout: Layout,
    store: Store,
    what: str,
    note: Callable[[str], None],
    *,
    services: Mapping[str, list[str]] | None = None,
    also: Also | None = None,
    host: DiskHost | None = None,
) -> Generation | None:
    """Apply a plan. The caller holds the event lock.

    :param store: the databases, opened for writing.
    :param what: the command, for the list of generations.
    :param note: called with what the administrator should know.
    :param services: the services that read what changes, each with the words it will be told.
    :param also: what is to be written durably together with what was installed, e.g. what the services are owed.
    :param host: installs the files; default: the disk.
    :return: the generation, which the caller finishes or restores; None when nothing changed.
    :raises CheckError: when a program refuses its file; nothing was changed.
    :raises InstallError: when a file could not be written; nothing was changed.
    """
    host = host or DiskHost(layout)
    stage(plan, host)
    try:
        check(plan, layout, writes=True)
        generation = begin(plan, layout, store, what, services or {}, host.disk)
        installed = False
        try:
            for text in install(plan, host, layout):
                note(text)
            _remember(plan, generation, store, Author.current(what.split()), also)
            installed = True
        finally:
            if generation is not None and not installed:
                restore(generation, layout, store)
    finally:
        discard(plan, host)
    return generation


def rehearse_plan(plan: Plan, layout: Layout) -> None:
    """Go through the same steps with a host that only records.

    :raises CheckError: when a program would refuse its file.
    """
    host = RecordingHost(layout)
    stage(plan, host)
    check(plan, layout, writes=False)
    install(plan, host, layout)


def _remember(plan: Plan, generation: Generation | None, store: Store, author: Author, also: Also | None) -> None:
    """Record what was installed, and what was left as it was."""
    with store.transaction(author) as transaction:
        if also is not None and plan.changed:
            also(transaction)
        remember(plan, transaction)
        record_left(plan, transaction)
        if generation is not None and plan.left:
            generation.leave_out({output.path for output in plan.left}, transaction)
