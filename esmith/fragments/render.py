"""Expanding a template: its fragments in order, each by its engine, into the text of one output or of many."""

from __future__ import annotations

import enum
import re
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


class Kind(enum.Enum):
    """What an output should be."""

    FILE = "file"
    SYMLINK = "symlink"
    #: It should not exist.
    ABSENT = "absent"
    #: It is left as it is, whether it exists or not.
    LEFT = "left"


@dataclass
class Rendering:
    """What one output should be.

    :param path: its absolute path in the configured system.
    :param template: its template.
    :param metadata: what is said of its template.
    :param kind: what it should be.
    :param content: the content of a file, the target of a link.
    :param mode: its permissions.
    :param owner: the user it should belong to.
    :param group: the group it should belong to.
    :param engines: how each fragment was run, in order.
    :param reads: what was read.
    :param warnings: what the fragments warned of.
    """

    path: str
    template: Template
    metadata: Metadata
    kind: Kind = Kind.FILE
    content: bytes = b""
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
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
        self.snapshot = snapshot
        self._output = output

    def render(self, path: str) -> list[Rendering]:
        """Return the outputs of a template: one, or one for each record its metadata names.

        :param path: an output's absolute path, or the path of a ``foreach`` template with ``{key}`` in it.
        :raises TemplateError: when there is no such template, or it is broken.
        """
        template, key = self.tree.find_for_key(path)
        metadata = load_metadata(self.tree, template)
        output = self._output or metadata.output or template.path
        if not metadata.foreach:
            return [self._render_one(Rendering(output, template, metadata), None)]
        if KEY not in output:
            raise TemplateError(
                f"foreach needs {KEY} in the path of the output", place=metadata.said["foreach"], hint=f"rename {path}"
            )
        found = Records(self.snapshot, Reads()).listing(metadata.foreach)
        chosen = [record for record in found if key in (None, record.key)]
        if key is not None and not chosen:
            raise TemplateError(f"{metadata.foreach} has no record {key!r}", place=path, hint="create it first")
        return [
            self._render_one(Rendering(output.replace(KEY, _path_part(record)), template, metadata), record)
            for record in chosen
        ]

    def absent(self, path: str, output: str) -> Rendering:
        """Return that an output of a template should not exist, because its record is gone.

        :param path: the template's path.
        """
        template = self.tree.find(path)
        return Rendering(output, template, load_metadata(self.tree, template), Kind.ABSENT)

    def _render_one(self, rendering: Rendering, record: RecordView | None) -> Rendering:
        expansion = _Expansion(self, rendering, record)
        metadata = rendering.metadata
        if metadata.skip_when and expansion.holds("skip-when", metadata.skip_when):
            rendering.kind = Kind.LEFT
            return rendering
        if metadata.delete_when and expansion.holds("delete-when", metadata.delete_when):
            rendering.kind = Kind.ABSENT
            return rendering
        rendering.owner = expansion.value("owner", metadata.owner)
        rendering.group = expansion.value("group", metadata.group)
        rendering.mode = _mode(expansion.value("mode", metadata.mode), metadata.said.get("mode", ""))
        rendering.content = _filtered(expansion.text(rendering.template, metadata), metadata.filters)
        if metadata.kind == "symlink":
            rendering.kind, rendering.content = Kind.SYMLINK, rendering.content.strip()
        return rendering


class _Expansion:
    """The expansion of one output: its variables, and where its reads are recorded."""

    def __init__(self, renderer: Renderer, rendering: Rendering, record: RecordView | None) -> None:
        self._tree = renderer.tree
        self._rendering = rendering
        self._variables: dict[str, Any] = {}
        reads = rendering.reads
        records = Records(renderer.snapshot, reads)
        if record is not None:
            reads.listings.add((record.database, ""))
            self._variables["record"] = RecordView(records, record.database, record.key)
        helpers = functions(renderer.layout, records, reads, rendering.warnings)
        self._engine = Engine(records, helpers | {"template": self._sub_template})

    def holds(self, key: str, expression: str) -> bool:
        """Return whether an expression of the metadata holds."""
        source = self._rendering.metadata.said[key]
        return self._engine.condition(expression, source, self._rendering.path, self._variables)

    def value(self, key: str, text: str) -> str:
        """Return a value of the metadata, expanded when it is Jinja2."""
        if "{" not in text:
            return text
        source = self._rendering.metadata.said[key]
        return self._engine.expand(text, source, self._rendering.path, self._variables).strip()

    def text(self, template: Template, metadata: Metadata) -> bytes:
        """Return the text of a template."""
        parts = []
        for fragment in template.fragments:
            parts.append(self._fragment(fragment, metadata))
            self._suspect(fragment, parts[-1], metadata)
        return b"".join(parts)

    def _sub_template(self, path: str, **variables: Any) -> str:
        """Return the text of another template, with variables: the function ``template`` of fragments."""
        template = self._tree.find(path)
        outer = self._variables
        self._variables = outer | variables
        try:
            return self.text(template, load_metadata(self._tree, template)).decode("utf-8", "surrogateescape")
        finally:
            self._variables = outer

    def _suspect(self, fragment: Fragment, text: bytes, metadata: Metadata) -> None:
        """Warn of lines that the metadata says belong elsewhere."""
        if not metadata.suspect_lines:
            return
        for line in text.decode("utf-8", "replace").splitlines():
            for pattern, advice in metadata.suspect_lines.items():
                if re.match(pattern, line):
                    self._rendering.warnings.append(f"{fragment.path}: {line.strip()!r} {advice}")

    def _fragment(self, fragment: Fragment, metadata: Metadata) -> bytes:
        if fragment.masked:
            return b""
        output = self._rendering.path
        data = _read(fragment, output)
        choice = _choose(fragment, data, metadata)
        self._rendering.engines.append((fragment, choice))
        if choice.engine == "text":
            return data
        if choice.engine == "perl":
            raise TemplateError(
                f"is written in Perl ({choice.reason}), which this version cannot run (for {output})",
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
        expanded = self._engine.expand(text, fragment.path, output, self._variables)
        return expanded.encode("utf-8", "surrogateescape")


def _choose(fragment: Fragment, data: bytes, metadata: Metadata) -> Choice:
    """Return the engine of a fragment: what the metadata says, else what its text asks for."""
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


def _mode(text: str, source: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise TemplateError(f'mode {text!r} is not an octal number such as "0644"', place=source)
    return mode


def _filtered(content: bytes, filters: tuple[str, ...]) -> bytes:
    if "no-blank-lines" in filters:
        content = b"".join(line for line in content.splitlines(keepends=True) if line.strip())
    return content


def _path_part(record: RecordView) -> str:
    """Return the key as one name of a path.

    :raises TemplateError: when the key would lead elsewhere.
    """
    if "/" in record.key or record.key in (".", ".."):
        raise TemplateError(
            f"the key {record.key!r} cannot be part of a path",
            place=record.database,
            hint=f"db {record.database} delete '{record.key}'",
        )
    return record.key
