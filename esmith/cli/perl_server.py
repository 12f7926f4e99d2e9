"""``esmith-perl-server``: serves the databases to one Perl script over a pipe; started by ``esmith/backend.pm``.

A script calls it dozens of times, so nothing is imported that the operation at hand does not need.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from esmith.environment import clean, layer_of_commands
from esmith.errors import EsmithError, UsageError
from esmith.layout import Layout
from esmith.names import is_number, shorten
from esmith.perl.protocol import MessageReader, ProtocolError, encode
from esmith.perl.service import StoreService, failure
from esmith.perl.sources import StoreSource
from esmith.repeating import repeat
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from esmith.events.session import Session
    from esmith.perl.protocol import Message
    from esmith.perl.service import Texts


def main() -> NoReturn:
    """Serve the script whose name is the argument, on the standard input and output, until it ends."""
    clean()
    script = sys.argv[1] if len(sys.argv) > 1 else "perl"
    incoming, outgoing = _take_pipes()
    reader = MessageReader(lambda wanted: os.read(incoming, wanted))
    answer = _answering(script)
    try:
        while request := reader.next():
            data = _encoded(answer(request))
            while data:
                data = data[os.write(outgoing, data) :]
    except (ProtocolError, BrokenPipeError, ConnectionResetError):
        # The script was killed; what it asked for was done or not begun.
        sys.exit(1)
    sys.exit(0)


def _take_pipes() -> tuple[int, int]:
    """Return the pipes, out of reach of whatever might read standard input or print."""
    pipes = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2 if _is_open(2) else null, 1)
    return pipes


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _encoded(reply: Message) -> bytes:
    try:
        return encode(reply)
    except ProtocolError as error:
        return encode(failure(error))


def _answering(script: str) -> Callable[[Message], Message]:
    """Return what answers a request; where there is no usable root, every answer says why."""
    try:
        layout = Layout.chosen()
    except EsmithError as error:
        reply = failure(error)
        return lambda _request: reply
    from esmith.schema.load import Schema

    source = StoreSource(layout, Author.current([script]), layer_of_commands())
    service = _Service(layout, source, schema=Schema(layout))
    script_templates = _Templates(layout, source, script)
    service.register("template", script_templates.text)
    service.register("template_in", script_templates.text_in)
    service.register("expand", script_templates.expand)
    service.register("install", script_templates.install)
    service.register("remove", script_templates.remove)
    service.register("service", lambda arguments: _control(layout, arguments))
    return service.answer


class _Service(StoreService):
    """The operations on the databases, each repeated where other servers of a fleet were ahead of it."""

    def handle(self, name: str, arguments: Texts) -> Texts:
        """Run one operation."""
        return repeat(self._layout, lambda: super(_Service, self).handle(name, arguments))


class _Templates:
    """The operations of ``esmith::templates``. The directories of fragments come last, or after their number."""

    def __init__(self, layout: Layout, source: StoreSource, script: str) -> None:
        self._layout = layout
        self._source = source
        self._script = script

    def text(self, arguments: Texts) -> Texts:
        """Return the text of a template: PATH NAME VALUE ..."""
        return [self._text((), arguments)]

    def text_in(self, arguments: Texts) -> Texts:
        """Return the text of a template of other directories: COUNT DIR ... PATH NAME VALUE ..."""
        text = _complete(arguments, 1)[0]
        if not is_number(text):
            raise UsageError(f"the operation was called with {shorten(text)!r}, which is not a number")
        count = int(text)
        return [self._text(self._layers(arguments[1 : count + 1]), arguments[count + 1 :])]

    def expand(self, arguments: Texts) -> Texts:
        """Expand a template as ``expand-template`` does: PATH OUTPUT DIR ..."""
        from esmith.events.expand import expand_templates

        path, output, *directories = _complete(arguments, 2)
        other = "" if output == path else output
        expand_templates(self._session(), [path], output=other, layers=self._layers([*directories]))
        return []

    def install(self, arguments: Texts) -> Texts:
        """Install what a script made of a template: PATH OUTPUT OWNER GROUP MODE TEXT DIR ..."""
        path, output, owner, group, mode, text, *directories = _complete(arguments, 6)
        given = {"owner": owner, "group": group, "mode": mode}
        attributes = {name: value for name, value in given.items() if value}
        return self._install(path, output, text.encode("utf-8", "surrogateescape"), directories, attributes)

    def remove(self, arguments: Texts) -> Texts:
        """Remove the file of a template: PATH OUTPUT DIR ..."""
        path, output, *directories = _complete(arguments, 2)
        return self._install(path, output, None, directories, {})

    def _install(
        self, path: str, output: str, content: bytes | None, directories: list[str], attributes: dict[str, str]
    ) -> Texts:
        from esmith.events.expand import install_content

        layers = self._layers([*directories])
        install_content(self._session(), path, output, content, layers=layers, attributes=attributes)
        return []

    def _session(self) -> Session:
        from esmith.events.session import Session

        return Session(self._layout, self._source.store(write=True), self._say)

    def _text(self, layers: tuple[str, ...], arguments: Texts) -> str:
        from esmith.fragments.render import Renderer

        path, *pairs = _complete(arguments, 1)
        variables = dict(zip(pairs[::2], pairs[1::2], strict=True))
        store = self._source.store(write=False)
        with store.snapshot() as snapshot, Renderer(self._layout, snapshot, layers) as renderer:
            text, warnings = renderer.text(path, variables)
        for warning in warnings:
            self._say(warning)
        return text

    def _layers(self, directories: Texts) -> tuple[str, ...]:
        return tuple(self._layout.under(os.path.join("/etc/e-smith", directory or "")) for directory in directories)

    def _say(self, text: str) -> None:
        from esmith.cli.output import complain

        complain(os.path.basename(self._script), text)


def _complete(arguments: Texts, wanted: int) -> list[str]:
    """Return arguments of which so many are needed; undef counts as empty."""
    if len(arguments) < wanted:
        raise UsageError("the operation was called with too few arguments")
    return [text or "" for text in arguments]


def _control(layout: Layout, arguments: Texts) -> Texts:
    """Do one thing to a service: NAME WORD."""
    from esmith.errors import ServiceError
    from esmith.services.actions import check_action
    from esmith.services.find import find_supervisor
    from esmith.services.model import StillEndingError

    name, word = _complete(arguments, 2)
    layout.trust.renew()
    supervisor = find_supervisor(layout, name)
    if supervisor is None:
        raise ServiceError("no supervisor knows it", place=f"service {name}")
    # One that still ends does the rest by itself.
    with suppress(StillEndingError):
        supervisor.control(name, check_action(word))
    return []
