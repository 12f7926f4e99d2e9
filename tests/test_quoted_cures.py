"""Whatever stands in a command that is shown to be pasted is one word of it: a value cannot add a command to it.

A record may be called ``x;reboot``. So in each text that shows a command, what is filled in goes through
:func:`esmith.printable.shell_word` or what does the same, or is a number with a format that takes numbers alone.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith.printable import shell_word
from tests.documents import HOME
from tests.test_cures import OTHERS, OURS

PROGRAMS = (
    *OURS,
    *OTHERS,
    *["rm", "mv", "less", "tail", "du", "ls", "mkdir", "usermod", "runuser", "chgrp", "sudo", "echo"],
)
_PROGRAM = rf"(?:/\S*/)?(?:{'|'.join(map(re.escape, PROGRAMS))})"
_SHOWN = (
    re.compile(rf"(?:^[ \t]*|: |&& )(?P<command>{_PROGRAM} .*)$", re.MULTILINE),
    re.compile(rf"(?<!\w)(['`])(?P<command>{_PROGRAM} [^'`\n]*)\1"),
)
#: What gives words for a shell.
_MAKES_WORDS = re.compile(r"(?:^|\W)(?:shell_word|(?:shlex\.)?quote|shlex\.join|\w+\.pasted)\(")
_CONSTANT = re.compile(r"[A-Z_]+")

#: Texts that name what was called, or how something is called, and show nothing to paste; and why the others are safe.
EXEMPT = {
    ("esmith/cli/backup.py", "counted(len(result.plan.changed), 'file')"): "what was done",
    ("esmith/cli/refusing.py", "verb.name"): "the usage line of the original",
    ("esmith/cli/refusing.py", "verb.operands"): "the usage line of the original",
    ("esmith/cli/init.py", "by_environment"): "a remark behind the command",
    ("esmith/cli/more_verbs.py", "OPERANDS[name]"): "a usage line",
    ("esmith/cli/more_verbs.py", "name"): "a usage line",
    ("esmith/contrib/trial.py", "event.name"): "what is tried",
    ("esmith/contrib/trial.py", "name"): "what is tried",
    ("esmith/doctor/leftovers.py", "' '.join(places)"): "each is quoted there",
    ("esmith/doctor/programs.py", "' '.join(missing)"): "our own package names",
    ("esmith/doctor/units.py", "'enable' if wanted else 'disable'"): "one of two words",
    ("esmith/doctor/units.py", "unit"): "the name of a unit file that setup wrote",
    ("esmith/doctor/units.py", "_folder(case)"): "quoted there",
    ("esmith/doctor/units.py", "_service_of(case, path)"): "the name of a service directory that setup wrote",
    ("esmith/events/rollback.py", "earlier.number"): "what is done",
    ("esmith/events/signal.py", "name"): "what is done",
    ("esmith/logs/following.py", "process.wait()"): "what has ended",
    ("esmith/ownership.py", "option"): "one of two options",
    ("esmith/schema/foreign.py", "_instead()"): "an address or a word of our own",
    ("esmith/services/systemd.py", "arguments[0]"): "what has failed",
    ("esmith/services/systemd.py", "printed or f'exit code {code}'"): "what has failed",
    ("esmith/services/units.py", "command"): "what has failed",
    ("esmith/services/units.py", "printed or f'exit code {code}'"): "what has failed",
}


def _filled_in(text: ast.JoinedStr) -> Iterator[ast.FormattedValue]:
    """Yield what is filled in where a text shows a command."""
    shown, values = "", dict[str, ast.FormattedValue]()
    for part in text.values:
        if isinstance(part, ast.FormattedValue):
            values[chr(0xE000 + len(values))] = part
            shown += chr(0xDFFF + len(values))
        elif isinstance(part, ast.Constant):
            shown += str(part.value)
    for pattern in _SHOWN:
        for found in pattern.finditer(shown):
            yield from (values[char] for char in found["command"] if char in values)


def unquoted(source: str) -> Iterator[str]:
    """Yield what a module fills into commands that it shows, and that may be more than one word of them."""
    tree = ast.parse(source)
    words = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _MAKES_WORDS.search(ast.unparse(node.value))
        for names in node.targets
        for target in ast.walk(names)
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        for value in _filled_in(node) if isinstance(node, ast.JoinedStr) else ():
            filled = ast.unparse(value.value)
            is_number = value.format_spec is not None and ast.unparse(value.format_spec).rstrip("'\"")[-1:] in "dox"
            if not (is_number or filled in words or _CONSTANT.fullmatch(filled) or _MAKES_WORDS.search(filled)):
                yield filled


def test_what_stands_in_a_command_is_one_word_of_it() -> None:
    """No module fills a value into a command to paste as it is, but for those that are listed with the reason."""
    found = {
        (str(path.relative_to(HOME)), filled)
        for path in sorted((HOME / "esmith").rglob("*.py"))
        for filled in unquoted(path.read_text())
    }
    assert found - EXEMPT.keys() == set()
    assert EXEMPT.keys() - found == set(), "no longer there"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('f"to make it: db {name} show"', ["name"]),
        ('f"to make it: db {shell_word(name)} show"', []),
        ('f"rm {path}"', ["path"]),
        ('place = shlex.quote(path)\nf"rm {place}"', []),
        ('f"kill {pid:d}"', []),
        ('f"kill {pid!s}"', ["pid"]),
        ("f\"it is {name}; 'esmith explain {name}' says why\"", ["name"]),
        ('f"{name} is not there"', []),
        ('f"chown root {PATH}"', []),
    ],
)
def test_what_the_rule_finds(source: str, found: list[str]) -> None:
    """The rule finds what is filled into a command, and nothing else."""
    assert list(unquoted(source)) == found


@given(st.text(max_size=20))
def test_a_word_is_one_word(text: str) -> None:
    """Whatever a text holds, the shell reads it as one word, which is the text."""
    assert shlex.split(f"program {shell_word(text)} more") == ["program", text, "more"]
    assert shell_word(text) == shlex.quote(text)
