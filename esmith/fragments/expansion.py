"""The expansion of one output with its fragments' engines."""

from __future__ import annotations

import re
from typing import Any

from esmith.errors import TemplateError
from esmith.fragments.engine import Choice, choose_engine
from esmith.fragments.helpers import functions
from esmith.fragments.identity import Identities
from esmith.fragments.jinja import Compiled, Engine
from esmith.fragments.metadata import Metadata, MetadataFiles
from esmith.fragments.records import Records, RecordView
from esmith.fragments.rendering import Kind, Rendering
from esmith.fragments.tree import Fragment, Template, TemplateTree
from esmith.layout import Layout
from esmith.store.protocol import Snapshot


class Expansion:
    """The expansion of one output: its variables, and where its reads are recorded.

    :param layout: the root.
    :param snapshot: the databases.
    :param metadata: where the metadata of sub-templates is read.
    :param identities: the users.
    :param rendering: the output; what is found goes there.
    :param record: database and key of the record it is for; None for a template without ``foreach``.
    :param compiled: fragments that were compiled before for another output.
    """

    def __init__(
        self,
        layout: Layout,
        snapshot: Snapshot,
        tree: TemplateTree,
        metadata: MetadataFiles,
        identities: Identities,
        rendering: Rendering,
        record: tuple[str, str] | None,
        compiled: Compiled,
    ) -> None:
        self._tree = tree
        self._metadata = metadata
        self._rendering = rendering
        self._variables: dict[str, Any] = {}
        records = Records(snapshot, rendering.reads)
        if record is not None:
            rendering.reads.props[*record, ""] = snapshot.type_of(*record)
            self._variables["record"] = RecordView(records, *record)
        helpers = functions(layout, records, identities, rendering.reads, rendering.warnings)
        self._engine = Engine(records, helpers | {"template": self._sub_template}, compiled)

    def fill(self) -> None:
        """Expand the output.

        :raises TemplateError: when a fragment or the metadata is broken.
        """
        rendering, metadata = self._rendering, self._rendering.metadata
        if metadata.skip_when and self.holds("skip-when", metadata.skip_when):
            rendering.kind = Kind.LEFT
            return
        if metadata.delete_when and self.holds("delete-when", metadata.delete_when):
            rendering.kind = Kind.ABSENT
            return
        rendering.owner = self.value("owner", metadata.owner)
        rendering.group = self.value("group", metadata.group)
        rendering.mode = _mode(self.value("mode", metadata.mode), metadata.said.get("mode", ""))
        parts = self._parts(rendering.template, metadata)
        rendering.content = _filtered(b"".join(parts), metadata.filters)
        if not metadata.filters:
            counts = (part.count(b"\n") for part in parts)
            rendering.spans = list(zip(rendering.template.fragments, counts, strict=True))
        if metadata.kind == "symlink":
            rendering.kind, rendering.content = Kind.SYMLINK, rendering.content.strip()

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

    def _parts(self, template: Template, metadata: Metadata) -> list[bytes]:
        """Return what each fragment of a template gives."""
        parts = []
        for fragment in template.fragments:
            parts.append(self._fragment(fragment, metadata))
            self._suspect(fragment, parts[-1], metadata)
        return parts

    def text(self, variables: dict[str, Any]) -> str:
        """Return the text of the template itself, with variables; nothing is done that its metadata says.

        :raises TemplateError: when a fragment is broken.
        """
        return self._sub_template(self._rendering.path, **variables)

    def _sub_template(self, path: str, **variables: Any) -> str:
        """Return the text of another template, with variables: the function ``template`` of fragments."""
        template = self._tree.find(path)
        self._rendering.reads.templates.add(template.path)
        outer = self._variables
        self._variables = outer | variables
        try:
            return b"".join(self._parts(template, self._metadata.of(template))).decode("utf-8", "surrogateescape")
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
