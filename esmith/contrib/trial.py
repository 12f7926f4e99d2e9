"""Trying the events that a contrib touches, in a copy of the root: which end well, which in part, which are stopped.

What an event does with a fault is not known here: the plan itself says it (:mod:`esmith.plan.blame`). Without a
rehearsal nothing of the contrib is run (:mod:`esmith.contrib.reading`). A rehearsal expands everything, and has the new
files checked. No action is run in either.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from esmith.contrib.place import Contrib
from esmith.contrib.reading import Reading
from esmith.errors import EsmithError
from esmith.events.adjust import ServiceStep
from esmith.events.affected import TemplateUse, find_affected
from esmith.events.asked import check_service_actions
from esmith.events.contribs import drop_unknown_actions, drop_wrong_actions
from esmith.events.definition import EXPAND_PLACE, Event, event_names, load_event
from esmith.events.derive import require_derivations
from esmith.events.errors import ActionError
from esmith.events.installation import Installation
from esmith.events.session import RecordingSession
from esmith.fragments.shipped import Shipped
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.plan.plan import Plan, make_plan
from esmith.schema.strict import STRICT, is_strict

if TYPE_CHECKING:
    from esmith.store.protocol import Store

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


@dataclass(frozen=True)
class Settings:
    """What bringing the databases up to date would come to.

    :param faults: what would be left out, or the one fault for which nothing is done.
    :param fails: whether it would fail.
    """

    faults: list[EsmithError] = field(default_factory=list)
    fails: bool = False


class Trial:
    """Tries events in the copy of a root. A context manager.

    :param contrib: the contrib, which was looked at already.
    :param layout: the root with the contrib in it; or without, to see what was so before.
    :param store: its databases; with the contrib, brought up to date.
    :param settings: what bringing them up to date comes to.
    :param rehearses: whether fragments are expanded, and the new files checked.
    """

    def __init__(
        self, contrib: Contrib, layout: Layout, store: Store, settings: Settings | None = None, *, rehearses: bool
    ) -> None:
        self._contrib = contrib
        self._layout = layout
        self._store = store
        self._settings = settings or Settings()
        self._rehearses = rehearses
        self._faults = contrib.faults if layout is not contrib.here else {}
        self._tree = TemplateTree(layout)
        self._shipped = Shipped(layout)
        self._stack = ExitStack()
        self._reading: Reading | None = None
        #: What the fragments warn of.
        self.warnings: dict[str, None] = {}

    @cached_property
    def _known(self) -> TemplateUse:
        with self._store.snapshot() as snapshot:
            return TemplateUse.of(self._layout, snapshot)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def events(self) -> list[str]:
        """Return the events that the contrib touches, and those that cannot be read at all."""
        names = event_names(self._layout)
        if any(map(_is_for_all, self._contrib.files("/etc/e-smith"))):
            return names
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
            if not self._is_strict():
                self._note_skipped(outcome, drop_unknown_actions(event, self._layout))
            check_service_actions(event)
            session = RecordingSession(self._layout, self._store, _silently)
            services = ServiceStep(session, f"signal-event {name}")
            services.read(event.services)
            for step in event.steps:
                if step == EXPAND_PLACE and event.templates:
                    self._expand(event, session, services, outcome)
                elif step in event.actions:
                    self._act(event, step, outcome)
            self._note_skipped(outcome, session.skipped)
        except EsmithError as error:
            outcome.stopped = error
        return outcome

    def _is_strict(self) -> bool:
        with self._store.snapshot() as snapshot:
            return is_strict(snapshot)

    def _note_skipped(self, outcome: Outcome, skipped: Mapping[str, str]) -> None:
        """Note files of the contrib that count for nothing."""
        outcome.failed |= {self._layout.inside(file): f"{file}: {why}" for file, why in skipped.items()}

    def _act(self, event: Event, step: str, outcome: Outcome) -> None:
        """Note that an action fails.

        :raises ActionError: when that stops the event.
        """
        path = self._action(event, step)
        fault = self._faults.get(path)
        place = os.path.join(event.directory, step)
        if self._settings.faults and self._initializes(path):
            reason = "; ".join(map(_reason, self._settings.faults))
            if self._settings.fails:
                raise ActionError(f"{_INITIALIZES} fails: {reason}")
            outcome.failed[self._layout.inside(place)] = reason
        if fault is None:
            return
        if not self._shipped.is_a_contribs(place):
            raise ActionError(fault.text)
        if self._is_strict():
            raise ActionError(f"{fault.text}; {STRICT}")
        outcome.failed[self._layout.inside(place)] = fault.text

    def _action(self, event: Event, step: str) -> str:
        """Return the file of an action, as a path of the configured system."""
        return self._layout.inside(os.path.realpath(os.path.join(event.directory, step)))

    def _initializes(self, path: str) -> bool:
        """Return whether an action is the shipped one that brings the databases up to date."""
        place = self._layout.under(path)
        if self._shipped.is_a_contribs(place) or not os.path.isfile(place):
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
            require_derivations(session, strict=self._is_strict())
            plan = self._read_plan(event)
            self._note_skipped(outcome, {} if plan.strict else drop_wrong_actions(plan, self._layout))
            services.read({name for output in plan.outputs for name in output.rendering.metadata.services or ()})
        made = {output.left for output in plan.left}
        outcome.left = {
            output.path: _reason(output.left).removeprefix(f"{output.path}: ") for output in plan.left if output.left
        }
        outcome.left |= {path: _reason(fault) for path, fault in plan.faults.items() if fault not in made}

    def _read_plan(self, event: Event) -> Plan:
        if self._reading is None:
            snapshot = self._stack.enter_context(self._store.snapshot())
            reading = Reading(self._contrib, self._layout, snapshot, self._faults, self._known.events)
            self._reading = self._stack.enter_context(reading)
        return self._reading.plan(event)


def _is_for_all(path: str) -> bool:
    """Return whether any event may read a file: it defines services, checks, settings or what actions make."""
    directory, _, rest = path.removeprefix("/etc/e-smith/").partition("/")
    if directory in ("services", "services-custom", "checks"):
        return True
    return path.endswith(".toml") and (directory == "db" or (directory == "events" and rest.startswith("actions/")))


def _reason(error: EsmithError | None) -> str:
    assert error is not None
    return f"{error.place}: {error.message}" if error.place else error.message


def _silently(_text: str) -> None:
    """Say nothing: the verdict does."""
