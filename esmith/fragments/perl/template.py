"""The Perl of one template: what its fragments give, what they read and what they warn of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from esmith.errors import TemplateError
from esmith.expressions import expression
from esmith.fragments.perl.offer import NOTHING
from esmith.fragments.perl.texts import is_utf8, not_utf8, text_lines, text_of
from esmith.names import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fragments.perl.variables import Fields
    from esmith.fragments.reads import Reads
    from esmith.perl.protocol import Message
    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot

#: Expands a template inside another, with variables and the directories of its fragments (none for the same), and
#: returns its text.
SubTemplate = Callable[[str, dict[str, Any], list[str]], bytes]
#: Has a file made besides: the path of its template, its own path, its content, owner, group and mode ("" for those
#: of the metadata), and the directories of the template's fragments.
MakeOutput = Callable[[str, str, bytes, list[str], list[str]], None]

#: How perl begins its message when it does not find a module (perldiag(1)).
_MISSING = expression(r"Can't locate (\S+)\.pm in @INC")
#: How many lines of a message are shown.
_SHOWN_LINES = 6


class Runner(Protocol):
    """What a template needs of the perl that runs it: :class:`esmith.fragments.perl.engine.Perl`."""

    @property
    def snapshot(self) -> Snapshot:
        """The databases the variables are taken from."""

    def first(self, id: str, variables: dict[str, Any]) -> Fields:
        """Return the request that begins a template."""

    def ask(self, template: PerlTemplate, place: str, *requests: Fields) -> Message:
        """Return the answer to the last of some requests.

        :raises TemplateError: when perl cannot be started, or did not answer.
        """

    def forget(self, id: str) -> None:
        """Have perl drop the variables of a template."""

    def printed(self) -> list[str]:
        """Return the lines that were printed to standard output since the last call."""

    def complaints(self) -> list[str]:
        """Return the lines that were printed to standard error since the last call."""


class Tracer(Protocol):
    """Gets the parts of a fragment while it runs: the texts, and the blocks between them."""

    def begin(self) -> None:
        """Note that the fragment itself begins; what was read before was read for the variables it is offered."""

    def part(self, kind: str, first: int, last: int, given: bytes) -> None:
        """Note that a part ended; what was read since the part before was read for this one.

        :param kind: ``TEXT`` or ``PROG``.
        :param first: its first line in the fragment.
        :param last: its last one.
        :param given: what it gave.
        """


class NoPerlError(TemplateError):
    """What runs Perl fragments is not installed."""


class PerlMistakeError(TemplateError):
    """A fragment that perl does not compile, or that died.

    :param fragment: the path of the fragment.
    :param line: its line, 0 when perl names none.
    :param missing: the module that it uses and perl does not find; "" when that is not what is wrong.
    """

    def __init__(self, message: str, *, fragment: str, line: int, hint: str, missing: str) -> None:
        super().__init__(message, place=f"{fragment}:{line}" if line else fragment, hint=hint)
        self.fragment = fragment
        self.line = line
        self.missing = missing


class PerlTemplate:
    """The Perl of one template: its fragments share a package. A context manager.

    :param perl: what runs it.
    :param id: a name of its own.
    :param output: the output it is for, for messages.
    :param variables: variables besides the records of the configuration database.
    :param reads: where the reads are recorded.
    :param warnings: where warnings go.
    :param expand: expands a template inside this one.

    ``offer``, when it is set, is what the template offers to its fragments; ``tracer`` gets the parts of those to come.
    """

    def __init__(
        self,
        perl: Runner,
        id: str,
        output: str,
        variables: dict[str, Any],
        reads: Reads,
        warnings: list[str],
        expand: SubTemplate,
    ) -> None:
        self.output = output
        self._perl = perl
        self._id = id
        self._variables = variables
        self.log = _Log(reads)
        self._warnings = warnings
        self._expand = expand
        self.offer = NOTHING
        self.tracer: Tracer | None = None
        self._offered: set[str] = set()
        #: What has a file made that a fragment makes besides the output.
        self.make_output: MakeOutput = _no_outputs
        self._begun = False
        self._broken: TemplateError | None = None
        # The fragment that runs.
        self._place = ""
        # Whether a template expanded inside this one rightly gave bytes that are not UTF-8.
        self._has_other_bytes = False

    def __enter__(self) -> PerlTemplate:
        return self

    def __exit__(self, *_: object) -> None:
        if self._begun:
            self._perl.forget(self._id)

    def note_in(self, reads: Reads) -> None:
        """Have what is read from now on be noted there."""
        self.log = _Log(reads)

    def expand(self, path: str, text: bytes) -> bytes:
        """Return what a fragment gives.

        :param path: its path, for messages.
        :raises TemplateError: when it is wrong: also when it prints to standard output, which goes into no file, and
            when it is UTF-8 and gives something else.
        """
        self._offer_to(text)
        if self.tracer is not None:
            self.tracer.begin()
        word = "fragment" if self.tracer is None else "traced"
        given = self._run(path, [word, self._id, path, text]) or b""
        printed = self._perl.printed()
        if printed:
            raise TemplateError(
                f"prints {shorten(printed[0])!r} (for {self.output})",
                place=path,
                hint="what is printed goes into no file: append it to $OUT; or print to STDERR, which is only shown",
            )
        if not is_utf8(given) and is_utf8(text) and not self._has_other_bytes:
            raise TemplateError(
                f"gives bytes that are not UTF-8: {not_utf8(given)} (for {self.output})",
                place=path,
                hint="encode the text, e.g. with Encode::encode('UTF-8', $text)",
            )
        return given

    def run(self, path: str, text: bytes) -> None:
        """Run a fragment for what it does; what it gives is thrown away.

        :param path: its path, for messages.
        :raises TemplateError: when it is wrong; the fragments after it can be run.
        """
        self._broken = None
        self._run(path, ["fragment", self._id, path, text])
        self._warn_of_prints(path)

    def parse(self, path: str, text: bytes) -> None:
        """Compile a fragment without running it; what it ``use``s is loaded.

        :param path: its path, for messages.
        :raises TemplateError: when it does not compile.
        """
        self._run(path, ["parse", self._id, path, text])
        self._warn_of_prints(path)

    def globals(self, path: str, text: bytes) -> list[str]:
        """Return the variables that a fragment neither declares nor gets from perl itself, with their signs.

        :param path: its path, for messages.
        """
        return (self._run(path, ["globals", self._id, path, text]) or b"").decode("utf-8", "replace").splitlines()

    def evaluate(self, expression: str, place: str) -> str | None:
        """Return the value of an expression, None for an undefined one.

        :raises TemplateError: when it is wrong.
        """
        value = self._run(place, ["eval", self._id, place, expression])
        self._warn_of_prints(place)
        return None if value is None else value.decode("utf-8", "surrogateescape")

    def sub_template(self, path: str, variables: list[str], directories: list[str]) -> bytes:
        """Return the text of another template.

        :param variables: names, each followed by its value.
        :param directories: where its fragments are; none for the directories of this template.
        :raises TemplateError: when it is broken. This template is broken then, too, whatever its fragment makes of it.
        """
        pairs = zip(variables[::2], variables[1::2], strict=True)
        try:
            text = self._expand(path, dict(pairs), directories)
            self._has_other_bytes = self._has_other_bytes or not is_utf8(text)
            return text
        except TemplateError as error:
            self._broken = error if error.place else TemplateError(error.message, place=self._place, hint=error.hint)
            raise self._broken from error

    def _offer_to(self, text: bytes) -> None:
        """Set the variables of the template that a fragment names and no fragment before it did."""
        names = [name for name in self.offer.named_in(text) if name not in self._offered]
        if not names:
            return
        self._offered.update(names)
        missing = [name for name in names if name not in self.offer.variables]
        code = [self.offer.code(name) for name in names if name in self.offer.variables]
        if code:
            self._run(self.offer.source, ["set", self._id, self.offer.source, *code])
        if missing:
            self._run(self.offer.source, ["miss", self._id, *missing])

    def other_output(self, path: str, output: str, text: str, given: list[str], directories: list[str]) -> None:
        """Have a file made besides this output, of what a fragment made of another template.

        :param given: owner, group and mode; "" for those of the template.
        :raises TemplateError: when that is not possible. This template is broken then, too.
        """
        try:
            self.make_output(path, output, text.encode("utf-8", "surrogateescape"), given, directories)
        except TemplateError as error:
            self._broken = error if error.place else TemplateError(error.message, place=self._place, hint=error.hint)
            raise self._broken from error

    def _run(self, path: str, request: Fields) -> bytes | None:
        self._place = path
        begin = [] if self._begun else [self._perl.first(self._id, self._variables)]
        self._begun = True
        verdict, text, line, count, *rest = self._perl.ask(self, path, *begin, request)
        warnings = rest[: int(count or 0)]
        self._note_all([text_of(field) for field in rest[len(warnings) :]])
        self._warn(path, warnings)
        if self._broken is not None:
            raise self._broken
        if verdict != b"broken":
            return text
        message, *more = text_lines(text or b"") or ["failed without a word"]
        missing = _MISSING.match(message)
        raise PerlMistakeError(
            f"{message} (for {self.output})",
            fragment=path,
            line=int(line or 0),
            hint="\n  ".join(more[:_SHOWN_LINES]),
            missing=missing[1].replace("/", "::") if missing else "",
        )

    def _warn(self, path: str, warnings: list[bytes | None]) -> None:
        for warning in warnings:
            line, _, text = (warning or b"").partition(b":")
            self._add(f"{path}:{text_of(line)}" if line else path, "; ".join(text_lines(text)))
        for complaint in self._perl.complaints():
            self._add(path, complaint)

    def _warn_of_prints(self, path: str) -> None:
        for printed in self._perl.printed():
            self._add(path, f"prints {printed!r}")

    def _add(self, place: str, text: str) -> None:
        warning = f"{place}: {text}"
        if warning not in self._warnings:
            self._warnings.append(warning)

    def part(self, tracer: Tracer, fields: list[str]) -> None:
        """Note a part of the fragment that runs.

        :param fields: what :meth:`Tracer.part` gets, and database, key and property of each variable that was read.
        :raises TemplateError: when a fragment sends something else.
        """
        try:
            kind, first, last, given, *reads = fields
            self._note_all(reads)
            tracer.part(kind, int(first), int(last), given.encode("utf-8", "surrogateescape"))
        except ValueError as error:
            raise TemplateError("asks the engine for something that it does not know", place=self._place) from error

    def _note_all(self, reads: list[str]) -> None:
        for database, key, prop in zip(*[iter(reads)] * 3, strict=True):
            self._note(database, key, prop)

    def _note(self, database: str, key: str, prop: str) -> None:
        """Record the read of a variable; "*" is all of a record, and an empty key the list of keys."""
        snapshot = self._perl.snapshot
        if not key:
            self.log.listing(database)
        elif prop == "*":
            self.log.record(database, key, snapshot.record(database, key))
        else:
            name = "" if prop in ("type", "key") else prop
            self.log.prop(database, key, name, snapshot.prop(database, key, name))


class _Log:
    """Notes what is read.

    :param reads: where.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    def prop(self, database: str, key: str, prop: str, value: str | None) -> None:
        """Note that a property was read; "" is the type."""
        self._reads.props[database, key, prop] = value

    def record(self, database: str, key: str, record: Record | None) -> None:
        """Note that a whole record was read: also a property that it gets later counts."""
        self._reads.names.add((database, key))
        self.prop(database, key, "", record.type if record else None)
        for name, value in record.props.items() if record else ():
            self.prop(database, key, name, value)

    def listing(self, database: str) -> None:
        """Note that the keys of a database were read."""
        self._reads.listings.add((database, ""))

    def file(self, path: str) -> None:
        """Note that a flat file was read."""
        self._reads.files.add(path)


def _no_outputs(path: str, output: str, _content: bytes, _given: list[str], _directories: list[str]) -> None:
    raise TemplateError(f"a file cannot be made here: {output}", place=path, hint="do it in an action of an event")
