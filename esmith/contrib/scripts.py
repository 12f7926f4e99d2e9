"""The actions of a contrib: does what runs them compile them. None is run."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from esmith.checks.scripts import TIMEOUT_SECONDS, interpreter_of, is_perl, script_fault
from esmith.contrib.fragments import missing_module
from esmith.contrib.interface import check_interface
from esmith.environment import PATH, clean_environment
from esmith.events.actions import SHELL, is_text
from esmith.perl.modules import perl_modules

if TYPE_CHECKING:
    from esmith.contrib.place import Contrib
    from esmith.fragments.perl.engine import Perl

_USES = re.compile(r"^\s*(?:use|require)\s+((?:[A-Za-z_]\w*)(?:::\w+)+|[A-Z]\w*)\s*[;('q\s]", re.MULTILINE)
#: How perl begins its message when it does not find a module (perldiag(1)).
_MISSING = re.compile(r"Can't locate (\S+)\.pm in @INC")


def check_script(contrib: Contrib, perl: Perl, path: str) -> None:
    """Compile an action with what runs it; a shell's, Perl's and Python's. Like ``perl -c``, perl loads modules."""
    data = contrib.read(path)
    if not is_text(data):
        contrib.note(path, "is a program and no text, so it cannot be looked into")
        return
    text = data.decode("utf-8", "replace")
    words = interpreter_of(text)
    if not words:
        contrib.note(path, f"has no line #! at its beginning, so {SHELL} runs it, as in the original")
        words = [SHELL]
    found = _found(contrib, words[0])
    if not found:
        contrib.fails(path, f"needs {words[0]}, which is not installed", 1)
        return
    if is_perl(words):
        check_interface(contrib, perl, path, text)
        if _lacks_modules(contrib, perl, path, text):
            return
    _compile(contrib, path, found, words, data)


def _found(contrib: Contrib, interpreter: str) -> str | None:
    """Return where the program is, None when it is nowhere."""
    if not interpreter.startswith("/"):
        return shutil.which(interpreter, path=PATH)
    places = [contrib.own.under(interpreter), contrib.here.under(interpreter), interpreter]
    return next((place for place in places if os.path.exists(place)), None)


def _lacks_modules(contrib: Contrib, perl: Perl, path: str, text: str) -> bool:
    """Name the Perl modules a script uses and perl does not find; return whether there are any."""
    code = re.split(r"^__(?:END|DATA)__$", text, maxsplit=1, flags=re.MULTILINE)[0]
    lines = {match[1]: code.count("\n", 0, match.start(1)) + 1 for match in _USES.finditer(code)}
    if not lines:
        return False
    search = (
        "join ' ', grep { my $name = $_; $name =~ s{::}{/}g; !grep { -e qq{$_/$name.pm} } @INC } split ' ', $MODULES"
    )
    missing = perl.evaluate(search, contrib.own.under(path), {"MODULES": " ".join(lines)}) or ""
    for module in missing.split():
        contrib.fails(path, missing_module(contrib, module), lines[module])
    return bool(missing)


def _compile(contrib: Contrib, path: str, program: str, words: list[str], data: bytes) -> None:
    """Have a program compile a script."""
    environment = {**clean_environment(), "ESMITH_ROOT": contrib.here.root, "PERL5LIB": perl_modules(), "LC_ALL": "C"}
    try:
        fault = script_fault(program, words, contrib.own.under(path), data, environment)
    except TimeoutError:
        contrib.note(path, f"was not compiled: {program} did not end within {TIMEOUT_SECONDS} s")
        return
    except OSError as error:
        contrib.fails(path, f"cannot be run: {program}: {error.strerror}", 1)
        return
    if fault is None:
        return
    message, line = fault
    if missing := _MISSING.match(message):
        message = missing_module(contrib, missing[1].replace("/", "::"))
    contrib.fails(path, f"does not compile: {message}", line)
