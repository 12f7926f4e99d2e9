"""Expanding templates: which outputs each has, and what they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from esmith.errors import TemplateError
from esmith.fragments.identity import Identities
from esmith.fragments.metadata import Metadata, MetadataFiles
from esmith.fragments.rendering import Kind, Rendering
from esmith.fragments.tree import KEY, Template, TemplateTree
from esmith.layout import Layout
from esmith.store.protocol import Snapshot

if TYPE_CHECKING:
    from esmith.fragments.expansion import Expansion
    from esmith.fragments.perl.engine import Perl

#: Returns what an output should be without expanding it, None when that is not known for sure.
Recall = Callable[[str, Template, Metadata], Rendering | None]


class Renderer:
    """Expands templates of one root against one snapshot of its databases. A context manager: at its end perl ends.

    :param layout: the root.
    :param snapshot: the databases, the same for every template of an event.
    :param layers: the directories to look in, the nearest first; default: the layers of the layout.
    :param output: where the output of a template goes instead of its own path.
    :param event: the event it is for, which Perl fragments know as ``$EVENT``; "" outside of one.
    :param perl: what runs Perl fragments; default: one perl, started when the first is met.

    ``recall``, when it is set, is asked before an output is expanded.
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
        self.tree = TemplateTree(layout, layers)
        self.metadata = MetadataFiles(self.tree)
        self.identities = Identities(layout)
        self._output = output
        self._event = event
        self._perl = perl
        self.recall: Recall | None = None
        self._found: dict[str, tuple[Template, str | None]] = {}
        self._compiled: dict[tuple[str, str], CodeType] = {}

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

    def perl(self) -> Perl:
        """Return what runs Perl fragments."""
        if self._perl is None:
            from esmith.fragments.perl.engine import Perl

            self._perl = Perl(self.layout, self.snapshot, event=self._event)
        return self._perl

    def render(self, path: str) -> Iterator[Rendering]:
        """Yield the outputs of a template: one, or one for each record its metadata names.

        :param path: an output's absolute path, or the path of a ``foreach`` template with ``{key}`` in it.
        :raises TemplateError: when there is no such template, or it is broken.
        """
        template, key = self._find(path)
        metadata = self.metadata.of(template)
        output = self._output or metadata.output or template.path
        if not metadata.foreach:
            yield self._render_one(output, template, metadata, None)
            return
        if KEY not in output:
            raise TemplateError(
                f"foreach needs {KEY} in the path of the output", place=metadata.said["foreach"], hint=f"rename {path}"
            )
        database, _, types = metadata.foreach.partition(":")
        chosen = [
            record.key
            for record in self.snapshot.records(database)
            if key in (None, record.key) and (not types or record.type in types.split(","))
        ]
        if key is not None and not chosen:
            raise TemplateError(f"{metadata.foreach} has no record {key!r}", place=path, hint="create it first")
        for name in chosen:
            one = output.replace(KEY, _path_part(database, name))
            yield self._render_one(one, template, metadata, (database, name))

    def makes_all(self, path: str) -> bool:
        """Return whether a path names a ``foreach`` template as a whole, and not the output of one record."""
        template, key = self._find(path)
        return key is None and bool(self.metadata.of(template).foreach)

    def _find(self, path: str) -> tuple[Template, str | None]:
        if path not in self._found:
            self._found[path] = self.tree.find_for_key(path)
        return self._found[path]

    def absent(self, path: str, output: str) -> Rendering:
        """Return that an output of a template should not exist, because its record is gone.

        :param path: the template's path.
        """
        template = self.tree.find(path)
        return Rendering(output, template, self.metadata.of(template), Kind.ABSENT)

    def _render_one(
        self, output: str, template: Template, metadata: Metadata, record: tuple[str, str] | None
    ) -> Rendering:
        if self.recall is not None:
            recalled = self.recall(output, template, metadata)
            if recalled is not None:
                return recalled
        rendering = Rendering(output, template, metadata)
        self._expansion(rendering, record).fill()
        return rendering

    def text(self, path: str, variables: dict[str, Any]) -> tuple[str, list[str]]:
        """Return the text of a template, and what its fragments warn of.

        :param variables: what its fragments know besides the databases.
        :raises TemplateError: when there is no such template, or it is broken.
        """
        template = self.tree.find(path)
        rendering = Rendering(template.path, template, self.metadata.of(template))
        return self._expansion(rendering, None).text(variables), rendering.warnings

    def _expansion(self, rendering: Rendering, record: tuple[str, str] | None) -> Expansion:
        # Jinja2 is imported only when something has to be expanded.
        from esmith.fragments.expansion import Expansion

        return Expansion(
            self.layout,
            self.snapshot,
            self.tree,
            self.metadata,
            self.identities,
            rendering,
            record,
            self._compiled,
            self.perl,
        )


def _path_part(database: str, key: str) -> str:
    """Return the key as one name of a path.

    :raises TemplateError: when the key would lead elsewhere.
    """
    if "/" in key or key in (".", ".."):
        raise TemplateError(
            f"the key {key!r} cannot be part of a path",
            place=database,
            hint=f"db {database} delete '{key}'",
        )
    return key
