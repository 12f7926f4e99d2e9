"""Whether a file of ``services-custom`` that is not saved is in order: its settings, or the script that it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from esmith.checks.scripts import TIMEOUT_SECONDS, interpreter_of, is_shell, script_fault
from esmith.environment import clean_environment, which
from esmith.errors import TemplateError
from esmith.layout import Layout
from esmith.perl.modules import perl_modules
from esmith.services.definition import SETTINGS, check_settings, piece

#: What becomes a part of a script (docs/add-a-service.md), by the path below the layer.
_PART = re.compile(r"[^/]+/(?:run|log)|run|log\.[^/]+")
#: What each of these scripts begins with, and so the file that says which shell runs it.
_BEGIN = "begin"
_SHELL = "/bin/sh"


def check_service_file(layout: Layout, inner: str, text: bytes, draft: str) -> list[str]:
    """Check a file of ``services-custom``, and return lines for people.

    :param inner: its path below the layer.
    :param text: what it would hold; nothing leaves the shipped one out.
    :param draft: the file that holds it so far, which an error names.
    :raises ServiceError: when a ``service.toml`` is not in order.
    :raises TemplateError: when a script does not compile, or something else would run it than it is for.
    """
    if os.path.basename(inner) == SETTINGS:
        check_settings(draft, text, of_all=inner == SETTINGS)
        return []
    words = interpreter_of(text.decode("utf-8", "replace"))
    if _PART.fullmatch(inner):
        # It follows on the shipped begin, so the program that this one names runs it, whatever its own first line says.
        shell = interpreter_of(piece(layout, _BEGIN).decode("utf-8", "replace")) or [_SHELL]
        if words and not is_shell(words):
            raise TemplateError(
                f"{shell[0]} runs this, as a part of a longer script, and not {words[0]}",
                place=f"{draft}:1",
                hint=f"write it for {shell[0]}: its last line may be exec with a program of yours",
            )
        words = shell
    if not text or not words:
        return []
    return [*_compiled(layout, words, text, draft), *_when(inner)]


def _compiled(layout: Layout, words: list[str], text: bytes, draft: str) -> list[str]:
    """Have a script compiled, and return what there is to say."""
    program = _found(layout, words[0])
    if program is None:
        return [f"it was not checked: {words[0]} is not installed"]
    environment = {**clean_environment(), "ESMITH_ROOT": layout.root, "PERL5LIB": perl_modules(), "LC_ALL": "C"}
    try:
        with _file(text) as path:
            fault = script_fault(program, words, path, text, environment)
            message, line = fault or ("", 0)
            message = message.replace(path, draft)
    except TimeoutError:
        return [f"it was not checked: {program} did not end within {TIMEOUT_SECONDS} s"]
    except OSError as error:
        raise TemplateError(
            f"{program} cannot be started: {error.strerror}", place=f"{draft}:1", hint="correct the first line"
        ) from error
    if fault is None:
        return []
    raise TemplateError(
        f"does not compile: {message}", place=f"{draft}:{line}" if line else draft, hint="correct the line"
    )


def _found(layout: Layout, interpreter: str) -> str | None:
    """Return where an interpreter is: below the root, else on this machine."""
    if not interpreter.startswith("/"):
        return which(interpreter)
    return which(layout.under(interpreter)) or which(interpreter)


def _when(inner: str) -> list[str]:
    """Return when a script that is saved takes effect."""
    if _PART.fullmatch(inner) or inner == _BEGIN:
        return ["it takes effect when the service directories are written again, and the service is started again"]
    return []


@contextmanager
def _file(text: bytes) -> Iterator[str]:
    """Yield a file with a text; who else may read the draft is not known."""
    with TemporaryDirectory(prefix="esmith-override-") as folder:
        path = os.path.join(folder, "script")
        with open(path, "wb") as file:
            file.write(text)
        yield path
