"""The plan of an event as far as it can be made without running anything of a contrib.

The files of the contrib that certainly fail, as was found before, fail. Everything else stays as it was: no fragment is
expanded. What a fault stops is then what the plan says (:mod:`esmith.plan.blame`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from esmith.contrib.place import Contrib, Finding
from esmith.errors import TemplateError
from esmith.fragments.metadata import Metadata
from esmith.fragments.perl.engine import Perl
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Rendering
from esmith.fragments.tree import NoTemplateError, Template
from esmith.layout import LAYERS, Layout
from esmith.plan.installed import OUTPUTS, Installed
from esmith.plan.plan import Plan, make_plan

if TYPE_CHECKING:
    from esmith.events.definition import Event
    from esmith.store.protocol import Snapshot


class Reading:
    """Makes plans for which nothing is expanded. A context manager.

    :param contrib: the contrib.
    :param layout: the root with it, or without.
    :param snapshot: its databases.
    :param faults: the files that certainly fail, with the reasons.
    :param outputs: the templates that events expand.
    """

    def __init__(
        self,
        contrib: Contrib,
        layout: Layout,
        snapshot: Snapshot,
        faults: Mapping[str, Finding],
        outputs: Container[str],
    ) -> None:
        self._layout = layout
        self._snapshot = snapshot
        self._renderer = Renderer(layout, snapshot, perl=_Reader(layout, snapshot, contrib))
        known = _Faults(faults, layout, OUTPUTS.rows(snapshot), outputs)
        self._renderer.recall = known.recall
        self._renderer.recall_all = known.recall_all

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renderer.close()

    def plan(self, event: Event) -> Plan:
        """Return the plan of an event.

        :raises EsmithError: when the event would be stopped.
        """
        paths = [path for path in event.templates if not self._is_open(path)]
        return make_plan(
            self._layout, self._snapshot, paths, keep_attributes=True, renderer=self._renderer, event=event.name
        )

    def _is_open(self, path: str) -> bool:
        """Return whether something of the contrib has to be run to know the fragments of a template, or its files."""
        metadata_files = self._renderer.metadata
        expressions = metadata_files.original.entries(path)
        try:
            _, metadata = self._renderer.find(path)
        except NoTemplateError:
            names = ("TEMPLATE_PATH", "TEMPLATE_EXPAND_QUEUE")
            return any(name in expressions.expressions and expressions.literal(name) is None for name in names)
        except TemplateError:
            return False
        return bool(metadata.key) and self._renderer.shipped.is_a_contribs(metadata.sources["key"])


class _Faults:
    """What certainly fails, in place of what would be expanded.

    :param faults: the files that certainly fail, with the reasons.
    :param layout: the root with the contrib in it.
    :param installed: what was installed.
    :param outputs: the templates that events expand.
    """

    def __init__(
        self,
        faults: Mapping[str, Finding],
        layout: Layout,
        installed: Mapping[str, Installed],
        outputs: Container[str],
    ) -> None:
        self._layout = layout
        self._installed = installed
        self._faults = faults
        below = (pair for path in self._faults for pair in _below_layers(path))
        # A fragment in the directory of its template, or a template of a single file.
        inner = ((template, path) for name, path in below for template in (os.path.dirname(name), name))
        #: The templates with a fault that no event expands: others may do so inside themselves.
        self._inner = {
            template: path for template, path in inner if template.count("/") > 1 and template not in outputs
        }

    def recall(self, path: str, template: Template, metadata: Metadata, _key: str | None) -> Rendering:
        """Return an output as it was; its fragments are not run.

        :raises TemplateError: when one of them certainly fails, or its metadata do.
        """
        self._require(template, metadata)
        return Rendering(path, template, metadata, recalled=True)

    def recall_all(self, template: Template, metadata: Metadata) -> list[Rendering]:
        """Return the outputs that a template made for each key; which they are now is not asked."""
        self._require(template, metadata)
        made = (path for path, one in self._installed.items() if one.template == template.path and not one.is_absent)
        return [Rendering(path, template, metadata, recalled=True) for path in made]

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
            if re.search(rf"{re.escape(path)}(?![\w/.-])", text):
                self._require_file(self._layout.under(inner))


class _Reader(Perl):
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
    for layer in LAYERS:
        base = f"/etc/e-smith/{layer}/"
        if path.startswith(base):
            yield path.removeprefix(base[:-1]), path
