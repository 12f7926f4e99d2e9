"""Why a generated file holds what it holds, and why a line is in it."""

from __future__ import annotations

import os
import shlex
from collections import Counter

from esmith.errors import InstallError, UsageError, UserFileError
from esmith.explain.events import events_of, known_files
from esmith.explain.named import with_line
from esmith.explain.places import Made, Maker, made_lines
from esmith.explain.tracing import Traced, TracingRenderer
from esmith.explain.values import Values
from esmith.fragments.rendering import Kind
from esmith.fragments.tree import KEY, NoTemplateError
from esmith.layout import LAYERS, Layout
from esmith.names import counted, nearest
from esmith.plan.difference import Comparison
from esmith.plan.installed import OUTPUTS
from esmith.plan.output import Difference, Output
from esmith.schema.load import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.explain.values import Cell
    from esmith.fragments.rendering import Rendering
    from esmith.fragments.shipped import Shipped
    from esmith.fragments.tree import Fragment, Template
    from esmith.store.protocol import Snapshot

AS_GENERATED = "as generated"
#: How many pairs of lines that are the same may be compared to find a line again: some seconds.
_MOST_PAIRS = 2_000_000
CHANGED_SINCE = "not yet as the settings and fragments of now make it"


class FileExplainer:
    """Explains the files of one root.

    :param layout: the root.
    :param snapshot: the databases.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot) -> None:
        self._layout = layout
        self._snapshot = snapshot
        self._schema = Schema(layout)
        self._values = Values(layout, snapshot, self._schema)

    def explain(self, path: str, line: int | None = None) -> dict[str, Any]:
        """Return the explanation of a file, or of one line of it, as what ``json.dumps`` takes.

        :param path: its absolute path.
        :param line: from 1; None for the file as a whole.
        :raises UsageError: when no template makes it, or it has no such line.
        :raises TemplateError: when its template is broken.
        """
        path = os.path.normpath("/" + path.lstrip("/"))
        with TracingRenderer(self._layout, self._snapshot) as renderer:
            renderer.with_pieces = True
            rendering = self._rendering(renderer, path)
            output = Output(path, self._layout.under(path), rendering, rendering.mode, None)
            traced = renderer.traced.get(rendering.beside or path, [])
            data = self._head(output, rendering, renderer)
            made = made_lines(rendering, traced) if rendering.kind is Kind.FILE and not rendering.beside else None
            if rendering.kind in (Kind.ABSENT, Kind.LEFT):
                data["condition"] = self._condition(rendering)
                traced = []
            if line is None or data["condition"]:
                data["fragments"] = self._fragments(rendering, traced, made, renderer.shipped)
                data["whole"] = "" if made is not None or rendering.kind is not Kind.FILE else _why_whole(rendering)
            else:
                data |= self._line(output, traced, made, line, renderer.shipped)
            return data

    def _rendering(self, renderer: TracingRenderer, path: str) -> Rendering:
        template = path
        try:
            renderer.find(path)
        except NoTemplateError as error:
            row = OUTPUTS.get(self._snapshot, path)
            if row is None:
                raise self._unknown(path, error) from error
            template = row.template
        if renderer.makes_all(template):
            pattern = renderer.find(template)[0].path
            made = [name for name, row in OUTPUTS.rows(self._snapshot).items() if row.template == pattern]
            if path not in made:
                example = f", as: {_command(made[0])}" if made else ""
                raise UsageError(
                    f"{path} stands for {len(made)} files, one for each {KEY}", hint=f"name one of them{example}"
                )
        found = next((one for one in renderer.render(template) if one.path == path), None)
        if found is None:
            raise UsageError(f"{template} makes no {path} any more", hint="the next event removes it")
        return found

    def _unknown(self, path: str, error: NoTemplateError) -> UsageError:
        files = known_files(self._layout, self._snapshot)
        for layer in (f"/etc/e-smith/{name}" for name in LAYERS):
            if path.startswith(layer + "/"):
                own = path.removeprefix(layer)
                of = own if own in files else os.path.dirname(own)
                return UsageError(
                    f"{path} is a fragment, and no file that a template makes", hint=f"see what it does: {_command(of)}"
                )
        place = self._layout.under(path)
        below = [file for file in files if file.startswith(path.rstrip("/") + "/")]
        if below and (os.path.isdir(place) or not os.path.lexists(place)):
            more = f"; {len(below)} of them are made" if len(below) > 1 else ""
            return UsageError(f"{path} is a directory of files{more}", hint=f"name one, as: {_command(below[0])}")
        close = nearest(path, files)
        if close:
            hint = f"did you mean: {_command(close)}"
        elif os.path.lexists(place):
            hint = "another program writes it, or somebody by hand"
        else:
            hint = error.hint
        what = "is not made by e-smith" if os.path.lexists(place) else "is not there, and no template makes it"
        return UsageError(f"{path} {what}", hint=hint)

    def _head(self, output: Output, rendering: Rendering, renderer: TracingRenderer) -> dict[str, Any]:
        template, services = rendering.template, rendering.metadata.services
        named = None if services is None else [{"name": name, "action": word} for name, word in services.items()]
        return {
            "path": output.path,
            "state": self._state(output),
            "kind": rendering.kind.value,
            "template": template.path,
            "made_beside": rendering.beside,
            "condition": None,
            "events": events_of(self._layout, renderer.tree).get(template.path, []),
            "services": named,
            "skipped": [
                {"path": self._layout.inside(one.path), "reason": one.reason, "advice": one.advice}
                for one in template.skipped
            ],
        }

    def _state(self, output: Output) -> str:
        """Return in words how a file differs from what its template makes now."""
        try:
            Comparison(self._layout.disk(), self._snapshot, keep_attributes=True).compare(output)
        except (InstallError, UserFileError) as error:
            return f"cannot be looked at: {error.message}"
        if output.rendering.kind is Kind.LEFT:
            return "not written by e-smith now"
        if output.difference in (Difference.NONE, Difference.ATTRIBUTES):
            return "rightly not there" if output.rendering.kind is Kind.ABSENT else AS_GENERATED
        if output.foreign:
            return output.foreign
        if output.difference is Difference.CREATE:
            return "not there yet"
        return "to be removed" if output.difference is Difference.REMOVE else CHANGED_SINCE

    def _condition(self, rendering: Rendering) -> dict[str, Any]:
        """Return what decides that there is no such file, or that it is left as it is."""
        key = "delete-when" if rendering.kind is Kind.ABSENT else "skip-when"
        source = rendering.metadata.sources.get(key, "")
        cells = {cell for reads in rendering.reads_apart() for cell in reads.props}
        return {"key": key, "path": self._layout.inside(source) if source else "", "settings": self._settings(cells)}

    def _layer(self, fragment: Fragment, shipped: Shipped) -> str:
        """Return whose a fragment is: ``shipped``, ``custom`` or ``contrib``."""
        if os.path.basename(fragment.layer) == LAYERS[0]:
            return "custom"
        return "contrib" if shipped.is_a_contribs(fragment.path) else "shipped"

    def _replaced(self, fragment: Fragment, template: Template) -> str:
        """Return the fragment that a custom one takes the place of, "" for none."""
        if os.path.basename(fragment.layer) != LAYERS[0]:
            return ""
        inside = self._layout.inside(fragment.layer)
        own = self._layout.inside(fragment.path).removeprefix(inside)
        for name in dict.fromkeys((own, f"{template.path}/{fragment.name}")):
            path = self._layout.layer(LAYERS[1]) + name
            if os.path.exists(path):
                return self._layout.inside(path)
        return ""

    def _of_fragment(self, traced: Traced, template: Template, shipped: Shipped) -> dict[str, Any]:
        fragment = traced.fragment
        return {
            "path": self._layout.inside(fragment.path),
            "layer": self._layer(fragment, shipped),
            "replaces": self._replaced(fragment, template),
            "left_out": fragment.masked,
            "templates": sorted(traced.through.reads.templates),
        }

    def _fragments(
        self, rendering: Rendering, traced: list[Traced], made: list[Made] | None, shipped: Shipped
    ) -> list[dict[str, Any]]:
        """Return each fragment with the lines of the file that it makes, and the settings it reads."""
        lines: dict[int, list[int]] = {}
        for number, one in enumerate(made or [], 1):
            for maker in one.makers:
                lines.setdefault(id(maker.traced), []).append(number)
        return [
            {
                **self._of_fragment(one, rendering.template, shipped),
                "lines": _ranges(lines.get(id(one), [])) if made is not None else None,
                "settings": self._settings(set(one.reads.props)),
                "lists": _listed(one.reads.listings),
                "files": sorted(one.reads.files),
            }
            for one in traced
        ]

    def _settings(self, cells: set[Cell]) -> list[dict[str, Any]]:
        return [self._values.data(cell) for cell in sorted(cells) if self._values.matters(cell)]

    def _line(
        self, output: Output, traced: list[Traced], made: list[Made] | None, line: int, shipped: Shipped
    ) -> dict[str, Any]:
        new = _lines_of(output.rendering.content)
        old = new if output.old is None else _lines_of(output.old)
        if output.rendering.kind is not Kind.FILE or not 1 <= line <= len(old):
            count = len(old) if output.rendering.kind is Kind.FILE else 0
            hint = f"it has {counted(count, 'line')}"
            hint += f", and this shows the last one: {_command(output.path, count)}" if count else ""
            raise UsageError(f"{output.path} has no line {line}", hint=hint)
        secret = self._reads_secret({cell for one in traced for cell in one.reads.props})
        place = line - 1 if output.old is None else _same_line(old, new, line - 1)
        shown = None if secret else old[line - 1].decode("utf-8", "backslashreplace")
        if place is None or made is None:
            why = _why_unknown(output) if place is None else _why_whole(output.rendering)
            return {"line": line, "text": shown, "unknown": why, "makers": []}
        makers = made[place].makers
        if not self._reads_secret({cell for maker in makers for cell in maker.traced.reads.props}):
            shown = old[line - 1].decode("utf-8", "backslashreplace")
        template = output.rendering.template
        return {
            "line": line,
            "text": shown,
            "unknown": "",
            "makers": [self._maker(maker, template, shipped, old[line - 1]) for maker in makers],
        }

    def _maker(self, maker: Maker, template: Template, shipped: Shipped, text: bytes) -> dict[str, Any]:
        # Of the settings of a thousand users those of the one whose name is in the line are looked for.
        words = text.decode("utf-8", "backslashreplace")
        here, earlier = maker.reads, maker.earlier
        before = {
            "settings": self._settings(set(earlier.props) - maker.cells),
            "lists": _listed(earlier.listings - here.listings),
            "files": sorted(earlier.files - here.files),
        }
        return {
            **self._of_fragment(maker.traced, template, shipped),
            "lines": _ranges(sorted(maker.lines)) if maker.lines else None,
            "settings": sorted(self._settings(maker.cells), key=lambda one: one["key"] not in words),
            "lists": _listed(here.listings),
            "files": sorted(here.files),
            "earlier": before if any(before.values()) else None,
        }

    def _reads_secret(self, cells: set[Cell]) -> bool:
        """Return whether one of the settings is a secret that a line may hold, perhaps one of before."""
        return any(self._schema.may_be_secret(*cell) and self._values.matters(cell) for cell in cells)


def _command(path: str, line: int | None = None) -> str:
    return shlex.join(["esmith", "explain", with_line(path, line)])


def _lines_of(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def _same_line(old: list[bytes], new: list[bytes], place: int) -> int | None:
    """Return which line of a new text is one of the old text, None for none."""
    from difflib import SequenceMatcher

    first = _alike(old, new)
    if place < first:
        return place
    rest = _alike(old[first:][::-1], new[first:][::-1])
    if place >= len(old) - rest:
        return place - len(old) + len(new)
    ours, theirs = old[first : len(old) - rest], new[first : len(new) - rest]
    counts = Counter(theirs)
    if sum(counts[line] for line in ours) > _MOST_PAIRS:
        # Thousands of lines that are alike, which would be compared each with each: the nearest one counts.
        same = [number for number, line in enumerate(theirs, first) if line == old[place]]
        return min(same, key=lambda number: abs(number - place), default=None)
    for begin, other, size in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        if begin <= place - first < begin + size:
            return place - begin + other
    return None


def _alike(one: list[bytes], other: list[bytes]) -> int:
    """Return how many lines at the beginning are the same."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (mine, its) in enumerate(pairs) if mine != its), min(len(one), len(other)))


def _listed(listings: set[tuple[str, str]]) -> list[str]:
    return sorted(" ".join(filter(None, name)) for name in listings)


def _ranges(numbers: list[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] in (number - 1, number):
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def _why_unknown(output: Output) -> str:
    if output.foreign:
        return (
            f"the file is {output.foreign}, and no fragment makes this line: the next event replaces the file, "
            "and keeps a backup copy"
        )
    return "no fragment makes this line now: it is from before, and the next event takes it away"


def _why_whole(rendering: Rendering) -> str:
    if rendering.beside:
        return f"a fragment of {rendering.beside} makes the whole file"
    source = rendering.metadata.sources.get("line-filter", "")
    named = f" ({source})" if source else ""
    return f"a filter of the whole file{named} may have changed any line, so it is not known which fragment made which"
