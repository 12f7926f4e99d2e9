"""Where in a Jinja2 fragment each piece of its text comes from.

The fragment is parsed as Jinja2 parses it, and before each piece that it prints a mark is put: a number between two
characters that no value can hold. What is printed into something else (a macro, a filtered block, a block that is
assigned) gets one mark for all of it. The text without marks has to be the text that the fragment gives; otherwise
nothing is known.
"""

from __future__ import annotations

import re

import jinja2
from jinja2 import nodes

from esmith.errors import EsmithError
from esmith.explain.slices import Slices
from esmith.fields import dataclass
from esmith.fragments.records import MissingValueError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.explain.slices import Names
    from esmith.fragments.jinja import Engine

_MARK = re.compile("\0([0-9]+)\0")
#: What prints into something else: nothing inside of it gets a mark.
_BUFFERED = (nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.AssignBlock)
#: What a fragment may raise that gave its text just before. It does so no more here, but nobody has to rely on that.
_FAILURES = (
    EsmithError,
    MissingValueError,
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True)
class Piece:
    """A piece of the text of a fragment.

    :param text: the piece; empty for a test or a loop that may print something there.
    :param line: the line of the fragment it comes from, from 1; 0 when that is not known.
    :param names: what decides on it, by the text of the fragment; None when that is not known.
    """

    text: bytes
    line: int = 0
    names: Names | None = None


class MarkedFragment:
    """A Jinja2 fragment with marks.

    :param engine: Jinja2 as fragments know it.
    :param text: the fragment.
    :param path: its path, for messages.
    :raises jinja2.TemplateError: when it is wrong.
    """

    def __init__(self, engine: Engine, text: str, path: str) -> None:
        self._engine = engine
        tree = engine.parse(text, filename=path)
        self._slices = Slices(tree, engine.globals)
        self._places: list[tuple[int, nodes.Node]] = []
        self._mark(tree)
        code = engine.compile(tree, filename=path)
        self._template = jinja2.Template.from_code(engine, code, dict(engine.globals))

    @property
    def names(self) -> Names:
        """All that the fragment names anywhere."""
        return self._slices.all

    def pieces(self, variables: dict[str, Any], given: str) -> list[Piece] | None:
        """Return the pieces of the text of the fragment, in order; None when they are not known.

        :param variables: as for :meth:`esmith.fragments.jinja.Engine.expand`.
        :param given: the text.
        """
        try:
            text = self._template.render(variables)
        except _FAILURES:
            return None
        first, *parts = _MARK.split(text)
        if first or "".join(parts[1::2]) != given:
            return None
        found = []
        for number, part in zip(parts[::2], parts[1::2], strict=True):
            line, node = self._places[int(number)]
            found.append(Piece(part.encode("utf-8", "surrogateescape"), line, self._slices.of(node)))
        return found

    def _mark(self, node: nodes.Node) -> None:
        """Put marks into all that a part of the fragment prints."""
        for name, value in node.iter_fields():
            if name == "elif_":
                for branch in value:
                    self._mark(branch)
            elif isinstance(value, list) and any(isinstance(one, nodes.Stmt) for one in value):
                setattr(node, name, [marked for one in value for marked in self._statement(one)])

    def _statement(self, node: nodes.Node) -> list[nodes.Node]:
        if isinstance(node, nodes.Output):
            node.nodes = [new for one in node.nodes for new in self._printed(one, node)]
            return [node]
        if isinstance(node, nodes.CallBlock | nodes.FilterBlock):
            return [self._only_mark(node.lineno, node), node]
        if isinstance(node, _BUFFERED):
            return [node]
        # What prints nothing in the middle of a line decides on it, too.
        decides = node.test if isinstance(node, nodes.If) else node.iter if isinstance(node, nodes.For) else None
        self._mark(node)
        return [node] if decides is None else [self._only_mark(node.lineno, decides), node]

    def _only_mark(self, line: int, node: nodes.Node) -> nodes.Output:
        return nodes.Output([self._new_mark(line, node)], lineno=line)

    def _printed(self, node: nodes.Expr, outer: nodes.Node) -> list[nodes.Expr]:
        if not isinstance(node, nodes.TemplateData):
            return [self._new_mark(node.lineno, node), node]
        found: list[nodes.Expr] = []
        for more, line in enumerate(node.data.splitlines(keepends=True)):
            number = node.lineno + more
            found += [self._new_mark(number, outer), nodes.TemplateData(line, lineno=number)]
        return found

    def _new_mark(self, line: int, node: nodes.Node) -> nodes.TemplateData:
        self._places.append((line, node))
        return nodes.TemplateData(f"\0{len(self._places) - 1}\0", lineno=line)
