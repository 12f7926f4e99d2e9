"""Showing what saved fragments would change: the diffs an event would make and the verdict of the checks, or the error.

That is a rehearsal of :mod:`esmith.events.installation`, but each template that is broken is reported, and the others
are shown. Nothing is changed. Secrets stay hidden, as :mod:`esmith.plan.diff` hides them.
"""

from __future__ import annotations

import os

from esmith.errors import EsmithError, TemplateError
from esmith.events.asked import check_service_actions
from esmith.events.definition import Event, load_event
from esmith.events.installation import Installation
from esmith.events.session import RecordingSession
from esmith.fields import dataclass, field
from esmith.fragments.tree import NoTemplateError, TemplateTree
from esmith.names import counted
from esmith.plan.diff import Diffs, describe
from esmith.plan.plan import Plan, make_plan
from esmith.printable import shell_word
from esmith.schema.load import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.events.affected import Affected, TemplateUse
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot, Store

#: More of one report nobody reads; a saved template-begin may change every file there is.
_SHOWN_LINES = 200


@dataclass
class Rehearsal:
    """What would happen.

    :param lines: the report.
    :param sound: whether nothing is broken and no check refuses a file.
    :param includes: templates that were expanded inside others, each with those others, as far as was seen.
    """

    lines: list[str] = field(default_factory=list)
    sound: bool = True
    includes: dict[str, set[str]] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Report a message."""
        self.lines += text.splitlines()

    def fail(self, error: EsmithError) -> None:
        """Report an error."""
        self.sound = False
        self.say(str(error))


def rehearse(layout: Layout, store: Store, affected: Affected, known: TemplateUse) -> Rehearsal:
    """Return what an event would make of the templates that some changed files affect."""
    rehearsal = Rehearsal()
    tree = TemplateTree(layout)
    for path in affected.schemas:
        _look_at_schema(layout, path, rehearsal)
    for name in affected.events:
        _look_at_event(layout, tree, name, rehearsal)
    paths = [path for path in affected.templates if _is_there(tree, path, known, rehearsal)]
    if paths:
        _rehearse_templates(layout, store, paths, rehearsal)
        for path in paths:
            if path not in known.events:
                rehearsal.lines.append(f"no event expands {path}; 'expand-template {shell_word(path)}' does")
    if not rehearsal.lines:
        rehearsal.lines.append("this belongs to no template")
    return rehearsal


def _look_at_schema(layout: Layout, path: str, rehearsal: Rehearsal) -> None:
    database, _, name = path.removeprefix(f"{layout.schema}/").partition("/")
    key = name.removesuffix(".toml")
    if not key or not os.path.lexists(path):
        return
    try:
        Schema(layout).record(database, key.lstrip("@"), key[1:] if key.startswith("@") else None)
    except EsmithError as error:
        rehearsal.fail(error)
    else:
        rehearsal.lines.append(f"{layout.inside(path)} is sound; 'esmith initialize-databases' applies its defaults")


def _look_at_event(layout: Layout, tree: TemplateTree, name: str, rehearsal: Rehearsal) -> None:
    try:
        event = load_event(layout, name, tree)
        check_service_actions(event)
    except EsmithError as error:
        rehearsal.fail(error)
        return
    counts = (
        counted(len(event.templates), "template"),
        counted(len(event.actions), "action"),
        counted(len(event.services), "service"),
    )
    rehearsal.lines.append(f"event {name} has {', '.join(counts)}")
    rehearsal.lines += [
        f"{os.path.join(event.directory, skipped)} is not executable, so it is no action" for skipped in event.skipped
    ]


def _is_there(tree: TemplateTree, path: str, known: TemplateUse, rehearsal: Rehearsal) -> bool:
    """Return whether there is such a template; report it when it is gone."""
    try:
        tree.find_for_key(path)
    except NoTemplateError:
        if path in known.events:
            rehearsal.fail(TemplateError(f"there is no template for {path} any more", hint=_named_by(path, known)))
        else:
            stays = "; the file stays as it is" if path in known.installed else ""
            rehearsal.lines.append(f"there is no template for {path} any more{stays}")
        return False
    except TemplateError as error:
        rehearsal.fail(error)
        return False
    return True


def _named_by(path: str, known: TemplateUse) -> str:
    names = known.events[path]
    return f"{counted(len(names), 'event')} would fail: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"


def _plan(layout: Layout, snapshot: Snapshot, paths: list[str], rehearsal: Rehearsal) -> Plan:
    """Return the plan of all templates together; of those that are not broken, when some are."""
    try:
        return make_plan(layout, snapshot, paths)
    except EsmithError as error:
        together = error
    plan = Plan()
    shown: set[str] = set()
    for path in paths:
        try:
            plan.outputs += make_plan(layout, snapshot, [path]).outputs
        except EsmithError as error:
            # One template-begin that is broken breaks every template with the same message, but for the output's name.
            if error.place not in shown or not error.place:
                rehearsal.fail(error)
            shown.add(error.place)
    if rehearsal.sound:
        rehearsal.fail(together)
    return plan


def _rehearse_templates(layout: Layout, store: Store, paths: list[str], rehearsal: Rehearsal) -> None:
    """Go the path of an event for some templates, as a rehearsal, and report what comes of it."""

    def show(plan: Plan) -> None:
        for output in plan.outputs:
            for path in (path for reads in output.rendering.reads_apart() for path in reads.templates):
                rehearsal.includes.setdefault(path, set()).add(output.rendering.template.path)
        try:
            with store.snapshot() as snapshot:
                rehearsal.lines += _shortened(list(_diffs(plan, layout, snapshot)))
        except EsmithError as error:
            rehearsal.fail(error)

    session = RecordingSession(layout, store, rehearsal.say, show=show)
    try:
        with Installation(session, "esmith watch", Event("", "")) as installation:
            installation.carry_out(lambda snapshot: _plan(layout, snapshot, paths, rehearsal))
    except EsmithError as error:
        rehearsal.fail(error)
        return
    plan = installation.plan
    checked = [output for output in plan.changed if output.rendering.metadata.check is not None]
    if checked and not plan.unchecked:
        rehearsal.lines.append("the checks accept what changes")
    if rehearsal.sound and not plan.changed:
        rehearsal.lines.append("no file would change")


def _diffs(plan: Plan, layout: Layout, snapshot: Snapshot) -> Iterator[str]:
    schema = Schema(layout)
    changed = plan.changed
    diffs = Diffs(changed, snapshot, schema)
    for output in changed:
        yield from diffs.of(output) or [describe(output)]


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _SHOWN_LINES:
        return lines
    return [*lines[:_SHOWN_LINES], f"... and {counted(len(lines) - _SHOWN_LINES, 'more line')}"]
