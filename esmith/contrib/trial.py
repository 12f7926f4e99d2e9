"""Trying the events that a contrib touches, in a copy of the root: which end well, which in part, which are stopped.

What an event does with a fault is not known here: the plan itself says it (:mod:`esmith.plan.blame`). A reading trial
runs nothing of the contrib. In its place the files that certainly fail, as was found before, fail. A rehearsal expands
everything, and has the new files checked. No action is run in either.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from esmith.contrib.place import Contrib, Finding
from esmith.errors import ActionError, EsmithError, TemplateError
from esmith.events.adjust import ServiceStep, check_service_actions
from esmith.events.affected import TemplateUse, find_affected
from esmith.events.definition import EXPAND_PLACE, Event, event_names, load_event
from esmith.events.derive import require_derivations
from esmith.events.installation import Installation
from esmith.events.session import RecordingSession
from esmith.fragments.metadata import Metadata
from esmith.fragments.perl.engine import Perl
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Rendering
from esmith.fragments.shipped import Shipped
from esmith.fragments.tree import NoTemplateError, Template, TemplateTree
from esmith.layout import Layout
from esmith.plan.blame import is_a_contribs
from esmith.plan.plan import STRICT, Plan, is_strict, make_plan

if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot, Store

#: What brings the databases up to date, in the actions of events that do.
_INITIALIZES = "initialize-databases"


@dataclass
class Outcome:
    """What one event would do.

    :param event: its name.
    :param stopped: what stops it; None when it goes through.
    :param left: the files that stay as they are, each with the reason; of a template that is not there, its path.
    :param failed: the actions that fail, each with the reason.
    """

    event: str
    stopped: EsmithError | None = None
    left: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class Trial:
    """Tries events in the copy of a root.

    :param contrib: the contrib, which was looked at already.
    :param layout: the root with the contrib in it; or without, to see what was so before.
    :param store: its databases; with the contrib, brought up to date.
    :param refused: why they could not be brought up to date; None when they were.
    :param rehearses: whether fragments are expanded, and the new files checked.
    """

    def __init__(
        self, contrib: Contrib, layout: Layout, store: Store, refused: EsmithError | None = None, *, rehearses: bool
    ) -> None:
        self._contrib = contrib
        self._layout = layout
        self._store = store
        self._refused = refused
        self._rehearses = rehearses
        self._faults = contrib.faults if layout is not contrib.here else {}
        self._tree = TemplateTree(layout)
        with store.snapshot() as snapshot:
            self._known = TemplateUse.of(layout, snapshot)
        self._shipped = Shipped(layout)
        #: What the fragments warn of.
        self.warnings: dict[str, None] = {}

    def outcomes(self) -> list[Outcome]:
        """Return what each event would do that the contrib touches."""
        return [self.outcome(name) for name in self._events()]

    def _events(self) -> list[str]:
        """Return the events that the contrib touches, and those that cannot be read at all."""
        names = event_names(self._layout)
        known = self._known
        paths = [self._layout.under(path) for path in self._contrib.files("/etc/e-smith")]
        affected = find_affected(self._layout, known, paths)
        own = set(affected.events)
        for template in affected.templates:
            own.update(known.events.get(template, ()))
        return [name for name in names if name in own or self._is_touched(name)]

    def _is_touched(self, name: str) -> bool:
        """Return whether an event runs an action of the contrib, or brings its settings up to date, or is broken."""
        try:
            event = load_event(self._layout, name, self._tree)
        except EsmithError:
            return True
        settings = any(True for _ in self._contrib.files("/etc/e-smith/db"))
        for step in event.actions:
            path = self._action(event, step)
            if os.path.lexists(self._contrib.own.under(path)) or (settings and self._initializes(path)):
                return True
        return False

    def outcome(self, name: str) -> Outcome:
        """Return what an event would do."""
        outcome = Outcome(name)
        try:
            event = load_event(self._layout, name, self._tree)
            check_service_actions(event)
            session = RecordingSession(self._layout, self._store, _silently)
            services = ServiceStep(session, f"signal-event {name}")
            services.read(event.services)
            for step in event.steps:
                if step == EXPAND_PLACE and event.templates:
                    self._expand(event, session, services, outcome)
                elif step in event.actions:
                    self._act(event, step, outcome)
        except EsmithError as error:
            outcome.stopped = error
        return outcome

    def _act(self, event: Event, step: str, outcome: Outcome) -> None:
        """Note that an action fails.

        :raises ActionError: when that stops the event.
        """
        path = self._action(event, step)
        fault = self._faults.get(path)
        if self._refused is not None and self._initializes(path):
            raise ActionError(f"{_INITIALIZES} fails: {_reason(self._refused)}")
        if fault is None:
            return
        place = os.path.join(event.directory, step)
        if not is_a_contribs(place, self._layout, self._shipped):
            raise ActionError(fault.text)
        with self._store.snapshot() as snapshot:
            if is_strict(snapshot):
                raise ActionError(f"{fault.text}; {STRICT}")
        outcome.failed[self._layout.inside(place)] = fault.text

    def _action(self, event: Event, step: str) -> str:
        """Return the file of an action, as a path of the configured system."""
        return self._layout.inside(os.path.realpath(os.path.join(event.directory, step)))

    def _initializes(self, path: str) -> bool:
        """Return whether an action is the shipped one that brings the databases up to date."""
        place = self._layout.under(path)
        if is_a_contribs(place, self._layout, self._shipped) or not os.path.isfile(place):
            return False
        with open(place, encoding="utf-8", errors="replace") as file:
            return any(_INITIALIZES in line and not line.startswith("#") for line in file)

    def _expand(self, event: Event, session: RecordingSession, services: ServiceStep, outcome: Outcome) -> None:
        if self._rehearses:
            with Installation(session, f"signal-event {event.name}", event, services=services) as installation:
                installation.carry_out(
                    lambda snapshot: make_plan(self._layout, snapshot, event.templates, event=event.name)
                )
            plan = installation.plan
            self.warnings |= dict.fromkeys(plan.warnings)
        else:
            require_derivations(session)
            with self._store.snapshot() as snapshot:
                plan = self._read(event, snapshot)
            services.read({name for output in plan.outputs for name in output.rendering.metadata.services or ()})
        made = {output.left for output in plan.left}
        outcome.left = {
            output.path: _reason(output.left).removeprefix(f"{output.path}: ") for output in plan.left if output.left
        }
        outcome.left |= {path: _reason(fault) for path, fault in plan.faults.items() if fault not in made}

    def _read(self, event: Event, snapshot: Snapshot) -> Plan:
        """Return a plan for which nothing is expanded: what certainly fails does, and everything else is as it was."""
        perl = _Reading(self._layout, snapshot, self._contrib)
        with Renderer(self._layout, snapshot, event=event.name, perl=perl) as renderer:
            faults = Faults(self._faults, self._layout, self._known.events)
            renderer.recall = faults.recall
            renderer.recall_all = faults.recall_all
            paths = [path for path in event.templates if not self._is_open(renderer, path)]
            return make_plan(self._layout, snapshot, paths, keep_attributes=True, renderer=renderer, event=event.name)

    def _is_open(self, renderer: Renderer, path: str) -> bool:
        """Return whether only running something of the contrib tells what a template is made of, or which files."""
        expressions = renderer.metadata.original.entries(path)
        own = self._layout.configuration
        try:
            _, metadata = renderer.find(path)
        except NoTemplateError:
            names = ("TEMPLATE_PATH", "TEMPLATE_EXPAND_QUEUE")
            return any(name in expressions.expressions and expressions.literal(name) is None for name in names)
        except TemplateError:
            return False
        source = metadata.sources.get("key", "")
        return bool(metadata.key) and source.startswith(own) and is_a_contribs(source, self._layout, self._shipped)


class Faults:
    """What certainly fails, in place of what would be expanded.

    :param faults: the files that certainly fail, with the reasons.
    :param layout: the root with the contrib in it.
    :param outputs: the templates that events expand.
    """

    def __init__(self, faults: Mapping[str, Finding], layout: Layout, outputs: Container[str]) -> None:
        self._layout = layout
        self._faults = faults
        below = (pair for path in self._faults for pair in _below_layers(path))
        inner = ((os.path.dirname(name), path) for name, path in below)
        #: The templates with a fault that no event expands: others may do so inside themselves.
        self._inner = {template: path for template, path in inner if template not in outputs}

    def recall(self, path: str, template: Template, metadata: Metadata) -> Rendering:
        """Return an output as it was; its fragments are not run.

        :raises TemplateError: when one of them certainly fails, or its metadata do.
        """
        self._require(template, metadata)
        return Rendering(path, template, metadata, recalled=True)

    def recall_all(self, template: Template, metadata: Metadata) -> list[Rendering]:
        """Return the outputs of a template that makes one for each key: which they are is not asked."""
        self._require(template, metadata)
        return []

    def _require(self, template: Template, metadata: Metadata) -> None:
        for fragment in template.fragments:
            if not fragment.masked:
                self._require_file(fragment.path)
                self._require_inner(fragment.path, template.path)
        for source in metadata.sources.values():
            self._require_file(source)

    def _require_file(self, file: str) -> None:
        fault = self._faults.get(self._layout.inside(file))
        if fault is not None:
            place = f"{file}:{fault.line}" if fault.line else file
            raise TemplateError(fault.message, place=place)

    def _require_inner(self, file: str, template: str) -> None:
        """Require that no template fails which a fragment names, and so perhaps expands inside its own."""
        others = {path: inner for path, inner in self._inner.items() if path != template}
        if not others or not os.path.isfile(file):
            return
        with open(file, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        for path, inner in others.items():
            if path in text:
                self._require_file(self._layout.under(inner))


class _Reading(Perl):
    """Compiles the expressions of a contrib's metadata, and runs all others."""

    def __init__(self, layout: Layout, snapshot: Snapshot, contrib: Contrib) -> None:
        super().__init__(layout, snapshot)
        self._root = layout
        self._contrib = contrib

    def evaluate(self, expression: str, place: str, variables: dict[str, Any]) -> str | None:
        """Return the value of an expression; None for one of the contrib, as for an undefined one."""
        if os.path.lexists(self._contrib.own.under(self._root.inside(place))):
            super().evaluate(f"sub {{ {expression} }}; 1", place, variables)
            return None
        return super().evaluate(expression, place, variables)


def _below_layers(path: str) -> Iterator[tuple[str, str]]:
    """Yield the path of a fragment below its layer, with its own."""
    for layer in ("templates-custom", "templates"):
        base = f"/etc/e-smith/{layer}/"
        if path.startswith(base):
            yield path.removeprefix(base[:-1]), path


def _reason(error: EsmithError | None) -> str:
    assert error is not None
    return f"{error.place}: {error.message}" if error.place else error.message


def _silently(_text: str) -> None:
    """Say nothing: the verdict does."""
