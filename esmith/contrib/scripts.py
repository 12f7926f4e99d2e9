"""The actions of a contrib: does what runs them compile them. None is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import warnings
from typing import TYPE_CHECKING

from esmith.contrib.fragments import missing_module
from esmith.contrib.interface import check_interface
from esmith.environment import PATH, clean_environment
from esmith.events.actions import SHELL, is_text
from esmith.perl.modules import perl_modules

if TYPE_CHECKING:
    from esmith.contrib.place import Contrib
    from esmith.fragments.perl.engine import Perl

#: The shells whose texts are compiled.
_SHELLS = frozenset(("sh", "bash", "dash", "ksh", "ash"))
_USES = re.compile(r"^\s*(?:use|require)\s+((?:[A-Za-z_]\w*)(?:::\w+)+|[A-Z]\w*)\s*[;('q\s]", re.MULTILINE)
#: How perl begins its message when it does not find a module (perldiag(1)).
_MISSING = re.compile(r"Can't locate (\S+)\.pm in @INC")
#: Where perl, bash and dash put the line.
_LINE = re.compile(r"(?: at \S+ line |: line |: )(\d+)(?:[.,:]|$)")
#: To compile takes a hundredth of a second; a module that is loaded may take longer.
_TIMEOUT_SECONDS = 30


def check_script(contrib: Contrib, perl: Perl, path: str) -> None:
    """Compile an action with what runs it; a shell's, Perl's and Python's. Like ``perl -c``, perl loads modules."""
    data = contrib.read(path)
    if not is_text(data):
        contrib.note(path, "is a program and no text, so it cannot be looked into")
        return
    text = data.decode("utf-8", "replace")
    words = _interpreter(text)
    if not words:
        contrib.note(path, f"has no line #! at its beginning, so {SHELL} runs it, as in the original")
        words = [SHELL]
    found = _found(contrib, words[0])
    if not found:
        contrib.fails(path, f"needs {words[0]}, which is not installed", 1)
        return
    name = os.path.basename(words[0])
    if name.startswith("perl"):
        check_interface(contrib, perl, path, text)
        if not _lacks_modules(contrib, perl, path, text):
            switches = [word for word in words[1:] if re.fullmatch(r"-\w*[tT]\w*", word)]
            _compile(contrib, path, [found, *switches, f"-I{perl_modules()}", "-c"])
    elif name in _SHELLS:
        _compile(contrib, path, [found, "-n"])
    elif name.startswith("python3"):
        _compile_python(contrib, path, data)


def _interpreter(text: str) -> list[str]:
    """Return the program that runs a script, for ``env`` its name, and its arguments; nothing when none is named."""
    first = text.partition("\n")[0]
    words = first[2:].split() if first.startswith("#!") else []
    if words and os.path.basename(words[0]) == "env":
        names = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return names or words
    return words


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


def _compile(contrib: Contrib, path: str, command: list[str]) -> None:
    """Have a program compile a script."""
    place = contrib.own.under(path)
    environment = {**clean_environment(), "ESMITH_ROOT": contrib.here.root, "PERL5LIB": perl_modules(), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [*command, place],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        contrib.note(path, f"was not compiled: {command[0]} did not end within {_TIMEOUT_SECONDS} s")
        return
    except OSError as error:
        contrib.fails(path, f"cannot be run: {command[0]}: {error.strerror}", 1)
        return
    if done.returncode == 0:
        return
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    message = next((line for line in lines if line.strip()), f"{command[0]} does not compile it")
    missing = _MISSING.match(message)
    found = _LINE.search(message.replace(place, "_"))
    if missing:
        message = missing_module(contrib, missing[1].replace("/", "::"))
    else:
        message = re.sub(rf" at {re.escape(place)} line \d+", "", message.removeprefix(f"{place}: "))
        message = re.sub(r"^(?:line )?\d+: ", "", message)
    contrib.fails(path, f"does not compile: {message.strip()}", int(found[1]) if found else 0)


def _compile_python(contrib: Contrib, path: str, data: bytes) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        contrib.fails(path, f"does not compile: {error.msg}", error.lineno or 0)
    except (ValueError, RecursionError) as error:
        contrib.fails(path, f"does not compile: {error}")
