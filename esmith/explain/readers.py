"""Which files are made from a setting, and which fragments read it.

What is remembered of an output that has not changed since says what it read (:mod:`esmith.plan.memory`), so it is not
expanded for that; all others are. Of the outputs of one template that read the setting the first is expanded once more,
to find the fragments.
"""

from __future__ import annotations

import json
from contextlib import suppress

from esmith.errors import EsmithError, TemplateError
from esmith.explain.tracing import TracingRenderer
from esmith.fields import dataclass, field
from esmith.plan.installed import OUTPUTS, Installed
from esmith.plan.listed import LISTED, Listed
from esmith.plan.memory import Memory
from esmith.plan.remembered import head_of, reads_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.explain.tracing import Traced
    from esmith.explain.values import Cell
    from esmith.fragments.metadata import Metadata
    from esmith.fragments.reads import Reads
    from esmith.fragments.rendering import Rendering
    from esmith.fragments.tree import Fragment, Template
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot


@dataclass
class Reader:
    """A template some outputs of which read a setting.

    :param template: its path.
    :param metadata: its metadata.
    :param outputs: these outputs, in order.
    :param fragments: the fragments that read it themselves, the shipped and the others, each once.
    :param cells: the settings that were asked for and are read.
    """

    template: str
    metadata: Metadata
    outputs: list[str] = field(default_factory=list)
    fragments: list[Fragment] = field(default_factory=list)
    cells: set[Cell] = field(default_factory=set)


@dataclass
class Readers:
    """What reads a setting.

    :param found: the templates, in the order in which they were asked.
    :param faults: templates that could not be expanded, each with why, so that it is not known what they read.
    """

    found: list[Reader] = field(default_factory=list)
    faults: dict[str, EsmithError] = field(default_factory=dict)


def find_readers(
    layout: Layout,
    snapshot: Snapshot,
    templates: list[str],
    wanted: Callable[[Cell], bool],
    record: tuple[str, str] = ("", ""),
) -> Readers:
    """Return what reads some settings.

    :param templates: the templates to ask, e.g. those of all events.
    :param wanted: says whether a cell is one of these settings.
    :param record: database and key of the record whose settings they all are; "" for those of any. Lists of records
        of that database count as well when ``wanted`` says so of the cell ``(database, "", type)``.
    :raises UntrustedError: when a file of a template is not in the hands of its owners alone.
    """
    with TracingRenderer(layout, snapshot) as renderer:
        return _Search(renderer, wanted, *record).among(templates)


class _Search:
    def __init__(self, renderer: TracingRenderer, wanted: Callable[[Cell], bool], database: str, key: str) -> None:
        self._renderer = renderer
        self._snapshot = renderer.snapshot
        self._wanted = wanted
        self._database = database
        #: One of these is in what is remembered of an output that read the record: most of it need not be parsed.
        self._marks = [json.dumps(key), f'"{database}:'] if key else [""]
        self._memory = Memory(renderer)
        self._rows = OUTPUTS.rows(renderer.snapshot)
        self._known: dict[str, Listed | None] = {}
        self._texts: dict[str, set[Cell]] = {}
        renderer.recall, renderer.recall_keys = self._recall, self._memory.recall_keys

    def among(self, templates: list[str]) -> Readers:
        found = Readers()
        for path in templates:
            try:
                reader = self._of(path)
            except TemplateError as error:
                found.faults[path] = error
            else:
                if reader is not None:
                    found.found.append(reader)
        return found

    def _recall(self, path: str, template: Template, metadata: Metadata, key: str | None) -> Rendering | None:
        """Recall an output that has not changed, when it is remembered what it read."""
        row = self._rows.get(path)
        return None if row is None or not row.inputs else self._memory.recall(path, template, metadata, key)

    def _of(self, path: str) -> Reader | None:
        template, metadata = self._renderer.find(path)
        reader = Reader(template.path, metadata)
        first = ""
        for rendering in self._renderer.render(path):
            cells = self._cells_of(rendering)
            if not cells:
                continue
            reader.cells |= cells
            reader.outputs.append(rendering.path)
            # Another output than the first may read it in another fragment; one that was expanded is known already.
            self._note(reader, self._renderer.traced.get(rendering.path, []))
            if not first and rendering.recalled:
                first = rendering.path
        if first and not reader.fragments:
            self._expand(reader, first)
        return reader if reader.outputs else None

    def _expand(self, reader: Reader, output: str) -> None:
        """Expand one output whatever is remembered of it, and note the fragments."""
        recall, self._renderer.recall = self._renderer.recall, None
        try:
            with suppress(TemplateError):
                for rendering in self._renderer.render(output):
                    self._note(reader, self._renderer.traced.get(rendering.path, []))
        finally:
            self._renderer.recall = recall

    def _note(self, reader: Reader, traced: list[Traced]) -> None:
        known = {fragment.path for fragment in reader.fragments}
        for one in [inner for outer in traced for inner in (outer, *outer.inner.values())]:
            if one.fragment.path not in known and self._asked(one.own):
                known.add(one.fragment.path)
                reader.fragments.append(one.fragment)

    def _cells_of(self, rendering: Rendering) -> set[Cell]:
        """Return which of the settings an output read."""
        if not rendering.recalled:
            return {cell for reads in rendering.reads_apart() for cell in self._asked(reads)}
        row = self._rows[rendering.path]
        place = f"{row.template}\0{row.inputs}"
        if place not in self._texts:
            # The outputs for a thousand users were often made of the very same.
            self._texts[place] = {cell for cell in self._remembered(row) if self._wanted(cell)}
        return self._texts[place]

    def _remembered(self, row: Installed) -> set[Cell]:
        """Return what an output was made from, as far as that is remembered, also what its key was made from."""
        if row.template not in self._known:
            self._known[row.template] = LISTED.get(self._snapshot, row.template)
        listed = self._known[row.template]
        own = row.inputs if listed is None else listed.resolved(row.inputs)
        found: set[Cell] = set()
        for text in (own, listed.inputs if listed is not None else ""):
            if not any(mark in text for mark in self._marks):
                continue
            found |= reads_of(text) or set()
            specs = (spec.partition(":") for spec in (head_of(text) or {"listings": {}})["listings"])
            found |= {(database, "", type) for database, _, type in specs if database == self._database}
        return found

    def _asked(self, reads: Reads) -> set[Cell]:
        listed = {(self._database, "", type) for database, type in reads.listings if database == self._database}
        return {cell for cell in (*reads.props, *listed) if self._wanted(cell)}
