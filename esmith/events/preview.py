"""What the files would be with settings, or fragments, that are not saved: nothing is changed, and no lock is taken.

The files are planned as an event plans them, on an :class:`esmith.store.overlay.Overlay` of the databases. A template
that is broken is listed, and hides none of the others. What actions of an event would change does not show, and
a fragment or a check that starts ``db`` itself sees what is saved.
"""

from __future__ import annotations

import os
from contextlib import suppress

from esmith.errors import CheckError, EsmithError, ServiceError, StoreError, UntrustedError, UsageError
from esmith.events.applying import events_for
from esmith.events.chosen import Chosen, Fault
from esmith.events.contribs import drop_wrong_actions
from esmith.events.needed import needed_services
from esmith.events.session import RecordingSession
from esmith.events.unread import Unread
from esmith.fields import dataclass, field
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Kind
from esmith.layout import LAYERS
from esmith.plan.diff import Diffs, describe, hidden
from esmith.plan.output import Difference
from esmith.plan.plan import Plan, make_plan
from esmith.schema.load import Schema
from esmith.schema.remembered import RememberedFiles
from esmith.store.unsaved import UnsavedStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from esmith.events.definition import Event
    from esmith.layout import Layout
    from esmith.plan.output import Output
    from esmith.plan.verdict import Verdict
    from esmith.store.model import Change
    from esmith.store.overlay import Overlay
    from esmith.store.protocol import Store

#: Stands for the name of an event where the templates are those of many, or of none.
_SEVERAL = "(several)"


@dataclass
class PreviewFile:
    """A file that would change.

    :param path: the file, as the configured system knows it.
    :param template: the path of its template.
    :param events: the events that have its template, sorted.
    :param difference: how it would change.
    :param old: what is there; None for nothing, and where only mode or owner would change.
    :param new: what it would hold, for a link what it would lead to; None for nothing.
    :param diff: lines of a unified diff, which may be shown: of a file that holds a secret only its name.
    :param secret: whether it holds a secret, so that neither the old nor the new text may be shown.
    :param anyway: whether it would become the same without what is unsaved, which has no part in it then.
    :param left: why it would be left as it is; None when it would not.
    :param verdict: what its check says; None for no check, and where none was asked for.
    """

    path: str
    template: str
    events: list[str]
    difference: Difference
    old: bytes | None
    new: bytes | None
    diff: list[str]
    secret: bool
    anyway: bool = False
    left: EsmithError | None = None
    verdict: Verdict | None = None


@dataclass
class Preview:
    """What would be.

    :param changes: the unsaved settings, as far as they differ from what is saved.
    :param files: the files that would change, in byte order of their paths.
    :param services: the services that would be adjusted because of that, each with its service actions. Supervisors are
        not asked, so one that is down for another reason is not among them.
    :param faults: what is broken.
    :param verdicts: of the checks, when they were asked for: also of files that do not change themselves.
    :param refused: why a check stops all of it; None when none does.
    :param warnings: what fragments warn of.
    """

    changes: list[Change] = field(default_factory=list)
    files: list[PreviewFile] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    refused: CheckError | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing would stop an event with these files."""
        return self.refused is None and not any(fault.stops for fault in self.faults)

    @property
    def events(self) -> list[str]:
        """Few events that write all files in which something unsaved has a part.

        Which ones: docs/events.md#which-event-is-named.
        """
        files = [file for file in self.files if not (file.left or file.anyway)]
        return list(events_for({file.template for file in files}, {file.template: file.events for file in files}))


def preview(
    layout: Layout,
    store: Store,
    *,
    unsaved: Iterable[Change] = (),
    events: Sequence[str] | None = None,
    templates: Sequence[str] | None = None,
    fragments: str | None = None,
    checks: bool = False,
) -> Preview:
    """Return what the files would be. Neither the root nor the store is written to; an event may run meanwhile.

    :param layout: the root.
    :param store: its databases; reading is enough.
    :param unsaved: settings that are not saved, e.g. :attr:`esmith.store.overlay.Overlay.changes`; only database, key,
        property and the new value count. They are not checked by the schema here.
    :param events: the events whose templates are looked at. With a single one Perl fragments know it as ``$EVENT``.
    :param templates: more templates to look at. With neither these nor events: all templates of all events.
    :param fragments: a directory (a path of this disk) of fragments that are not saved, with templates at the paths
        of the files as in ``templates-custom``, which it is nearer than.
    :param checks: whether the checks are run on the files that would change.
    :raises UsageError: when there is no such event, or a property is set of a record that there is not.
    :raises RefusedError: when an unsaved name or value cannot be stored.
    :raises TemplateError: when one of the templates that were named does not exist.
    :raises UntrustedError: when something of the root is not in the hands of its owners alone.
    :raises StoreError: when the databases cannot be read.
    """
    named = events[0] if events is not None and len(events) == 1 else ""
    tried = UnsavedStore(store, unsaved)
    return _preview(layout, store, tried, named, fragments or "", checks, lambda one: one.add(events, templates))


def preview_events(
    layout: Layout, store: Store, events: Sequence[str], *, unsaved: Iterable[Change] = (), checks: bool = False
) -> Preview:
    """Return what the files of some events would be, as :func:`preview` does, in less time.

    Other events are not looked at, so the files of the result, and the result, name only these.

    :raises EsmithError: as :func:`preview`.
    """
    named = events[0] if len(events) == 1 else ""
    tried = UnsavedStore(store, unsaved)
    return _preview(layout, store, tried, named, "", checks, lambda one: one.add(events, None, others=False))


def _preview(
    layout: Layout,
    store: Store,
    tried: UnsavedStore,
    named: str,
    fragments: str,
    checks: bool,
    choose: Callable[[Chosen], None],
) -> Preview:
    layers = (os.path.abspath(fragments), *map(layout.layer, LAYERS)) if fragments else ()
    with tried.snapshot() as snapshot, Renderer(layout, snapshot, layers, event=named) as renderer:
        chosen = Chosen(renderer)
        choose(chosen)
        looker = _Looker(layout, tried, store, snapshot, renderer, named, fragments)
        plan = looker.plan(list(dict.fromkeys(chosen.templates)))
        looker.found.faults += chosen.faults
        looker.found.changes = snapshot.changes
        looker.adjust(plan, chosen.event)
        if checks:
            looker.check(plan)
        looker.describe(plan, chosen.names)
        return looker.found


class _Looker:
    """Looks what the files would be.

    :param store: the databases with what is unsaved.
    :param below: those with what is saved.
    :param snapshot: a snapshot with what is unsaved.
    :param event: the name of the event; "" for none or several.
    :param fragments: the directory of fragments that are not saved; "" for none.
    """

    def __init__(
        self,
        layout: Layout,
        store: Store,
        below: Store,
        snapshot: Overlay,
        renderer: Renderer,
        event: str,
        fragments: str,
    ) -> None:
        self._layout = layout
        self._below = below
        self._event = event
        self._fragments = fragments
        self._snapshot = snapshot
        self._renderer = renderer
        self.found = Preview()
        self._session = RecordingSession(layout, store, self.found.warnings.append)

    def plan(self, paths: list[str]) -> Plan:
        """Return the plan of all templates, as an event makes it; of those that are not broken, when some are."""
        try:
            return self._noted(self._planned(paths))
        except (StoreError, UntrustedError):
            raise
        except EsmithError as error:
            together = error
        plan = Plan(left_out=self._renderer.left_out)
        for path in paths:
            try:
                one = self._noted(self._planned([path]))
            except EsmithError as error:
                self.found.faults.append(Fault(path, error, stops=True))
                continue
            plan.outputs += one.outputs
            plan.strict, plan.blamed = one.strict, one.blamed
        if not any(fault.stops for fault in self.found.faults):
            # Each of them is sound, but not all together.
            self.found.faults.append(Fault(together.place, together, stops=True))
        return plan

    def _planned(self, paths: list[str]) -> Plan:
        # For an event a fault of a contrib stays with its unit.
        event = self._event or _SEVERAL
        return make_plan(self._layout, self._snapshot, paths, renderer=self._renderer, event=event)

    def _noted(self, plan: Plan) -> Plan:
        """Note the faults that stop only a part."""
        self.found.faults += [Fault(path, error, stops=False) for path, error in plan.faults.items()]
        return plan

    def adjust(self, plan: Plan, event: Event) -> None:
        """Note which services would be adjusted."""
        if not plan.strict:
            drop_wrong_actions(plan, self._layout)
        try:
            self.found.services = needed_services(self._layout, self._snapshot, plan, event)
        except (ServiceError, UsageError) as error:
            self.found.faults.append(Fault(error.place, error, stops=True))

    def check(self, plan: Plan) -> None:
        """Run the checks on the tree as it would be."""
        from esmith.checks.check import check

        plan.unread, plan.secrets = Unread(self._session), self._session.secrets
        try:
            check(plan, self._layout, writes=False)
        except CheckError as error:
            self.found.refused = error
        except EsmithError as error:
            self.found.faults.append(Fault(error.place, error, stops=True))
        self.found.verdicts = plan.verdicts

    def describe(self, plan: Plan, events: dict[str, list[str]]) -> None:
        """Note the files that would change.

        :param events: the names of the events that have a template, by its path.
        """
        outputs = [one for one in plan.outputs if one.difference is not Difference.NONE]
        saved = self._saved(outputs)
        diffs = Diffs(outputs, self._snapshot, Schema(self._layout, RememberedFiles(self._snapshot)))
        verdicts = {verdict.path: verdict for verdict in plan.verdicts}
        for output in sorted(outputs, key=lambda one: os.fsencode(one.path)):
            template = output.rendering.template.path
            lines = diffs.of(output) or [describe(output)]
            old, new = _contents(output)
            self.found.files.append(
                PreviewFile(
                    output.path,
                    template,
                    events.get(template, []),
                    output.difference,
                    old,
                    new,
                    lines,
                    secret=lines == [hidden(output.path)],
                    anyway=_is_the_same(output, saved.get(output.path)),
                    left=output.left,
                    verdict=verdicts.get(output.path),
                )
            )
        self.found.warnings += plan.warnings

    def _saved(self, outputs: list[Output]) -> dict[str, Output]:
        """Return what files would be with what is saved, by their paths, as far as that is not broken.

        :param outputs: the files.
        """
        found: dict[str, Output] = {}
        if not (self._fragments or self._snapshot.changes):
            return found
        paths = list(dict.fromkeys(output.rendering.template.path for output in outputs))
        with self._below.snapshot() as snapshot, Renderer(self._layout, snapshot, event=self._event) as renderer:
            # One by one where they cannot be planned together.
            for chosen in (paths, *([path] for path in paths)):
                with suppress(EsmithError):
                    plan = make_plan(self._layout, snapshot, chosen, renderer=renderer)
                    found |= {output.path: output for output in plan.outputs}
                    if len(chosen) == len(paths):
                        break
        return found


def _is_the_same(output: Output, other: Output | None) -> bool:
    """Return whether an output becomes what another one of its path becomes."""
    if other is None or output.difference is not other.difference:
        return False
    one, two = output.rendering, other.rendering
    return (one.kind, one.content, output.mode, output.owner) == (two.kind, two.content, other.mode, other.owner)


def _contents(output: Output) -> tuple[bytes | None, bytes | None]:
    """Return what is there and what would be; both None where only mode or owner would change."""
    if output.difference is Difference.ATTRIBUTES:
        return None, None
    old = None if output.difference is Difference.CREATE else output.old or b""
    return old, None if output.rendering.kind is Kind.ABSENT else output.rendering.content
