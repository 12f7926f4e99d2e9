"""Which templates, events and schema files are affected when files of ``/etc/e-smith`` change."""

from __future__ import annotations

import os

from esmith.errors import EsmithError
from esmith.events.definition import event_names, load_event
from esmith.fields import dataclass, field
from esmith.fragments.original import DIRECTORY
from esmith.fragments.tree import BEGIN, END, METADATA, TemplateTree
from esmith.layout import LAYERS, Layout
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import LISTED, included_in
from esmith.plan.remembered import INCLUDES, included

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.store.protocol import Snapshot

#: These are for every template below their directory.
_OF_ALL_BELOW = (BEGIN, END, METADATA)


@dataclass
class TemplateUse:
    """The templates that are in use.

    :param events: the templates that events name, each with the names of the events.
    :param installed: the templates that were expanded before.
    :param includes: templates that are expanded inside others, each with those others.
    """

    events: dict[str, list[str]] = field(default_factory=dict)
    installed: set[str] = field(default_factory=set)
    includes: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, layout: Layout, snapshot: Snapshot) -> TemplateUse:
        """Return the templates of the events of a root, and of what was installed. A broken event is left out."""
        known = cls()
        tree = TemplateTree(layout)
        for name in event_names(layout):
            try:
                templates = load_event(layout, name, tree).templates
            except EsmithError:
                continue
            for template in templates:
                known.events.setdefault(template, []).append(name)
        known.installed.update(installed.template for installed in OUTPUTS.rows(snapshot).values())
        known.includes = _includes(snapshot)
        return known

    @property
    def outputs(self) -> set[str]:
        """The templates that make outputs of their own."""
        return self.events.keys() | self.installed

    @property
    def all(self) -> set[str]:
        """These, and those that are only expanded inside others."""
        return self.outputs | self.includes.keys()


def including(snapshot: Snapshot, templates: Iterable[str]) -> list[str]:
    """Return the templates whose outputs were made with some other templates, sorted, as far as that is remembered.

    :param templates: the paths of these templates, which are not returned.
    """
    includes = _includes(snapshot)
    own = set(templates)
    found: set[str] = set()
    waiting = list(own)
    while waiting:
        new = includes.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return sorted(found - own)


def _includes(snapshot: Snapshot) -> dict[str, set[str]]:
    """Return the templates that are expanded inside others, or for the keys of others, each with those others."""
    found: dict[str, set[str]] = {}
    # Only some of the outputs were made with others, and there may be thousands.
    outputs = OUTPUTS.rows_with(snapshot, INCLUDES).values()
    inside = [(installed.template, set(included(installed.inputs))) for installed in outputs]
    inside += [(path, included_in(listed)) for path, listed in LISTED.rows(snapshot).items()]
    for template, others in inside:
        for path in others:
            found.setdefault(path, set()).add(template)
    return found


@dataclass
class Affected:
    """What some changed files affect.

    :param templates: the templates to look at, sorted.
    :param events: the names of the events whose directories changed, sorted.
    :param schemas: the schema files that changed, as paths of this disk, sorted.
    """

    templates: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    schemas: list[str] = field(default_factory=list)


def find_affected(layout: Layout, known: TemplateUse, paths: Iterable[str]) -> Affected:
    """Return what changed files affect.

    :param known: the templates that are in use.
    :param paths: files that were made, changed or removed, as paths of this disk.
    """
    templates: set[str] = set()
    events: set[str] = set()
    schemas: set[str] = set()
    metadata = layout.under(DIRECTORY)
    layers = [layout.layer(name) for name in LAYERS]
    for path in paths:
        for layer in layers:
            if path.startswith(f"{layer}/"):
                templates |= _templates(known, path.removeprefix(layer))
        if path.startswith(f"{metadata}/"):
            # A file of lines, or one name of a directory.
            name = path.removeprefix(metadata)
            templates |= {name, os.path.dirname(name)} & known.all
        if path.startswith(f"{layout.events}/"):
            events.add(path.removeprefix(f"{layout.events}/").partition("/")[0])
        if path.startswith(f"{layout.schema}/") and path.endswith(".toml"):
            schemas.add(path)
    # The list of actions that events link to is not an event.
    return Affected(sorted(_outer(known, templates)), sorted(events & set(event_names(layout))), sorted(schemas))


def _templates(known: TemplateUse, path: str) -> set[str]:
    """Return the templates that a file of a layer belongs to.

    :param path: its path below the layer.
    """
    directory, name = os.path.split(path)
    if name in _OF_ALL_BELOW:
        below = {template for template in known.all if f"{template}/".startswith(f"{directory.rstrip('/')}/")}
        return below or ({directory} if directory != "/" else set())
    if path in known.all:
        return {path}
    outer = directory
    while outer != "/":
        if outer in known.all:
            return {outer}
        outer = os.path.dirname(outer)
    if directory == "/" or any(os.path.dirname(template) == directory for template in known.all):
        # Beside other templates: one of a single file.
        return {path} if directory != "/" else set()
    return {directory}


def _outer(known: TemplateUse, templates: set[str]) -> set[str]:
    """Return templates, with those that include one of them in place of those that are only included."""
    found: set[str] = set()
    waiting = list(templates)
    seen: set[str] = set()
    while waiting:
        template = waiting.pop()
        if template in seen:
            continue
        seen.add(template)
        waiting += known.includes.get(template, ())
        if template in known.outputs or template not in known.includes:
            found.add(template)
    return found
