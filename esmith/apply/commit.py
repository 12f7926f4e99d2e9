"""Applying a plan as one unit, all of it or nothing: staged, checked, kept, installed, remembered."""

from __future__ import annotations

from esmith.apply.generations import Generation, begin
from esmith.apply.install import discard, install, remember, stage
from esmith.apply.left import record_left
from esmith.errors import InstallError, StoreError
from esmith.plan.difference import EDITED
from esmith.plan.host import DiskHost, RecordingHost
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from esmith.apply.generations import Also
    from esmith.layout import Layout
    from esmith.plan.plan import Plan
    from esmith.store.protocol import Store


def commit_plan(
    plan: Plan,
    host: DiskHost,
    store: Store,
    what: str,
    note: Callable[[str], None],
    *,
    services: Mapping[str, list[str]] | None = None,
    also: Also | None = None,
) -> Generation | None:
    """Apply a plan. The caller holds the event lock.

    :param host: installs the files.
    :param store: the databases, opened for writing.
    :param what: the command, for the list of generations.
    :param note: called with what the administrator should know.
    :param services: the services that read what changes, each with its service actions.
    :param also: what is to be written durably together with what was installed, e.g. the pending actions.
    :return: the generation, which the caller finishes or restores; None when nothing changed.
    :raises CheckError: when a program refuses its file; no file was changed.
    :raises InstallError: when a file could not be written; the message says whether one was changed, and ``note`` is
        called with what was restored.
    :raises StoreError: when the store could not be written; likewise.
    """
    layout = host.layout
    generation = None
    installed = False
    try:
        stage(plan, host)
        if plan.changed and any(output.rendering.metadata.check for output in plan.outputs):
            from esmith.checks.check import check

            check(plan, layout, writes=True)
        _note_newer(plan, layout, store)
        generation = begin(plan, layout, store, what, services or {}, host.disk)
        for text in install(plan, host, layout):
            note(text)
        _remember(plan, generation, store, Author.current(what.split()), also)
        installed = True
    except (InstallError, StoreError) as error:
        if generation is None:
            error.add("no file was changed")
        raise
    finally:
        try:
            if generation is not None and not installed:
                # Only after a failure.
                from esmith.apply.restore import restore_or_explain

                _, text = restore_or_explain(generation, layout, store, note=note)
                note(text)
        finally:
            discard(plan, host)
            host.close()
    return generation


def rehearse_plan(plan: Plan, layout: Layout) -> None:
    """Go through the same steps with a host that only records.

    :raises CheckError: when a program would refuse its file.
    """
    from esmith.checks.check import check

    host = RecordingHost(layout)
    stage(plan, host)
    check(plan, layout, writes=False)
    install(plan, host, layout)


def _note_newer(plan: Plan, layout: Layout, store: Store) -> None:
    """Note of files that seem to be edited that they may be newer than the databases, where an event shows it.

    It is seen by what was kept of later installs, a part of which the next install replaces.
    """
    edited = [output for output in plan.changed if output.foreign == EDITED]
    if edited:
        from esmith.apply.newer import NEWER, are_files_newer

        with store.snapshot() as snapshot:
            newer = are_files_newer(layout, snapshot)
        for output in edited if newer else ():
            output.foreign = NEWER


def _remember(plan: Plan, generation: Generation | None, store: Store, author: Author, also: Also | None) -> None:
    """Record what was installed, and what was left as it was."""
    with store.transaction(author) as transaction:
        if also is not None and plan.changed:
            also(transaction)
        remember(plan, transaction)
        record_left(plan, transaction)
        if generation is not None and plan.left:
            generation.leave_out({output.path for output in plan.left}, transaction)
