"""Printed cures: what a message shows as a command can be pasted as it stands, one command a line.

A command stands alone on a line, after a colon up to the end of the line, or in quotes. The messages are those of the
engine, the commands and the checks, the warnings of templates, and what the scripts and files of services hold.
"""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from esmith.cli import esmith as esmith_command
from esmith.cli import expand_template, more_verbs, signal_event
from esmith.cli.apply import apply_command
from esmith.cli.program import as_click
from esmith.cli.verbs import VERBS
from esmith.errors import StoreError, UsageError
from esmith.layout import Layout
from esmith.manager.helper.looks import cures
from tests.documents import HOME
from tests.manager.reads.kit import command_of
from tests.taken_over import walk

OURS = ("config", "db", "esmith", "signal-event", "expand-template")
OTHERS = ("pip", "apt-get", "systemctl", "journalctl", "openssl", "chmod", "chown", "kill", "runsvdir", "svscan")
_PROGRAM = rf"(?:/\S*/)?(?:{'|'.join(map(re.escape, (*OURS, *OTHERS)))})"
#: Alone on a line, or after a colon; to the end of the line.
_TO_THE_END = re.compile(rf"(?:^[ \t]*|: )(?P<command>{_PROGRAM} .*)$", re.MULTILINE)
_QUOTED = re.compile(rf"(?<!\w)(['`])(?P<command>{_PROGRAM} [^'`\n]*)\1")
#: In the middle of a sentence nobody sees where it ends.
_IN_A_SENTENCE = re.compile(rf"\b(?:run|type|with) {_PROGRAM} ")
#: What stands for a value that is filled in.
_VALUE = "1"
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)

#: Texts that are not yet so, or that show how a program is called.
EXEMPT = {
    "esmith/perl/service.py": "store it with: db --force",
    "esmith/cli/db_help.py": "db DATABASE",
    "esmith/cli/more_verbs.py": "usage: db DATABASE",
}


def _of_python(text: str) -> Iterator[str]:
    """Yield the texts in Python, without the docstrings of functions that are no commands."""
    tree = ast.parse(text)
    nodes = walk(tree)
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in walk(node)}
    parts |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else _VALUE
                for value in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def _of_fragment(text: str) -> Iterator[str]:
    """Yield what the warnings of a Jinja2 fragment print."""
    for start in re.finditer(r"\bwarn\(", text):
        call = re.split(r"\) *-?[%}]}|\) if ", text[start.end() :], maxsplit=1)[0]
        place, found = 0, ""
        for literal in _LITERAL.finditer(call):
            between = call[place : literal.start()].strip(" \n~")
            found += (_VALUE if between else "") + (literal[1] or literal[2] or "").replace("\\n", "\n")
            place = literal.end()
        yield found + (_VALUE if call[place:].strip(" \n~") else "")


def _of_script(text: str) -> Iterator[str]:
    """Yield what a script of a service logs when it cannot run the service."""
    for found in re.finditer(r"unable ([\"'])(.*?)\1", text):
        yield re.sub(r"\$\w+|\$\(.*?\)", _VALUE, found[2])


def _of_toml(text: str) -> Iterator[str]:
    waiting: list[object] = [tomllib.loads(text)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            yield one


@cache
def _texts() -> list[tuple[str, str]]:
    """Return each text that may be shown, with the file it is in."""
    found: list[tuple[str, str]] = []
    readers = {
        "esmith/**/*.py": _of_python,
        "commands/*.py": _of_python,
        "checks/*.py": _of_python,
        "services/**/*.toml": _of_toml,
        "services/**/run": _of_script,
        "templates/**/*": _of_fragment,
    }
    for pattern, reader in readers.items():
        for path in sorted(HOME.glob(pattern)):
            if path.is_file():
                name = str(path.relative_to(HOME))
                found += [
                    (name, text) for text in reader(path.read_text()) if name not in EXEMPT or EXEMPT[name] not in text
                ]
    return found


@cache
def _names() -> set[str]:
    known = esmith_command.subcommands()
    groups = {name: command for name, command in known.items() if isinstance(command, click.Group)}
    below = {
        f"esmith {name} {one}" for name, group in groups.items() for one in group.list_commands(click.Context(group))
    }
    return {f"esmith {name}" for name in known} | below


def _cures(text: str) -> list[str]:
    """Return what a text shows as commands."""
    quoted = [found["command"] for found in _QUOTED.finditer(text)]
    # Two words in quotes, or alone, may be just the name of a command.
    quoted = [command for command in quoted if command not in _names()]
    if text in _names():
        return []
    return quoted + [found["command"] for found in _TO_THE_END.finditer(_QUOTED.sub("", text))]


def _fault(command: str) -> str:
    """Return why a command cannot be pasted, "" when it can."""
    if re.search(r"[;,]( |$)|\b(?:then|and then|or)\b|[.;,)]$", command):
        return "more than the command"
    program, *words = shlex.split(command)
    try:
        if program in ("config", "db"):
            return _fault_of_db(words if program == "config" else words[1:])
        if program == "signal-event":
            as_click(signal_event.COMMAND).make_context(program, words)
        elif program == "expand-template":
            as_click(expand_template.COMMAND).make_context(program, words)
        elif program == "esmith":
            _parse_esmith(words)
    except click.ClickException as error:
        return error.format_message()
    except click.exceptions.Exit:
        # It asks for a help page, which was printed.
        return ""
    return ""


def _fault_of_db(words: list[str]) -> str:
    verb, operands = (words[0], words[1:]) if words else ("", [])
    if verb == "apply":
        as_click(apply_command("config", None)).make_context("config", operands)
        return ""
    if verb in more_verbs.OPERANDS:
        try:
            more_verbs.require_operands(verb, operands)
        except UsageError as error:
            return error.message
        return ""
    if verb not in VERBS:
        return f"no verb {verb!r}"
    return "" if VERBS[verb].accepts(operands) else f"{verb} needs {VERBS[verb].operands}"


def _parse_esmith(words: list[str]) -> None:
    if words[:1] == ["--root"]:
        words = words[2:]
    if not words or words[0] not in (known := esmith_command.subcommands()):
        raise click.UsageError(f"there is no esmith {' '.join(words[:1])}")
    command, rest = known[words[0]], words[1:]
    if isinstance(command, click.Group) and not (rest and rest[0].startswith("-")):
        below = command.get_command(click.Context(command), rest[0]) if rest else None
        if below is None:
            raise click.UsageError(f"there is no esmith {' '.join(words[:2])}")
        command, rest = below, rest[1:]
    command.make_context(words[0], rest)


def test_printed_commands_can_be_pasted() -> None:
    """Each command that a message shows is complete, has options and operands that exist, and stands alone."""
    found = [(name, cure) for name, text in _texts() for cure in _cures(text)]
    faults = [f"{name}: {cure!r}: {fault}" for name, cure in found if (fault := _fault(cure))]
    assert faults == []
    assert {name.partition("/")[0] for name, _ in found} == {"esmith", "commands", "services", "templates"}


def test_what_is_added_to_a_cure_is_no_part_of_its_command() -> None:
    """A fact that a caller adds to an error gets a line of its own below a command."""
    error = StoreError("is held", hint="end it with: kill 4711")
    error.add_unchanged()
    assert _cures(error.hint) == ["kill 4711"]
    assert error.hint.splitlines()[-1].strip() == "nothing was changed"


def test_no_command_is_hidden_in_a_sentence() -> None:
    """A sentence names a command in quotes, so that it is seen where the command ends."""
    assert [f"{name}: {text!r}" for name, text in _texts() if _IN_A_SENTENCE.search(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "write it: esmith init --services runit /service; then signal-event email-update",
        "install it: pip install aiosmtpd; esmith init --services",
        "make one: config setprop qpsmtpd DKIMSigning enabled, then signal-event email-update",
        "esmith init --services",
        "'esmith nosuch' shows it",
        "run: esmith recover --nosuch",
        "make it first: db accounts set joe",
        "to do so:\n    config setprop qpsmtpd",
        "esmith recover, and then run this again",
    ],
)
def test_what_cannot_be_pasted_is_found(text: str) -> None:
    """Two commands in a line, an option without its value, a subcommand or an option that is not there, prose."""
    (command,) = _cures(text)
    assert _fault(command)


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("to do so:\n    esmith init\n    signal-event a", ["esmith init", "signal-event a"]),
        ("'esmith generations --json' lists them", ["esmith generations --json"]),
        ("'esmith forget' removes it", []),
        ("it is pending (esmith services)", []),
    ],
)
def test_what_can_be_pasted(text: str, commands: list[str]) -> None:
    """Commands on lines of their own and in quotes are found as they stand; a name in parentheses is no cure."""
    assert _cures(text) == commands
    assert not any(map(_fault, commands))


@pytest.mark.parametrize(("name", "text"), EXEMPT.items())
def test_what_is_exempt_is_still_there(name: str, text: str) -> None:
    """An exemption whose text is gone is removed."""
    assert text in (HOME / name).read_text()


def test_what_the_panel_makes_a_button_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all cures those that become an operation of the server-manager come to the same command, word for word."""
    monkeypatch.setattr(cures, "find_supervisor", lambda _layout, service: service)
    (tmp_path / "etc/e-smith").mkdir(parents=True)
    (tmp_path / "etc/e-smith/events").symlink_to(HOME / "events")
    layout, kinds = Layout(str(tmp_path)), set()
    for cure in (cure for _, text in _texts() for cure in _cures(text)):
        operation = cures.operation_of(cure, layout, 7)
        if operation is not None:
            kinds.add(operation["kind"])
            assert command_of(operation) == shlex.split(cure)
    # The names of services are filled in later.
    assert kinds >= {"recover", "event", "setting"}
