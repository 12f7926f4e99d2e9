"""Expanding a template: its fragments in order, each by its engine, into the text of one output or of many."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from esmith.errors import TemplateError
from esmith.fragments.engine import Choice, choose_engine
from esmith.fragments.helpers import functions
from esmith.fragments.jinja import Engine
from esmith.fragments.metadata import Metadata, load_metadata
from esmith.fragments.reads import Reads
from esmith.fragments.records import Records, RecordView
from esmith.fragments.tree import KEY, Fragment, Template, TemplateTree
from esmith.layout import Layout
from esmith.store.protocol import Snapshot


@dataclass
class Rendering:
    """What one output should be.

    :param path: its absolute path in the configured system.
    :param content: its content; None when it should not exist.
    :param mode: its permissions.
    :param metadata: what is said of its template.
    :param template: the template.
    :param engines: how each fragment was run, in order.
    :param reads: what was read.
    :param warnings: what the fragments warned of.
    """

    path: str
    content: bytes | None
    mode: int
    metadata: Metadata
    template: Template
    engines: list[tuple[Fragment, Choice]] = field(default_factory=list)
    reads: Reads = field(default_factory=Reads)
    warnings: list[str] = field(default_factory=list)


class Renderer:
    """Expands templates of one root against one snapshot of its databases.

    :param layout: the root.
    :param snapshot: the databases, the same for every template of an event.
    :param layers: the directories to look in, the nearest first; default: the layers of the layout.
    :param output: where the output of a template goes instead of its own path.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot, layers: tuple[str, ...] = (), *, output: str = "") -> None:
        self.layout = layout
        self.tree = TemplateTree(layout, layers)
        self._snapshot = snapshot
        self._output = output

    def render(self, path: str) -> list[Rendering]:
        """Return the outputs of a template: one, or one for each record its metadata names.

        :param path: an output's absolute path, or the path of a ``foreach`` template with ``{key}`` in it.
        :raises TemplateError: when there is no such template, or it is broken.
        """
        template, key = self.tree.find_for_key(path)
        metadata = load_metadata(self.tree, template)
        if not metadata.foreach:
            return [self._render_one(template, metadata, None)]
        if KEY not in template.path and KEY not in metadata.output:
            raise TemplateError(
                f"foreach needs {KEY} in the path of the output", place=metadata.said["foreach"], hint=f"rename {path}"
            )
        found = Records(self._snapshot, Reads()).listing(metadata.foreach)
        chosen = [record for record in found if key in (None, record.key)]
        if key is not None and not chosen:
            raise TemplateError(f"{metadata.foreach} has no record {key!r}", place=path, hint="create it first")
        return [self._render_one(template, metadata, record) for record in chosen]

    def _render_one(self, template: Template, metadata: Metadata, view: RecordView | None) -> Rendering:
        path = self._output or metadata.output or template.path
        variables: dict[str, Any] = {}
        reads, warnings = Reads(), list[str]()
        records = Records(self._snapshot, reads)
        if view is not None:
            path = path.replace(KEY, _path_part(view))
            reads.listings.add((view.database, metadata.foreach.partition(":")[2]))
            variables["record"] = RecordView(records, view.database, view.key)
        engine = Engine(records, functions(self.layout, records, reads, warnings))
        rendering = Rendering(path, b"", 0, metadata, template, reads=reads, warnings=warnings)
        rendering.mode = self._mode(engine, rendering, variables)
        condition, source = metadata.delete_when, metadata.said.get("delete-when", "")
        if condition and engine.condition(condition, source, path, variables):
            rendering.content = None
            return rendering
        parts = [self._expand(engine, fragment, rendering, variables) for fragment in template.fragments]
        rendering.content = _filtered(b"".join(parts), metadata.filters)
        return rendering

    def _expand(self, engine: Engine, fragment: Fragment, rendering: Rendering, variables: dict[str, Any]) -> bytes:
        if fragment.masked:
            return b""
        data = _read(fragment, rendering.path)
        choice = choose(fragment, data, rendering.metadata)
        rendering.engines.append((fragment, choice))
        if choice.engine == "text":
            return data
        if choice.engine == "perl":
            raise TemplateError(
                f"is written in Perl ({choice.reason}), which this version cannot run (for {rendering.path})",
                place=f"{fragment.path}:{choice.line}" if choice.line else fragment.path,
                hint='write it in Jinja2; if it is plain text, say engine = "text" in template.toml beside it',
            )
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise TemplateError(
                "is not UTF-8", place=f"{fragment.path}:{line}", hint="convert it, e.g. with iconv"
            ) from error
        return engine.expand(text, fragment.path, rendering.path, variables).encode()

    def _mode(self, engine: Engine, rendering: Rendering, variables: dict[str, Any]) -> int:
        text = rendering.metadata.mode
        source = rendering.metadata.said.get("mode", "")
        if "{" in text:
            text = engine.expand(text, source, rendering.path, variables).strip()
        try:
            mode = int(text, 8)
        except ValueError:
            mode = -1
        if not 0 <= mode <= 0o7777:
            raise TemplateError(f'mode {text!r} is not an octal number such as "0644"', place=source)
        return mode


def choose(fragment: Fragment, data: bytes, metadata: Metadata) -> Choice:
    """Return the engine of a fragment: what the metadata says, else what its text asks for.

    :param data: the fragment's content.
    """
    stated = metadata.fragment_engines.get(fragment.name) or metadata.engine
    if stated:
        return Choice(stated, f"said in {metadata.said['engine']}")
    return choose_engine(data.decode("utf-8", "surrogateescape"))


def _read(fragment: Fragment, output: str) -> bytes:
    try:
        with open(fragment.path, "rb") as file:
            return file.read()
    except OSError as error:
        raise TemplateError(f"cannot be read: {error.strerror} (for {output})", place=fragment.path) from error


def _filtered(content: bytes, filters: tuple[str, ...]) -> bytes:
    if "no-blank-lines" in filters:
        content = b"".join(line for line in content.splitlines(keepends=True) if line.strip())
    return content


def _path_part(view: RecordView) -> str:
    """Return the key as one name of a path.

    :raises TemplateError: when the key would lead elsewhere.
    """
    if "/" in view.key or view.key in (".", ".."):
        raise TemplateError(
            f"the key {view.key!r} cannot be part of a path", place=view.database, hint=f"db {view.database} delete KEY"
        )
    return os.fspath(view.key)
