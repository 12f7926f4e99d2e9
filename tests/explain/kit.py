"""What the tests of ``esmith explain`` ask of small trees of templates."""

from __future__ import annotations

from typing import Any, cast

from esmith.explain.files import FileExplainer
from esmith.explain.places import Made, made_lines
from esmith.explain.tracing import TracingRenderer
from esmith.store.protocol import Snapshot
from tests.fragments.kit import Trees


def made(trees: Trees, path: str = "/t") -> list[Made] | None:
    """Return where the lines of the output of a template come from."""
    with TracingRenderer(trees.layout, cast("Snapshot", trees.snapshot)) as renderer:
        renderer.with_pieces = True
        (rendering,) = renderer.render(path)
        return made_lines(rendering, renderer.traced[path])


def origins(trees: Trees, path: str = "/t") -> list[tuple[str, dict[str, list[int]]]]:
    """Return each line of an output with the names of its fragments, and the lines of these."""
    return [
        (line.text.decode(), {maker.traced.fragment.name: sorted(maker.lines) for maker in line.makers})
        for line in made(trees, path) or []
    ]


def settings(trees: Trees, path: str = "/t") -> list[list[str]]:
    """Return for each line of an output the settings that decide on it."""
    return [
        sorted({" ".join(filter(None, cell)) for maker in line.makers for cell in maker.cells if cell[2]})
        for line in made(trees, path) or []
    ]


def explained(trees: Trees, path: str, line: int | None = None) -> dict[str, Any]:
    """Return the explanation of a file, or of one of its lines."""
    return FileExplainer(trees.layout, cast("Snapshot", trees.snapshot)).explain(path, line)
