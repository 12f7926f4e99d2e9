"""The expansion of one output with its fragments' engines."""

from __future__ import annotations

import itertools
import os

from esmith.contexts import OnDemand, contextmanager
from esmith.errors import TemplateError
from esmith.fields import replace
from esmith.fragments.choice import Choice
from esmith.fragments.kept import KeptTexts
from esmith.fragments.language import read_fragment
from esmith.fragments.metadata import NO_BLANK_LINES, Metadata, MetadataFiles
from esmith.fragments.notes import Notes
from esmith.fragments.records import RecordView
from esmith.fragments.rendering import Kind, Rendering
from esmith.fragments.settings import explain
from esmith.fragments.tree import Fragment, Template, TemplateTree
from esmith.schema.load import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from esmith.fragments.context import Context
    from esmith.fragments.perl.template import PerlTemplate


class Expansion:
    """The expansion of one output: its variables, and where its reads are recorded.

    :param context: what it shares with those of other outputs.
    :param rendering: the output; what is found goes there.
    :param key: what stands for ``{key}`` in the output's path; None for a template without ``foreach`` or ``outputs``.
    :param database: with ``foreach``, the database of the record of that key.
    """

    def __init__(
        self, context: Context, rendering: Rendering, *, key: str | None = None, database: str | None = None
    ) -> None:
        self._context = context
        self._rendering = rendering
        self._variables: dict[str, Any] = {}
        self._own_notes = Notes(rendering.own, rendering.warnings, rendering.engines)
        self._runner = context.jinja()
        if key is not None and database is not None:
            rendering.own.props[database, key, ""] = context.snapshot.type_of(database, key)
            self._variables["record"] = RecordView(self._runner.records, database, key)
        elif key is not None:
            self._variables["key"] = key

    def fill(self) -> None:
        """Expand the output.

        :raises TemplateError: when a fragment or the metadata is broken.
        """
        with self._noting(self._own_notes):
            self._fill()
        self._rendering.repeatable = self._own_notes.repeatable

    def _fill(self) -> None:
        rendering, metadata = self._rendering, self._rendering.metadata
        rendering.warnings += metadata.notes
        if metadata.skip_when and self.holds("skip-when", metadata.skip_when):
            rendering.kind = Kind.LEFT
            return
        if metadata.delete_when and self.holds("delete-when", metadata.delete_when):
            rendering.kind = Kind.ABSENT
            return
        rendering.owner = self.value("owner", metadata.owner)
        rendering.group = self.value("group", metadata.group)
        rendering.mode = mode_of(self.value("mode", metadata.mode), metadata.sources.get("mode", ""))
        parts = self._parts(rendering.template, metadata)
        rendering.content = _filtered(b"".join(parts), metadata.filters)
        rendering.parts = list(zip(rendering.template.fragments, parts, strict=True))
        rendering.warnings += _run_on(rendering.parts, self._context.tree)
        if metadata.line_filter:
            path = rendering.template.path
            rendering.content = self._context.metadata.original.filtered(path, rendering.content, drop=True)
            rendering.parts = []  # a sub of an administrator may give any number of lines
        if metadata.kind == "symlink":
            rendering.kind, rendering.content = Kind.SYMLINK, rendering.content.strip()

    def holds(self, key: str, expression: str) -> bool:
        """Return whether an expression of the metadata holds."""
        source = self._rendering.metadata.sources[key]
        with self._noting(self._own_notes):
            return bool(self._jinja(f"{{{{ 'yes' if ({expression}) else '' }}}}", source))

    def value(self, key: str, text: str) -> str:
        """Return a value of the metadata, expanded when it is Jinja2."""
        if "{" not in text:
            return text
        source = self._rendering.metadata.sources[key]
        with self._noting(self._own_notes):
            return self._jinja(text, source).strip()

    def _jinja(self, text: str, path: str) -> str:
        """Return what a Jinja2 text gives.

        :param path: the file it is in, for messages.
        """
        variables = {"template": self._sub_template, **self._variables}
        return self._runner.expand(text, path, self._rendering.path, variables)

    def _parts(self, template: Template, metadata: Metadata) -> list[bytes]:
        """Return what each fragment of a template gives."""
        outer = self._variables
        self._variables = outer | metadata.variables
        try:
            return self._given(template, metadata)
        finally:
            self._variables = outer

    def _given(self, template: Template, metadata: Metadata) -> list[bytes]:
        parts: list[bytes] = []
        with OnDemand(lambda: self._perl_template(metadata)) as perl:
            for fragment in template.fragments:
                parts.append(self._fragment(fragment, template, metadata, perl.get))
                self._suspect(fragment, parts[-1], metadata)
        return parts

    def text(self, variables: dict[str, Any]) -> str:
        """Return the text of the template itself, with variables; nothing is done that its metadata says.

        :raises TemplateError: when a fragment is broken.
        """
        with self._noting(self._own_notes):
            return self._sub_template(self._rendering.path, **variables)

    def _sub_template(self, path: str, **variables: Any) -> str:
        """Return the text of another template, with variables: the function ``template`` of Jinja2 fragments.

        What it reads is noted apart, and kept with its text for other outputs.
        """
        known = self._variables | variables
        found = self._context.kept.find(path, known)
        if found is not None:
            text, notes = found
            self._notes.add(notes, variables)
            return text
        notes = Notes()
        try:
            with self._noting(notes):
                text = self._other_template(path, known, []).decode("utf-8", "surrogateescape")
        finally:
            self._notes.add(notes, variables)
        self._context.kept.keep(path, known, text, notes)
        return text

    @property
    def _notes(self) -> Notes:
        """What the template notes that is expanded: this one, or one inside it."""
        return self._runner.records.notes

    @contextmanager
    def _noting(self, notes: Notes) -> Iterator[None]:
        """Have all that is read noted here."""
        records = self._runner.records
        outer, records.notes = records.notes, notes
        try:
            yield
        except TemplateError as error:
            explain(error, notes.reads, Schema(self._context.layout))
            raise
        finally:
            records.notes = outer

    def _other_template(self, path: str, variables: dict[str, Any], directories: list[str]) -> bytes:
        """Return the text of another template.

        :param directories: where its fragments are, below ``/etc/e-smith``; none for where those of this one are.
        """
        with self._among(directories):
            self._variables = variables
            templates = self._context.metadata
            template = templates.find(path)
            notes = self._notes
            notes.reads.templates.add(template.path)
            metadata = templates.of(template)
            notes.repeatable &= not (metadata.by_perl or metadata.line_filter)
            text = b"".join(self._parts(template, metadata))
            return templates.original.filtered(template.path, text, drop=False) if metadata.line_filter else text

    @contextmanager
    def _among(self, directories: list[str]) -> Iterator[None]:
        """Find templates in other directories; the variables are afterwards what they were."""
        outer = self._variables, self._context
        if directories:
            layout, original = self._context.layout, self._context.metadata.original
            places = (layout.under(os.path.join("/etc/e-smith", directory)) for directory in directories)
            tree = TemplateTree(layout, tuple(places))
            metadata_files = MetadataFiles(tree, original)
            self._context = replace(self._context, tree=tree, metadata=metadata_files, kept=KeptTexts())
        try:
            yield
        finally:
            self._variables, self._context = outer

    def _other_output(self, path: str, output: str, content: bytes, given: list[str], directories: list[str]) -> None:
        """Have a file made besides this output, of what a fragment made of another template.

        :param given: owner, group and mode; "" for those that its metadata says.
        """
        with self._among(directories):
            template = self._context.metadata.find(path)
            metadata = self._context.metadata.of(template)
            output = os.path.normpath("/" + (output if output != path else metadata.output or path).lstrip("/"))
            one = Rendering(output, template, metadata, content=content)
            one.beside, one.own = self._rendering.path, self._rendering.own
            own = Expansion(self._context, one)
            names = ("owner", "group", "mode")
            values = [
                text or own.value(name, getattr(one.metadata, name)) for name, text in zip(names, given, strict=True)
            ]
            one.owner, one.group, one.mode = *values[:2], mode_of(values[2], one.metadata.sources.get("mode", ""))
        # The last one counts, as it would on the disk.
        self._rendering.others = [*(other for other in self._rendering.others if other.path != output), one]

    def _perl_template(self, metadata: Metadata) -> PerlTemplate:
        from esmith.fragments.perl.offer import Offer

        self._runner.need_jinja()
        perl, notes = self._context.perl(), self._notes
        notes.repeatable = False
        path = self._rendering.path
        offer = Offer(metadata.perl_variables, metadata.perl_missing, metadata.sources.get("perl-variables", ""))
        template = perl.template(path, self._variables, notes.reads, notes.warnings, self._other_template, offer)
        template.make_output = self._other_output
        return template

    def _suspect(self, fragment: Fragment, text: bytes, metadata: Metadata) -> None:
        """Warn of lines that the metadata says belong elsewhere."""
        if not metadata.suspect_lines:
            return
        import re

        for line in text.decode("utf-8", "replace").splitlines():
            for pattern, advice in metadata.suspect_lines.items():
                if re.match(pattern, line):
                    self._notes.warn(f"{fragment.path}: {line.strip()!r} {advice}")

    def _warn_of_words(self, fragment: Fragment, data: bytes, given: bytes, metadata: Metadata) -> None:
        """Warn of braces around a word that went away, where no metadata calls the fragment Perl."""
        if "engine" in metadata.sources:
            return
        from esmith.fragments.engine import bare_words

        for word, line in bare_words(data.decode("utf-8", "surrogateescape")):
            if word.encode() in given:
                advice = f"write \\{{{word}\\}} for braces"
                self._notes.warn(f"{fragment.path}:{line}: {{{word}}} is Perl, which gives the word alone; {advice}")

    def _fragment(
        self, fragment: Fragment, template: Template, metadata: Metadata, perl: Callable[[], PerlTemplate]
    ) -> bytes:
        if fragment.masked:
            return b""
        output = self._rendering.path
        if fragment.path not in self._context.files:
            self._context.files[fragment.path] = read_fragment(fragment, output)
        data = self._context.files[fragment.path]
        choice = self._context.engine_of(fragment, data, template, metadata)
        self._notes.ran(fragment, choice)
        if choice.engine == "text":
            return data
        if choice.engine == "perl":
            given = _run_perl(fragment, data, choice, metadata, perl)
            self._warn_of_words(fragment, data, given, metadata)
            return given
        if not choice.engine:
            raise TemplateError(
                f"may be {choice.either}: {choice.reason} (for {output})",
                place=f"{fragment.path}:{choice.line}",
                hint=_state("perl", fragment),
            )
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise TemplateError(
                "is not UTF-8", place=f"{fragment.path}:{line}", hint="convert it, e.g. with iconv"
            ) from error
        return self._jinja(text, fragment.path).encode("utf-8", "surrogateescape")


def _run_perl(
    fragment: Fragment, data: bytes, choice: Choice, metadata: Metadata, perl: Callable[[], PerlTemplate]
) -> bytes:
    if not data:
        return b""  # Text::Template does not take an empty one
    from esmith.fragments.perl.template import NoPerlError, PerlMistakeError

    guessed = "engine" not in metadata.sources
    why = f"it was taken for Perl, as it {choice.reason}; if it is not, {_state('text', fragment)}"
    try:
        return perl().expand(fragment.path, data)
    except NoPerlError as error:
        if guessed:
            error.hint += f"\n  {why}"
        raise
    except PerlMistakeError as error:
        if guessed and not error.hint and error.fragment == fragment.path:
            error.hint = why
        raise


def _state(engine: str, fragment: Fragment) -> str:
    return f'say which in template.toml beside it: engine = {{ "{fragment.name}" = "{engine}" }}'


def mode_of(text: str, source: str) -> int:
    """Return the mode that a text is, in octal.

    :param source: the file that says it, for the message.
    :raises TemplateError: when it is none.
    """
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise TemplateError(f'mode {text!r} is not an octal number such as "0644"', place=source)
    return mode


def _filtered(content: bytes, filters: tuple[str, ...]) -> bytes:
    if NO_BLANK_LINES not in filters:
        return content
    return b"".join(line for line in content.splitlines(keepends=True) if line.strip())


def _run_on(parts: list[tuple[Fragment, bytes]], tree: TemplateTree) -> Iterator[str]:
    """Yield a warning for each fragment of an administrator in whose last line the next one goes on."""
    given = [(fragment, part) for fragment, part in parts if part]
    for (fragment, part), (next_one, _) in itertools.pairwise(given):
        if not part.endswith(b"\n") and tree.is_custom(fragment.path):
            yield f"{fragment.path} does not end its last line, so that {next_one.name} goes on in it"
