"""Running Perl fragments: one perl for all templates of an event, started when the first such fragment is met.

What is wrong in a fragment, and whatever it does to perl, becomes a TemplateError that names fragment and line. No
file is touched then.
"""

from __future__ import annotations

import os
import shutil
import time

from esmith.errors import EsmithError, TemplateError
from esmith.fragments.perl.offer import NOTHING, Offer
from esmith.fragments.perl.process import PerlEndedError, PerlLateError, PerlProcess
from esmith.fragments.perl.template import NoPerlError, PerlTemplate, SubTemplate
from esmith.fragments.perl.texts import text_lines
from esmith.fragments.perl.variables import Fields, configuration, named
from esmith.fragments.reads import Reads
from esmith.perl.modules import perl_modules
from esmith.perl.service import StoreService
from esmith.perl.sources import SnapshotSource
from esmith.printable import shell_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.layout import Layout
    from esmith.perl.protocol import Message
    from esmith.perl.sources import Source
    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot

#: Where administrative programs are, whatever PATH the caller has.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: How long one fragment may take, with all it expands inside, in seconds.
SECONDS = 60.0
#: How deep templates may be expanded inside one another.
_DEPTH = 30
#: How many lines of what a fragment prints are shown.
_SHOWN_LINES = 20
_DRIVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "driver", "main.pl")
_PACKAGE = "libtext-template-perl"


class Perl:
    """The Perl of one event, or of one command. It costs nothing until a Perl fragment is met.

    :param layout: the root.
    :param snapshot: the databases the variables are taken from.
    :param source: what the fragments' own questions read, and may write; default: the snapshot, which they may only
        read. A migration gives its transaction.
    :param event: the name of the event, for ``$EVENT``; "" outside of one.
    :param seconds: how long one fragment may take.
    :param path: where perl is looked for.
    """

    def __init__(
        self,
        layout: Layout,
        snapshot: Snapshot,
        source: Source | None = None,
        *,
        event: str = "",
        seconds: float = SECONDS,
        path: str = PATH,
    ) -> None:
        self._layout = layout
        self.snapshot = snapshot
        self._event = event
        self._seconds = seconds
        self._path = path
        self._process: PerlProcess | None = None
        self._templates = 0
        self._running: list[PerlTemplate] = []
        self._service = StoreService(layout, source or SnapshotSource(snapshot), log=_RunningLog(self._running))
        self._deadline = 0.0

    @property
    def is_running(self) -> bool:
        """Whether there is a perl: none before the first request, and none after a fragment ended it."""
        return self._process is not None

    def close(self) -> None:
        """End perl and what it started, if it runs."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def template(
        self,
        output: str,
        variables: dict[str, Any],
        reads: Reads,
        warnings: list[str],
        expand: SubTemplate,
        offer: Offer = NOTHING,
    ) -> PerlTemplate:
        """Return what runs the fragments of one template.

        :param output: the output it is for, for messages.
        :param variables: variables besides the records of the configuration database.
        :param reads: where the reads are recorded.
        :param warnings: where warnings go.
        :param expand: expands a template inside this one.
        :param offer: what the template offers to its fragments.
        """
        self._templates += 1
        template = PerlTemplate(self, str(self._templates), output, variables, reads, warnings, expand)
        template.offer = offer
        return template

    def evaluate(self, expression: str, place: str, variables: dict[str, Any]) -> str | None:
        """Return the value of an expression, None for an undefined one.

        :param expression: Perl that may use what fragments use.
        :param place: the file it stands in.
        :param variables: variables besides the records of the configuration database.
        :raises TemplateError: when it is wrong.
        """
        with self.template(place, variables, Reads(), [], _no_templates) as template:
            return template.evaluate(expression, place)

    def parse(self, path: str, text: bytes) -> list[str]:
        """Compile a fragment without running it; return what perl warns of.

        :param path: its path, for messages.
        :raises TemplateError: when it does not compile, or a module it uses is missing.
        """
        warnings: list[str] = []
        with self.template(path, {}, Reads(), warnings, _no_templates) as template:
            template.parse(path, text)
        return warnings

    def globals(self, path: str, text: bytes) -> list[str]:
        """Return the variables that a fragment neither declares nor gets from perl itself, with their signs.

        :param path: its path, for messages.
        :raises TemplateError: when perl cannot be asked.
        """
        with self.template(path, {}, Reads(), [], _no_templates) as template:
            return template.globals(path, text)

    def ask(self, template: PerlTemplate, place: str, *requests: Fields) -> Message:
        """Return the answer to the last of some requests; what Perl code asks meanwhile is answered.

        :param template: on whose behalf.
        :param place: the file that is run, for messages.
        :raises TemplateError: when perl cannot be started, or did not answer.
        """
        process = self._started(place)
        if len(self._running) >= _DEPTH:
            raise TemplateError(f"templates are expanded inside one another more than {_DEPTH} deep", place=place)
        if not self._running:
            self._deadline = time.monotonic() + self._seconds
        self._running.append(template)
        try:
            for request in requests:
                process.send(request, self._deadline)
            while True:
                message = process.receive(self._deadline)
                if message[:1] != [b"call"]:
                    return message
                process.send(self._answer(template, message[1:]), self._deadline)
        except PerlEndedError as error:
            raise self._ended(template, place, error) from error
        finally:
            self._running.pop()

    def forget(self, id: str) -> None:
        """Have perl drop the variables of a template, if it runs."""
        if self._process is None:
            return
        try:
            self._process.send(["forget", id], time.monotonic() + self._seconds)
        except PerlEndedError:
            self._kill()

    def first(self, id: str, variables: dict[str, Any]) -> Fields:
        """Return the request that begins a template."""
        records = configuration(self.snapshot.records("configuration"))
        nested = "1" if self._running else ""
        return ["template", id, nested, self._event or None, str(len(records)), *records, *named(variables)]

    def printed(self) -> list[str]:
        """Return the lines that were printed to standard output since the last call."""
        return _first_lines(self._process.printed() if self._process else b"")

    def complaints(self) -> list[str]:
        """Return the lines that were printed to standard error since the last call."""
        return _first_lines(self._process.complaints() if self._process else b"")

    def _started(self, place: str) -> PerlProcess:
        if self._process is not None:
            return self._process
        perl = shutil.which("perl", path=self._path)
        if perl is None:
            raise NoPerlError("needs perl, which is not installed", place=place, hint=_install("perl"))
        environment = {
            "PATH": self._path,
            "HOME": "/",
            "LC_ALL": "C",
            "ESMITH_ROOT": self._layout.root,
            # The order of keys is the same each time, so that an output does not change for nothing.
            "PERL_HASH_SEED": "0",
            "PERL_PERTURB_KEYS": "0",
        }
        try:
            process = PerlProcess([perl, f"-I{perl_modules()}", _DRIVER], environment)
        except OSError as error:
            raise TemplateError(f"perl cannot be started: {error.strerror}", place=place) from error
        self._process = process
        try:
            answer = process.receive(time.monotonic() + SECONDS)
        except PerlEndedError as error:
            output = " / ".join([*self.printed(), *self.complaints()])
            self._kill()
            raise TemplateError(f"perl cannot be started: {error}: {output}", place=place, hint=_install()) from error
        if answer != [b"ready"]:
            self._kill()
            raise NoPerlError(
                "is Perl, which needs Text::Template, and that is not installed", place=place, hint=_install()
            )
        return process

    def _answer(self, template: PerlTemplate, question: Message) -> Fields:
        """Return the answer to what a fragment asks."""
        op, *args = [None if field is None else field.decode("utf-8", "surrogateescape") for field in question]
        texts = [text or "" for text in args]
        try:
            if op == "template":
                return ["ok", template.sub_template(texts[0], texts[1:], [])]
            if op == "template_in":
                count = int(texts[0]) + 1
                return ["ok", template.sub_template(texts[count], texts[count + 1 :], texts[1:count])]
            if op == "part" and template.tracer is not None:
                template.part(template.tracer, texts)
                return ["ok"]
            if op == "output":
                path, output, owner, group, mode, text, *directories = texts
                template.other_output(path, output, text, [owner, group, mode], directories)
                return ["ok"]
            return ["ok", *self._service.handle(op or "", args)]
        except EsmithError as error:
            if self._process is None:
                raise
            place = f"{error.place}: " if error.place else ""
            return ["error", f"{place}{error.message}{f' ({error.hint})' if error.hint else ''}"]

    def _ended(self, template: PerlTemplate, place: str, error: PerlEndedError) -> TemplateError:
        output = [*self.printed(), *self.complaints()]
        self._kill()
        is_late = isinstance(error, PerlLateError)
        reason = f"did not end within {self._seconds:g} s" if is_late else error.message
        hint = "\n  ".join([*([error.hint] if error.hint else []), *(["perl printed:", *output] if output else [])])
        return TemplateError(f"{reason} (for {template.output})", place=place, hint=hint)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None


class _RunningLog:
    """Notes what is read for the template that runs.

    :param running: the templates that run, the innermost last.
    """

    def __init__(self, running: list[PerlTemplate]) -> None:
        self._running = running

    def prop(self, database: str, key: str, prop: str, value: str | None) -> None:
        """Note that a property was read."""
        self._running[-1].log.prop(database, key, prop, value)

    def record(self, database: str, key: str, record: Record | None) -> None:
        """Note that a whole record was read."""
        self._running[-1].log.record(database, key, record)

    def listing(self, database: str) -> None:
        """Note that the keys of a database were read."""
        self._running[-1].log.listing(database)

    def file(self, path: str) -> None:
        """Note that a flat file was read."""
        self._running[-1].log.file(path)


def _first_lines(data: bytes) -> list[str]:
    lines = text_lines(data)
    return lines if len(lines) <= _SHOWN_LINES else [*lines[:_SHOWN_LINES], "..."]


def _no_templates(path: str, _variables: dict[str, Any], _directories: list[str]) -> bytes:
    raise TemplateError("cannot be expanded inside an expression", place=path)


def _install(package: str = _PACKAGE) -> str:
    return f"install the Debian package {package}: apt-get install {shell_word(package)}"
