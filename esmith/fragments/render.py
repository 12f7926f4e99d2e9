"""Expanding templates: which outputs each has, and what they should be."""

from __future__ import annotations

import os

from esmith.errors import TemplateError
from esmith.fragments.context import Context
from esmith.fragments.identity import Identities
from esmith.fragments.kept_choices import KeptChoices
from esmith.fragments.kept_templates import KeptTemplates
from esmith.fragments.metadata import Metadata, MetadataFiles
from esmith.fragments.original import DIRECTORY, OriginalMetadata
from esmith.fragments.rendering import Kind, Rendering
from esmith.fragments.shipped import Shipped
from esmith.fragments.tree import KEY, Template, TemplateTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any, Self

    from esmith.fragments.expansion import Expansion
    from esmith.fragments.perl.engine import Perl
    from esmith.fragments.runner import Runner
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot

    #: Returns what an output should be without expanding it, None when that is not known for sure.
    Recall = Callable[[str, Template, Metadata, str | None], Rendering | None]
    #: Returns all outputs of a template with ``outputs`` without asking for its keys, None when that is not possible.
    RecallAll = Callable[[Template, Metadata], list[Rendering] | None]
    #: Returns the keys of a template, each with its record ("" for none), and what their making warned of; None when
    #: they have to be made.
    RecallKeys = Callable[[Template, Metadata], tuple[dict[str, str], list[str]] | None]


class Renderer:
    """Expands templates of one root against one snapshot of its databases. A context manager: at its end perl ends.

    :param layout: the root.
    :param snapshot: the databases, the same for every template of an event.
    :param layers: the directories to look in, the nearest first; default: the layers of the layout.
    :param output: where the output of a template goes instead of its own path.
    :param event: the event it is for, which Perl fragments know as ``$EVENT``; "" outside of one.
    :param perl: what runs Perl fragments; default: one perl, started when the first is met.
    :raises UntrustedError: when a file of a template or its metadata is not in the hands of its owners alone.

    ``recall``, when it is set, is asked before an output is expanded, ``recall_keys`` before the keys are made that
    ``outputs`` or ``key`` of a template give, and ``recall_all`` before both.
    ``listed`` are the keys that were made, each with its record, for each template of which all outputs were asked for.
    """

    def __init__(
        self,
        layout: Layout,
        snapshot: Snapshot,
        layers: tuple[str, ...] = (),
        *,
        output: str = "",
        event: str = "",
        perl: Perl | None = None,
    ) -> None:
        self.layout = layout
        self.snapshot = snapshot
        # Actions of the event have run since the last look, or an administrator was at work.
        layout.trust.renew()
        layout.trust.require_trees(layout.under(DIRECTORY))
        self.tree = TemplateTree(layout, layers)
        self.metadata = MetadataFiles(self.tree, OriginalMetadata(layout, self.perl))
        self.identities = Identities(layout)
        self._output = output
        self._event = event
        self._perl = perl
        #: The records that no file can be made for, by database and key, and why.
        self.left_out: dict[tuple[str, str], TemplateError] = {}
        self.recall: Recall | None = None
        self.recall_all: RecallAll | None = None
        self.recall_keys: RecallKeys | None = None
        self.listed: dict[str, tuple[Rendering, dict[str, str]]] = {}
        self._found: dict[str, tuple[Template, Metadata, str | None]] = {}
        self._types: dict[str, list[tuple[str, str]]] = {}
        # What other layers have is asked for seldom.
        self.kept = KeptTemplates(layout, () if layers else self.tree.trees)
        self._runner: Runner | None = None
        self.shipped = Shipped(layout)
        self._context = Context(
            layout, snapshot, self.tree, self.metadata, self.jinja, self.perl, self.shipped, KeptChoices(layout)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End perl, if a Perl fragment was met."""
        if self._perl is not None:
            self._perl.close()

    def jinja(self) -> Runner:
        """Return what runs Jinja2 fragments."""
        if self._runner is None:
            # Only when something has to be expanded.
            from esmith.fragments.runner import Runner

            self._runner = Runner(self.layout, self.snapshot, self.identities)
        return self._runner

    def perl(self) -> Perl:
        """Return what runs Perl fragments."""
        if self._perl is None:
            from esmith.fragments.perl.engine import Perl

            self._perl = Perl(self.layout, self.snapshot, event=self._event)
        return self._perl

    def render(self, path: str) -> Iterator[Rendering]:
        """Yield the outputs of a template: one, or one for each record or key its metadata names.

        After each come the files that its fragments make besides.

        :param path: an output's absolute path, or the path of a template with ``{key}`` in it.
        :raises TemplateError: when there is no such template, or it is broken.
        """
        for rendering in self._own(path):
            yield rendering
            if rendering.others:
                yield from rendering.others

    def _own(self, path: str) -> Iterator[Rendering]:
        template, metadata, key = self._find(path)
        output = self._output or metadata.output or template.path
        by = "foreach" if metadata.foreach else "outputs"
        if not (metadata.foreach or metadata.outputs):
            if KEY in output and "outputs" in metadata.sources:
                raise TemplateError(
                    f"outputs is empty, so nothing takes the place of {KEY} in the path of the output",
                    place=metadata.sources["outputs"],
                    hint="write there a key for each output, or rename the output",
                )
            yield self._render_one(output, template, metadata, None, None)
            return
        if KEY not in output:
            raise TemplateError(
                f"{by} needs {KEY} in the path of the output", place=metadata.sources[by], hint=f"rename {path}"
            )
        if metadata.outputs:
            yield from self._render_keys(output, template, metadata, key)
            return
        database = metadata.foreach.partition(":")[0]
        known = self._known_keys(template, metadata) if metadata.key and key is None else None
        chosen = known[0] if known is not None else self._records_of(template, metadata, key)
        if key is not None and not chosen:
            raise TemplateError(f"{metadata.foreach} has no record {key!r}", place=path, hint="create it first")
        for part, name in chosen.items():
            try:
                one = output.replace(KEY, _path_part(part, place=database))
            except TemplateError as fault:
                # One record that nothing can be made for stops none of the others.
                fault.hint = _deletion(database, name)
                self.left_out.setdefault((database, name), fault)
                continue
            yield self._render_one(one, template, metadata, name, database)

    def _records_of(self, template: Template, metadata: Metadata, key: str | None) -> dict[str, str]:
        """Return the records a template with ``foreach`` makes an output for, by what stands for them in paths.

        Of records with the same name there the last one counts.

        :param key: the name there of the one that is asked for; None for all.
        :raises TemplateError: when ``key`` of the metadata is broken.
        """
        database, _, types = metadata.foreach.partition(":")
        listed, found = Rendering(template.path, template, metadata), {}
        listed.own.listings |= {(database, type) for type in types.split(",")}
        wanted = types.split(",") if types else None
        for name, type in self._types_of(database):
            if wanted is not None and type not in wanted:
                continue
            part = name
            if metadata.key:
                part = self._expansion(listed, name, database).value("key", metadata.key)
            if part and key in (None, part):
                found[part] = name
        if metadata.key and key is None:
            self.listed[template.path] = listed, found
        return found

    def _types_of(self, database: str) -> list[tuple[str, str]]:
        """Return the records of a database, each with its type: several templates make a file for each."""
        if database not in self._types:
            self._types[database] = [(record.key, record.type) for record in self.snapshot.records(database)]
        return self._types[database]

    def _known_keys(self, template: Template, metadata: Metadata) -> tuple[dict[str, str], list[str]] | None:
        return None if self.recall_keys is None else self.recall_keys(template, metadata)

    def _render_keys(self, output: str, template: Template, metadata: Metadata, key: str | None) -> Iterator[Rendering]:
        """Yield an output for each key that the Jinja2 text ``outputs`` gives; all of them, or the one of a key."""
        if metadata.foreach:
            raise TemplateError(
                "foreach and outputs exclude each other", place=metadata.sources["outputs"], hint="remove one of them"
            )
        recalled = self.recall_all(template, metadata) if self.recall_all is not None and key is None else None
        if recalled is not None:
            yield from recalled
            return
        source = metadata.sources["outputs"]
        known = self._known_keys(template, metadata) if key is None else None
        listed = None
        if known is not None:
            names, warnings = known
        else:
            listed, names = self._make_keys(output, template, metadata, for_all=key is None)
            warnings = listed.warnings
        if key is not None and key not in names:
            raise TemplateError(f"outputs of {template.path} does not give {key!r}", place=source)
        for name in names if key is None else [key]:
            one = output.replace(KEY, _path_part(name, place=source, hint="correct outputs"))
            rendering = self._recalled(one, template, metadata, name)
            if rendering is None:
                if listed is None:
                    # Whoever looks at what it depends on sees all of it.
                    listed, _ = self._make_keys(output, template, metadata, for_all=False)
                    warnings = listed.warnings
                rendering = self._expand_one(one, template, metadata, name, None)
                rendering.listed = listed
            rendering.warnings = [*rendering.warnings, *warnings]
            yield rendering

    def _make_keys(
        self, output: str, template: Template, metadata: Metadata, *, for_all: bool
    ) -> tuple[Rendering, dict[str, str]]:
        """Return the keys that the text ``outputs`` gives, each once and without a record, with the making of them.

        :param for_all: whether all outputs were asked for.
        """
        listed = Rendering(output, template, metadata)
        lines = self._expansion(listed).value("outputs", metadata.outputs).splitlines()
        names = dict.fromkeys((name for name in map(str.strip, lines) if name), "")
        if for_all:
            self.listed[template.path] = listed, names
        return listed, names

    def makes_all(self, path: str) -> bool:
        """Return whether a path names a template with ``foreach`` or ``outputs`` as a whole, and not one output."""
        template, metadata, key = self._find(path)
        return key is None and bool(metadata.foreach or metadata.outputs)

    def find(self, path: str) -> tuple[Template, Metadata]:
        """Return the template for a path, and its metadata.

        :raises TemplateError: when there is none, or its metadata are broken.
        """
        return self._find(path)[:2]

    def _find(self, path: str) -> tuple[Template, Metadata, str | None]:
        if path not in self._found:
            self._found[path] = self.kept.find(path) or self._find_new(path)
        return self._found[path]

    def _find_new(self, path: str) -> tuple[Template, Metadata, str | None]:
        clean = os.path.normpath("/" + path.lstrip("/"))
        other = self.metadata.original.find(self.tree, clean)
        template, key = (other, None) if other else self.tree.find_for_key(self._template_of(clean))
        metadata = self.metadata.of(template)
        self.kept.note(path, template, metadata, key)
        return template, metadata, key

    def _template_of(self, path: str) -> str:
        """Return the path of the template for a path: another one beside it may say that its output is this file."""
        if not self.tree.is_shipped(path):
            for other in self.tree.matching(os.path.join(os.path.dirname(path), "*")):
                if self.metadata.of(self.tree.find(other)).output == path:
                    return other
        return path

    def absent(self, path: str, output: str) -> Rendering:
        """Return that an output of a template should not exist, because its record or key is gone.

        :param path: the template's path.
        """
        template = self.metadata.find(path)
        return Rendering(output, template, self.metadata.of(template), Kind.ABSENT)

    def _recalled(self, output: str, template: Template, metadata: Metadata, key: str | None) -> Rendering | None:
        """Return an output that need not be expanded; None for any other."""
        return None if self.recall is None else self.recall(output, template, metadata, key)

    def _render_one(
        self, output: str, template: Template, metadata: Metadata, key: str | None, database: str | None
    ) -> Rendering:
        return self._recalled(output, template, metadata, key) or self._expand_one(
            output, template, metadata, key, database
        )

    def _expand_one(
        self, output: str, template: Template, metadata: Metadata, key: str | None, database: str | None
    ) -> Rendering:
        rendering = Rendering(output, template, metadata, key=key)
        self._expansion(rendering, key, database).fill()
        return rendering

    def text(self, path: str, variables: dict[str, Any]) -> tuple[str, list[str]]:
        """Return the text of a template, and what its fragments warn of.

        :param variables: what its fragments know besides the databases.
        :raises TemplateError: when there is no such template, or it is broken.
        """
        template = self.metadata.find(path)
        rendering = Rendering(template.path, template, self.metadata.of(template))
        text = self._expansion(rendering).text(variables)
        if rendering.others:
            raise TemplateError(
                f"makes the file {rendering.others[0].path}, which it can only where a file is made of it",
                place=template.path,
                hint="expand it with expand-template, or in an event",
            )
        return text, rendering.warnings

    def _expansion(self, rendering: Rendering, key: str | None = None, database: str | None = None) -> Expansion:
        # With it Jinja2 is imported: only when something has to be expanded.
        from esmith.fragments.expansion import Expansion

        return Expansion(self._context, rendering, key=key, database=database)


def _deletion(database: str, key: str) -> str:
    """Return the command that deletes a record."""
    import shlex

    return shlex.join(["db", database, "delete", key])


def _path_part(key: str, *, place: str, hint: str = "") -> str:
    """Return the key as one name of a path.

    :raises TemplateError: when the key would lead elsewhere.
    """
    if "/" in key or key in (".", ".."):
        raise TemplateError(f"the key {key!r} cannot be part of a path", place=place, hint=hint)
    return key
