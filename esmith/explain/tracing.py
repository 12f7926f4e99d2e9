"""Expanding templates as the engine does, and keeping for each fragment what it gave and what it read."""

from __future__ import annotations

import jinja2

from esmith.explain.marked import MarkedFragment, Piece
from esmith.explain.slices import Names, local_names
from esmith.fields import dataclass, field
from esmith.fragments.expansion import Expansion
from esmith.fragments.notes import Notes
from esmith.fragments.reads import Reads
from esmith.fragments.render import Renderer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.fragments.metadata import Metadata
    from esmith.fragments.perl.template import PerlTemplate
    from esmith.fragments.rendering import Rendering
    from esmith.fragments.runner import Runner
    from esmith.fragments.tree import Fragment, Template


@dataclass(frozen=True)
class Block:
    """A part of a Perl fragment: a text, or a block of code.

    :param text: what it gave.
    :param first: its first line in the fragment; 0 for what came before the fragment itself.
    :param last: its last line.
    :param is_code: whether it is a block of code, on which settings can decide.
    :param reads: what was read while it ran.
    """

    text: bytes
    first: int
    last: int
    is_code: bool
    reads: Reads


@dataclass
class Traced:
    """What one fragment did for one output.

    :param fragment: the fragment.
    :param text: what it gave.
    :param source: what is in it.
    :param own: what it read itself.
    :param through: what the templates read that it expanded.
    :param inner: these templates' fragments by their paths, with what each read itself.
    :param pieces: where its text comes from; None when that is not known.
    :param names: all that its text names; None when it is not in Jinja2.
    :param blocks: the parts of a Perl fragment, in order; None when they are not known, and for another fragment.
    """

    fragment: Fragment
    text: bytes = b""
    source: bytes = b""
    own: Reads = field(default_factory=Reads)
    through: Notes = field(default_factory=Notes)
    inner: dict[str, Traced] = field(default_factory=dict)
    pieces: list[Piece] | None = None
    names: Names | None = None
    blocks: list[Block] | None = None

    def add_inner(self, other: Traced) -> None:
        """Note a fragment of a template inside this one; it may run for a thousand users."""
        known = self.inner.setdefault(other.fragment.path, Traced(other.fragment))
        known.own.add(other.own)

    @property
    def reads(self) -> Reads:
        """What it read, itself or through other templates."""
        found = Reads()
        found.add(self.own)
        found.add(self.through.reads)
        return found


class TracingRenderer(Renderer):
    """A renderer that keeps what each fragment did.

    ``traced`` has the fragments of each output by its path; those of a template inside another are with the outer one.
    ``with_pieces`` says whether it is found out where in a fragment its text comes from.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.with_pieces = False
        self.traced: dict[str, list[Traced]] = {}
        #: The fragments of each template that was expanded inside another.
        self.inside: dict[str, dict[str, Traced]] = {}
        self._locals: dict[str, set[str]] = {}

    def _expansion(self, rendering: Rendering, key: str | None = None, database: str | None = None) -> Expansion:
        return _TracedExpansion(self, rendering, key, database)

    @property
    def context(self) -> Any:
        """What its expansions share."""
        return self._context

    def locals_of(self, fragment: Fragment, runner: Runner) -> set[str]:
        """Return the names that a Jinja2 fragment gives to something itself; none for any other fragment."""
        if fragment.path not in self._locals:
            text = self._context.files.get(fragment.path, b"").decode("utf-8", "surrogateescape")
            try:
                self._locals[fragment.path] = local_names(runner.engine.parse(text))
            except jinja2.TemplateError:
                self._locals[fragment.path] = set()  # Perl
        return self._locals[fragment.path]


class _TracedExpansion(Expansion):
    """The expansion of one output, which keeps what each fragment did."""

    def __init__(self, renderer: TracingRenderer, rendering: Rendering, key: str | None, database: str | None) -> None:
        super().__init__(renderer.context, rendering, key=key, database=database)
        self._renderer = renderer
        self._running: list[tuple[Traced, Notes]] = []

    def _fragment(
        self, fragment: Fragment, template: Template, metadata: Metadata, perl: Callable[[], PerlTemplate]
    ) -> bytes:
        outer, notes, traced = self._notes, Notes(), Traced(fragment)

        # Blocks inside a template inside this one make no line by themselves.
        tracer = _PerlTracer(traced, notes) if self._renderer.with_pieces and not self._running else None

        def noting_perl() -> PerlTemplate:
            made = perl()
            made.note_in(notes.reads)
            made.tracer = tracer
            if tracer is not None:
                tracer.of(made)
            return made

        self._running.append((traced, notes))
        try:
            with self._noting(notes):
                traced.text = super()._fragment(fragment, template, metadata, noting_perl)
            if tracer is not None:
                tracer.end()
            self._drop_locals(fragment, notes.reads)
        finally:
            self._running.pop()
            parent = self._running[-1] if self._running else None
            # What a template inside this one read is not read by this fragment itself.
            target = parent[0].through if parent is not None and outer is parent[1] else outer
            target.add(notes, ())
            target.add(traced.through, ())
        traced.own, traced.source = notes.reads, self._context.files.get(fragment.path, b"")
        if parent is None:
            self._renderer.traced.setdefault(self._rendering.path, []).append(traced)
        else:
            for one in (traced, *traced.inner.values()):
                parent[0].add_inner(one)
        return traced.text

    def _sub_template(self, path: str, **variables: Any) -> str:
        if not self._running:
            return super()._sub_template(path, **variables)
        traced = self._running[-1][0]
        before = len(traced.inner)
        with self._noting(traced.through):
            text = super()._sub_template(path, **variables)
        inside = self._renderer.inside.setdefault(path, {})
        if len(traced.inner) > before:
            inside |= traced.inner
        # Its text may be kept from before; then its fragments did not run again.
        traced.inner = inside | traced.inner
        return text

    def _jinja(self, text: str, path: str) -> str:
        given = super()._jinja(text, path)
        if len(self._running) == 1 and path == self._running[0][0].fragment.path and self._renderer.with_pieces:
            self._find_pieces(self._running[0][0], text, given)
        return given

    def _find_pieces(self, traced: Traced, text: str, given: str) -> None:
        try:
            marked = MarkedFragment(self._runner.engine, text, traced.fragment.path)
        except (jinja2.TemplateError, SyntaxError):
            return
        variables = {"template": self._sub_template, **self._variables}
        traced.pieces, traced.names = marked.pieces(variables, given), marked.names

    def _drop_locals(self, fragment: Fragment, reads: Reads) -> None:
        """Leave out the variables of a fragment, which Jinja2 looks up among the records before they are set."""
        missing = {
            key
            for (database, key, prop), value in reads.props.items()
            if database == "configuration" and not prop and value is None
        }
        found = self._renderer.locals_of(fragment, self._runner) if missing else set()
        for cell in [cell for cell in reads.props if cell[0] == "configuration" and cell[1] in missing & found]:
            del reads.props[cell]


class _PerlTracer:
    """Keeps what each part of a Perl fragment gave and read; implements :class:`esmith.fragments.perl.template.Tracer`.

    Reads are noted apart for each part: what a block read again was read before as well.

    :param traced: the fragment.
    :param notes: where all that it reads is noted.
    """

    def __init__(self, traced: Traced, notes: Notes) -> None:
        self._traced = traced
        self._notes = notes
        self._own = Reads()
        self._through: Notes | None = None
        self._blocks: list[Block] = []
        self._template: PerlTemplate | None = None

    def of(self, template: PerlTemplate) -> None:
        """Note which Perl runs it."""
        self._template = template
        self._through, self._traced.through = self._traced.through, Notes()
        template.note_in(self._own)

    def begin(self) -> None:
        """Note that the fragment itself begins."""
        self._add(b"", 0, 0, is_code=True)

    def part(self, kind: str, first: int, last: int, given: bytes) -> None:
        """Note a part."""
        self._add(given, first, last, is_code=kind == "PROG")

    def end(self) -> None:
        """Note the end of the fragment. Of one whose text is not that of its parts these are not known."""
        if self._template is None:
            return
        self._add(b"", 0, 0, is_code=True)
        if self._through is not None:
            self._traced.through = self._through
        self._template.tracer = None
        if b"".join(block.text for block in self._blocks) == self._traced.text:
            self._traced.blocks = self._blocks

    def _add(self, given: bytes, first: int, last: int, *, is_code: bool) -> None:
        reads, self._own = self._own, Reads()
        self._notes.reads.add(reads)
        through, self._traced.through = self._traced.through, Notes()
        if self._through is not None:
            self._through.add(through, ())
        reads.add(through.reads)
        if self._template is not None:
            self._template.note_in(self._own)
        self._blocks.append(Block(given, first, last, is_code, reads))
