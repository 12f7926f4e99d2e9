"""``expand-template``: expand some templates outside any event (docs/commands.md#expand-template)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from esmith.apply.commit import commit_plan
from esmith.apply.generations import finish
from esmith.checks.check import check
from esmith.events.adjust import asked_by
from esmith.events.definition import Event
from esmith.events.lock import LOCK_TIMEOUT, EventLock
from esmith.events.log import EventLog, SilentLog
from esmith.events.owed import list_owed, owe
from esmith.events.recover import give_back_all, recover_files
from esmith.events.signal import report_checks, report_left, show_warnings
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind, Rendering
from esmith.layout import Layout
from esmith.plan.plan import Plan, make_plan
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


def rehearse_templates(
    layout: Layout,
    snapshot: Snapshot,
    paths: list[str],
    *,
    say: Callable[[str], None],
    show: Callable[[Plan], None],
    output: str = "",
    layers: tuple[str, ...] = (),
) -> Plan:
    """Try what expanding templates would do now, with the checks, changing nothing.

    :param say: called with warnings.
    :param show: called with the plan before it is checked, so that also what is refused can be looked at.
    :return: the plan.
    :raises TemplateError: when a template is missing or broken.
    :raises CheckError: when a program refuses its file.
    """
    plan = plan_templates(layout, snapshot, paths, output=output, layers=layers)
    for text in plan.warnings:
        say(text)
    show(plan)
    check(plan, layout, writes=False)
    report_checks(plan, layout, SilentLog(layout), say)
    report_left(plan, say)
    return plan


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
    """Expand templates: all of them or, when one is broken, none.

    No service is adjusted; those that read a changed file are owed it, and the next event does it.

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

    def make(snapshot: Snapshot) -> Plan:
        return plan_templates(layout, snapshot, paths, output=output, layers=layers)

    return _carry_out(layout, store, make, " ".join(["expand-template", *paths]), say, timeout)


def install_content(
    layout: Layout,
    store: Store,
    path: str,
    output: str,
    content: bytes | None,
    *,
    say: Callable[[str], None],
    layers: tuple[str, ...] = (),
    attributes: dict[str, str] | None = None,
    timeout: float = LOCK_TIMEOUT,
) -> Plan:
    """Install what a script made of a template, checked and with a generation to go back to like every output.

    :param path: the template; what its metadata says of checks, mode and owner holds.
    :param output: the file.
    :param content: None to remove the file.
    :param layers: the directories to find fragments in, the nearest first; default: those of the layout.
    :param attributes: ``mode`` (octal), ``owner``, ``group``, where they are not those of the metadata.
    :raises TemplateError: when there is no such template.
    :raises CheckError: when a program refuses the file; it was not touched.
    :raises InstallError: when the file could not be written.
    :raises BusyError: when a running event does not end in time.
    """

    def make(snapshot: Snapshot) -> Plan:
        renderer = _Given(layout, snapshot, layers, output, content, attributes or {})
        plan = make_plan(layout, snapshot, [path], renderer=renderer)
        for one in plan.outputs:
            # The next event must not take it for what the template gives.
            one.inputs = ""
        return plan

    return _carry_out(layout, store, make, f"processTemplate {path}", say, timeout)


def _carry_out(
    layout: Layout,
    store: Store,
    make: Callable[[Snapshot], Plan],
    what: str,
    say: Callable[[str], None],
    timeout: float,
) -> Plan:
    """Make a plan and apply it, under the lock."""
    log = EventLog(layout)
    with EventLock(layout, what.partition(" ")[0], timeout=timeout, say=say) as lock:
        recover_files(layout, store, lock, log, say)
        with store.snapshot() as snapshot:
            plan = make(snapshot)
        show_warnings(plan, log, say)
        asked = asked_by(Event(what.partition(" ")[0], ""), plan)
        also = partial(owe, services=asked, why=what)
        with store.snapshot() as snapshot:
            owed_before = list_owed(snapshot)
        generation = commit_plan(plan, layout, store, what, say, services=asked, also=also)

        def tell(text: str) -> None:
            log.write(text)
            say(text)

        complete = False
        try:
            report_checks(plan, layout, log, say)
            report_left(plan, tell)
            if generation is not None:
                finish(generation, layout, store)
            complete = True
        finally:
            if generation is not None and not complete:
                back = give_back_all(generation, layout, store, what, owed_before=owed_before)
                tell(back.text)
    return plan


class _Given(Renderer):
    """Gives a template the content it is told."""

    def __init__(
        self,
        layout: Layout,
        snapshot: Snapshot,
        layers: tuple[str, ...],
        output: str,
        content: bytes | None,
        attributes: dict[str, str],
    ) -> None:
        super().__init__(layout, snapshot, layers)
        self._given = output, content
        self._attributes = attributes

    def render(self, path: str) -> Iterator[Rendering]:
        """Yield the one output."""
        output, content = self._given
        template = self.metadata.find(path)
        metadata = self.metadata.of(template)
        rendering = Rendering(output, template, metadata)
        if content is None:
            rendering.kind = Kind.ABSENT
        else:
            expansion = self._expansion(rendering)
            rendering.content = content
            rendering.owner, rendering.group, mode = (
                self._attributes.get(name) or expansion.value(name, getattr(metadata, name))
                for name in ("owner", "group", "mode")
            )
            rendering.mode = int(mode, 8)
        yield rendering
