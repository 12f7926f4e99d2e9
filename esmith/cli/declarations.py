"""The options, operands and help of every command, for completion and manual pages: from what makes ``--help``.

What kind of word an option or an operand is, the name in the help page shows: DATABASE, EVENT, PATH. Where that name
says nothing, as NUMBER, the word before it in the help does: ``revision NUMBER``.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator

import click

from esmith.backup.form import PARTS
from esmith.cli.groups import Sentences, first_of
from esmith.doctor.examine import AREAS
from esmith.fields import replace
from esmith.prompt.declaration import DIRECTORIES, FILES, Declaration, Operand, Option
from esmith.setup.shipped import shipped_commands

#: What the names of operands and of options' words mean.
_KINDS = {
    "database": "database",
    "db": "database",
    "key": "key",
    "record": "key",
    "prop": "prop",
    "property": "prop",
    "val": "val",
    "value": "val",
    "type": "type",
    "event": "event",
    "arguments": "argument",
    "service": "service",
    "action": "action",
    "path": "path",
    "template": "path",
    "revision": "revision",
    "generation": "generation",
    "user": "user",
    "account": "account",
    "area": "=" + "|".join(AREAS),
    "parts": "," + "|".join(PARTS),
    "what": "what",
    "file": FILES,
    "dir": DIRECTORIES,
    "directory": DIRECTORIES,
    "folder": DIRECTORIES,
}
#: What is otherwise in one command.
_KINDS_OF = {"overrides": {"path": "override"}, "qpsmtpd-print-dns": {"": "domain"}}
#: Words of which one is to be typed, as they are: "[diff|edit]".
_WORDS = re.compile(r"[a-z-]+(\|[a-z-]+)+")


def all_declarations() -> list[Declaration]:
    """Return the declarations of all commands that an administrator types, each with its subcommands."""
    from esmith.cli import db_help, esmith, expand_template, signal_event
    from esmith.cli.program import as_click

    found = [declaration_of(db_help.group(program), (program,)) for program in ("config", "db")]
    found[1] = replace(found[1], usage="DATABASE [OPTIONS] COMMAND [ARGS]...", operands=[Operand("database")])
    found += [declaration_of(as_click(one.COMMAND), (one.COMMAND.name,)) for one in (signal_event, expand_template)]
    found.append(declaration_of(esmith.group, ("esmith",)))
    for name, file in shipped_commands().items():
        found.append(declaration_of(runpy.run_path(file)["command"], (name,)))
    return found


def declaration_of(command: click.Command, words: tuple[str, ...], heading: str = "") -> Declaration:
    """Return the declaration of a command.

    :param words: what it is called by.
    :param heading: the one that it stands below.
    """
    context = click.Context(command, info_name=words[-1])
    help = "\n\n".join(filter(None, ((command.help or "").strip(), (command.epilog or "").strip())))
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    others = _KINDS_OF.get(words[-1], {})
    found_operands = [operand for one in arguments for operand in _operands(one, help)]
    operands = [replace(one, kind=others.get(one.kind, one.kind)) for one in found_operands]
    declared = [one for one in command.get_params(context) if isinstance(one, click.Option) and not one.hidden]
    options = [_option(one, help, context) for one in declared]
    # Those of a verb stand among its operands: "list [--changed]".
    shown = [word.strip("[]") for one in arguments for word in (one.metavar or "").split()]
    options += [Option((word,), "", word, "") for word in shown if word.startswith("--")]
    usage = " ".join(command.collect_usage_pieces(context))
    short = first_of(help)
    stops = not command.context_settings.get("allow_interspersed_args", command.allow_interspersed_args)
    made = Declaration(words, short, help, usage, options, operands, stops, heading=heading)
    if isinstance(command, Sentences):
        for below, names in command.below_headings(context):
            found = {name: command.get_command(context, name) for name in names}
            made.commands.extend(declaration_of(one, (*words, name), below) for name, one in found.items() if one)
    return made


def _option(option: click.Option, help: str, context: click.Context) -> Option:
    shown, text = option.get_help_record(context) or ("", "")
    is_flag = option.is_flag or bool(option.count)
    kind = "" if is_flag else _kind(option, option.metavar or "", help) or "word"
    return Option((*option.opts, *option.secondary_opts), kind, shown, text)


def _operands(argument: click.Argument, help: str) -> Iterator[Operand]:
    """Yield the operands of an argument, whose name may show several: ``key prop1 val1 [prop2 val2] ...``."""
    shown = argument.metavar or argument.name or ""
    names = [name for name in map(_bare, shown.split()) if name and not name.startswith("-")]
    if not names:
        return
    if len(names) == 1:
        repeats = shown.endswith("...") if argument.metavar else argument.nargs == -1
        yield Operand(_kind(argument, shown, help), repeats)
        return
    kinds: list[str] = []
    for name in names:
        # "from generation N to M": M is what N is.
        kinds.append(_kind_of(name, help) or (kinds[-1] if kinds and len(name) == 1 else ""))
    if names[:2] == ["key", "type"] and "val" in names:
        kinds[0] = "new-key"
    cycle = _repeating(names) if shown.endswith("...") else 0
    kinds = kinds[: len(kinds) - cycle * (_times(names, cycle) - 1)] if cycle else kinds
    for place, kind in enumerate(kinds):
        yield Operand(kind, repeats=place >= len(kinds) - cycle)


def _repeating(names: list[str]) -> int:
    """Return how many of the last names come again together."""
    return next((size for size in (1, 2) if names[-size:] == names[-2 * size : -size]), 1)


def _times(names: list[str], size: int) -> int:
    """Return how often the last names are shown."""
    times = 1
    while names[len(names) - size * (times + 1) : len(names) - size * times] == names[-size:]:
        times += 1
    return times


def _kind(param: click.Parameter, shown: str, help: str) -> str:
    if isinstance(param.type, click.Choice):
        return "=" + "|".join(map(str, param.type.choices))
    if isinstance(param.type, click.Path):
        return FILES if param.type.file_okay else DIRECTORIES
    names = [_bare(shown), param.name or "", *(name.lstrip("-") for name in param.opts)]
    return next(filter(None, (_kind_of(name, help) for name in names)), "")


def _kind_of(name: str, help: str) -> str:
    """Return what a name means; "" for nothing that is known."""
    if _WORDS.fullmatch(name):
        return f"={name}"
    kinds = [_KINDS[part] for part in re.split(r"[^a-z]+", name.lower()) if part in _KINDS]
    # Of a directory or a file it is whatever the shell finds.
    if kinds:
        return FILES if FILES in kinds else kinds[0]
    before = re.search(rf"(\w+) {re.escape(name.upper())}\b", help) if name else None
    return _KINDS.get(before[1].lower(), "") if before else ""


def _bare(name: str) -> str:
    return name.strip("[].").rstrip("0123456789.]")
