"""``expand-template``: expand some templates outside any event (cli-contract section 4)."""

from __future__ import annotations

from collections.abc import Callable

from esmith.apply.commit import commit_plan
from esmith.apply.generations import finish
from esmith.apply.plan import Plan, make_plan
from esmith.events.lock import LOCK_TIMEOUT, EventLock
from esmith.events.log import EventLog
from esmith.events.signal import recover_interrupted, show_warnings
from esmith.fragments.render import Renderer
from esmith.layout import Layout
from esmith.store.protocol import Snapshot, Store


def plan_templates(
    layout: Layout, snapshot: Snapshot, paths: list[str], *, output: str = "", layers: tuple[str, ...] = ()
) -> Plan:
    """Plan the expansion of templates; existing files keep their mode and owner.

    :param output: where the one template's output goes instead.
    :param layers: the directories to find fragments in, the nearest first; default: those of the layout.
    :raises TemplateError: when a template is missing or broken.
    """
    with Renderer(layout, snapshot, layers, output=output) as renderer:
        return make_plan(layout, snapshot, paths, keep_attributes=True, renderer=renderer)


def expand_templates(
    layout: Layout,
    store: Store,
    paths: list[str],
    *,
    say: Callable[[str], None],
    output: str = "",
    layers: tuple[str, ...] = (),
    timeout: float = LOCK_TIMEOUT,
) -> Plan:
    """Expand templates: all of them or, when one is broken, none. No service is adjusted.

    :param store: the databases, opened for writing.
    :param output: where the one template's output goes instead.
    :param layers: the directories to find fragments in, the nearest first; default: those of the layout.
    :param say: called with messages while it runs.
    :param timeout: how long to wait for a running event, in seconds.
    :raises TemplateError: when a template is missing or broken; no file was touched.
    :raises CheckError: when a program refuses its file; no file was touched.
    :raises InstallError: when a file could not be written.
    :raises BusyError: when a running event does not end in time.
    """
    log = EventLog(layout)
    with EventLock(layout, "expand-template", timeout=timeout, say=say) as lock:
        recover_interrupted(layout, store, lock, log, say)
        with store.snapshot() as snapshot:
            plan = plan_templates(layout, snapshot, paths, output=output, layers=layers)
        show_warnings(plan, log, say)
        generation = commit_plan(plan, layout, store, " ".join(["expand-template", *paths]), say)
        if generation is not None:
            finish(generation, layout, store)
    return plan
