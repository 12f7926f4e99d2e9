"""Whether a script compiles, asked of the program that its first line names. None is run.

Perl loads the modules that a script uses, and runs its BEGIN blocks, as ``perl -c`` does (perlrun(1)).
"""

from __future__ import annotations

import os
import re
import subprocess
import warnings
from collections.abc import Mapping, Sequence

from esmith.perl.modules import perl_modules

#: To compile takes a hundredth of a second; a module that is loaded may take longer.
TIMEOUT_SECONDS = 30
#: The shells whose texts are compiled.
_SHELLS = frozenset(("sh", "bash", "dash", "ksh", "ash"))
#: Where perl, bash and dash put the line.
_LINE = re.compile(r"(?: at \S+ line |: line |: )(\d+)(?:[.,:]|$)")
#: A switch of perl with which -c has to be called, too (perlrun(1)).
_TAINT = re.compile(r"-\w*[tT]\w*")


def interpreter_of(text: str) -> list[str]:
    """Return the program that runs a script, for ``env`` its name, and its arguments; nothing when none is named."""
    first = text.partition("\n")[0]
    words = first[2:].split() if first.startswith("#!") else []
    if words and os.path.basename(words[0]) == "env":
        names = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return names or words
    return words


def is_shell(words: Sequence[str]) -> bool:
    """Return whether a script is one for a shell.

    :param words: as :func:`interpreter_of` gives them.
    """
    return os.path.basename(words[0]) in _SHELLS


def is_perl(words: Sequence[str]) -> bool:
    """Return whether a script is one for perl."""
    return os.path.basename(words[0]).startswith("perl")


def script_fault(
    program: str, words: Sequence[str], path: str, data: bytes, environment: Mapping[str, str]
) -> tuple[str, int] | None:
    """Return why a script does not compile, and the line of that, 0 where it is not named; None when it does.

    A script of a language that is none of shell, Perl and Python is not looked into.

    :param program: the interpreter, on this disk.
    :param words: as :func:`interpreter_of` gives them.
    :param path: the script, on this disk.
    :param data: what it holds.
    :param environment: that of the interpreter.
    :raises OSError: when the interpreter cannot be started.
    :raises TimeoutError: when it does not end.
    """
    if is_perl(words):
        switches = [word for word in words[1:] if _TAINT.fullmatch(word)]
        return _fault([program, *switches, f"-I{perl_modules()}", "-c"], path, environment)
    if is_shell(words):
        return _fault([program, "-n"], path, environment)
    return _python_fault(data) if os.path.basename(words[0]).startswith("python3") else None


def _fault(command: list[str], path: str, environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Have a program compile a script."""
    try:
        done = subprocess.run(
            [*command, path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{command[0]} did not end") from error
    if done.returncode == 0:
        return None
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    message = next((line for line in lines if line.strip()), f"{command[0]} does not compile it")
    found = _LINE.search(message.replace(path, "_"))
    message = re.sub(rf" at {re.escape(path)} line \d+", "", message.removeprefix(f"{path}: "))
    return re.sub(r"^(?:line )?\d+: ", "", message).strip(), int(found[1]) if found else 0


def _python_fault(data: bytes) -> tuple[str, int] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "-", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.msg, error.lineno or 0
    except (ValueError, RecursionError) as error:
        return str(error), 0
    return None
